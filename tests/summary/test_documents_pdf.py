"""PDF files: their text in reading order, their pages as pictures, and one clear line for what cannot be read."""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pdf_files as made
import pytest
from PIL import Image

from redraft.core.errors import InputError
from redraft.core.work import Silent
from redraft.tasks.summary.documents import pdf, pdf_process
from redraft.tasks.summary.documents.blocks import Code, Heading, Paragraph, plain, spans
from redraft.tasks.summary.documents.pdf import pdf_pages
from redraft.tasks.summary.documents.pdf_lines import Line, assemble
from redraft.tasks.summary.documents.read import FileText, parse, read_data, read_file
from redraft.tasks.summary.pages.samples import SAMPLES, Sample

FIRST = (
    "The committee considers the well-known question of whether foxes should be permitted to jump at all, and if "
    "so, over which dogs, at what times of the day, and in the presence of whom. It has heard the foxes twice."
)
SECOND = (
    "A second paragraph begins with an indented line, as books have it, and it says that the dogs were not heard."
)
THIRD = "The other column is read after the first one, and its last paragraph does not end here but goes over to"
REST = "the next one, where it ends."


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pages with headers, footers, a title, two columns, and a paragraph that crosses each page's end."""
    pages = []
    for number in range(4):
        pieces = [(60, 40, 8, "Journal of Foxes, vol. 3"), (60, 90, 18, f"Part {number + 1} of all")]
        pieces += made.column(FIRST, 60, 120, 44)
        pieces += made.column(SECOND, 60, 120 + 12.5 * len(made.column(FIRST, 0, 0, 44)), 44, indent=15)
        top = 120.0
        if number:
            pieces += made.column(REST, 320, top, 44)
            top += 30
        pieces += made.column(THIRD, 320, top, 44)
        pages.append([*pieces, (290, 810, 8, f"page {number + 1}")])
    folder = tmp_path_factory.mktemp("pdf")
    return made.printed(folder / "journal.pdf", pages, "  On   foxes ")


def test_text_is_read_by_columns_with_its_paragraphs_whole(journal: Path) -> None:
    found = read_file(journal, Silent())
    assert (found.format, found.title, found.notes) == ("text", "On foxes", ())
    paragraphs = found.text.split("\n\n")
    assert paragraphs[:5] == ["Journal of Foxes, vol. 3", "Part 1 of all\n=============", FIRST, SECOND, THIRD]
    assert paragraphs[-1].strip() == "page 4"
    assert found.text.count("Journal of Foxes") == 4
    blocks = parse(found.text, found.format).blocks
    assert [plain(b.content) for b in blocks if isinstance(b, Heading)] == [
        f"Part {n} of all" for n in range(1, 5)
    ]


def test_nothing_that_is_printed_is_left_out(journal: Path) -> None:
    text = read_file(journal, Silent()).text
    for number in range(1, 5):
        assert f"page {number}" in text
    assert text.count(REST) == 3
    letters = sum(c.isalnum() for c in text)
    printed = 4 * (FIRST + SECOND + THIRD + "Journal of Foxes, vol. 3" + "Part 1 of all" + "page 1") + 3 * REST
    assert letters == sum(c.isalnum() for c in printed)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.script)
def test_letters_of_every_script_come_back_in_logical_order(tmp_path: Path, sample: Sample) -> None:
    """Of marks above and below letters PDFs do not always tell the order; the letters are in theirs."""
    text = sample.text[:30].rsplit(" ", 1)[0]
    path = made.printed(tmp_path / "a.pdf", [[(60, 100, 16, text)]])
    found = read_file(path, Silent()).text
    assert [c for c in found if c.isalpha()] == [c for c in unicodedata.normalize("NFC", text) if c.isalpha()]


def without_marks(text: str) -> str:
    return "".join(sign for sign in text if unicodedata.category(sign) != "Mn")


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.right_to_left], ids=lambda sample: sample.script)
def test_mixed_directions_on_paper_come_back_in_logical_order(tmp_path: Path, sample: Sample) -> None:
    first, second = sample.text.split()[:2]
    texts = [
        unicodedata.normalize("NFC", sample.text),
        f"{first} (Unicode 16.0) {second}, 2024.",
        f"{second} Hello world again {first}",
    ]
    path = made.set_in_lines(tmp_path / "a.pdf", texts)
    paragraphs = read_file(path, Silent()).text.strip().split("\n\n")
    # The marks of a ligature's letters stand behind all of them.
    assert [without_marks(text) for text in paragraphs] == [without_marks(text) for text in texts]
    assert all(Counter(found) == Counter(text) for found, text in zip(paragraphs, texts, strict=True))


def test_right_to_left_words_in_a_paragraph_from_the_left(tmp_path: Path) -> None:
    text = "The words שלום עולם (peace, world) stand in an English sentence of 1 line, not 2."
    path = made.set_in_lines(tmp_path / "a.pdf", [text], size=10)
    assert read_file(path, Silent()).text.strip() == text


def line(text: str, top: float, left: float = 60, size: float = 12, **look: bool) -> Line:
    return Line(text, left, left + 6 * len(text), 800 - top, size, **look)


def test_a_word_that_is_broken_at_a_line_end_is_whole_again() -> None:
    rows = [
        "The commit-",
        "tee met, and a well-",
        "known fox; it was a well-known",
        "fox of 1990-",
        "95 and Anglo-",
        "Saxon kin.",
    ]
    text = assemble([[line(row, 15 * at) for at, row in enumerate(rows)]])
    assert (
        text
        == "The committee met, and a well-known fox; it was a well-known fox of 1990-95 and Anglo-Saxon kin.\n"
    )


def test_a_broken_word_in_capitals_needs_a_whole_one_elsewhere() -> None:
    rows = ["It is OP-", "TIONAL, and what is OPTIONAL may be absent; an X-", "RAY is not."]
    text = assemble([[line(row, 15 * at) for at, row in enumerate(rows)]])
    assert text == "It is OPTIONAL, and what is OPTIONAL may be absent; an X-RAY is not.\n"


def test_soft_hyphens_of_pdfium_are_joined() -> None:
    content = b"BT /F1 12 Tf 72 720 Td (Hello hyphen-) Tj 0 -14 Td (ated world) Tj ET"
    assert read_data(made.by_hand(made.page(content)), Path("-"), Silent()).text == "Hello hyphenated world\n"


def test_bold_lines_are_titles_and_fixed_width_ones_code() -> None:
    page = [
        line("A bold title", 0, bold=True),
        line("Text that is long enough to be the running text of it.", 20),
        line("if x:", 40, mono=True),
        line("return 1", 55, left=60 + 4 * 6, mono=True),
        line("And the text goes on behind the code, as it should.", 75),
    ]
    title, before, code, behind = parse(assemble([page]), "text").blocks
    assert title == Heading(1, spans(page[0].text))
    assert before == Paragraph(spans(page[1].text))
    assert code == Code("if x:\n    return 1")
    assert behind == Paragraph(spans(page[4].text))


def test_entries_begin_paragraphs_and_pages_continue_them() -> None:
    one = [
        line("• first entry", 0),
        line("• second entry that is", 15),
        line("longer than a line", 30, left=72),
        line("Then more text, which", 54),
    ]
    two = [
        line("goes on here and fills its line. It ends in", 0),
        line("this one.", 15),
        line("A new one begins.", 30),
    ]
    assert assemble([one, two]).split("\n\n") == [
        "• first entry",
        "• second entry that is longer than a line",
        "Then more text, which goes on here and fills its line. It ends in this one.",
        "A new one begins.\n",
    ]


FAULTS = {
    "encrypted": (lambda: made.encrypted(), "encrypted with a password", "qpdf --decrypt"),
    "broken": (lambda: b"%PDF-1.4 garbage" * 50, "not a whole PDF, or it is damaged", "Get it again"),
    "without pages": (
        lambda: made.by_hand([made.CATALOGUE, b"<< /Type /Pages /Kids [] /Count 0 >>"]),
        "not a whole PDF, or it is damaged|has no pages",
        "",
    ),
    "empty": (lambda: made.by_hand(made.page(b"")), "nothing on them that is text", "viewer"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_pdf_that_cannot_be_read_is_one_clear_line(tmp_path: Path, name: str) -> None:
    make, what, remedy = FAULTS[name]
    path = tmp_path / "fault.txt"  # by its content, not by its suffix
    path.write_bytes(make())
    with pytest.raises(InputError, match=what) as found:
        read_file(path, Silent())
    assert found.value.where == str(path)
    assert remedy in found.value.remedy
    assert "\n" not in str(found.value)


def test_a_scanned_pdf_is_told_and_shown_by_its_own_pages(tmp_path: Path) -> None:
    path = made.scanned(tmp_path / "scan.pdf", pages=3)
    with pytest.raises(InputError, match=r"pictures of pages and no text.*by its own pages.*ocrmypdf"):
        read_file(path, Silent())
    work = Silent()
    pages = [np.asarray(Image.open(io.BytesIO(page))) for page in pdf_pages(path, 300, 400, work, max_pages=2)]
    assert [page.shape for page in pages] == [(400, 300)] * 2
    assert work.logs == ["scan.pdf: the first 2 of its 3 pages are shown"]
    assert np.array_equal(pages[0], pages[1])
    ink = np.argwhere(pages[0] < 128)
    assert len(ink) > 50
    # The words stand 40 of 400 from the left and 80 of 560 from the top of the picture that fills the page.
    scale = 400 / made.PAGE[1]
    left = (300 - made.PAGE[0] * scale) / 2 + 40 * made.PAGE[0] / 400 * scale
    assert abs(ink[:, 1].min() - left) < 4
    assert abs(ink[:, 0].max() - 86 / 560 * 400) < 6


def test_pages_are_drawn_whole_in_the_middle_of_white(journal: Path) -> None:
    (page,) = pdf_pages(journal, 800, 400, Silent(), max_pages=1)
    pixels = np.asarray(Image.open(io.BytesIO(page)))
    assert pixels.shape == (400, 800)
    wide = round(400 * made.PAGE[0] / made.PAGE[1])
    side = (800 - wide) // 2
    assert (pixels[:, : side - 1] == 255).all()
    assert (pixels[:, -side + 2 :] == 255).all()
    assert (pixels[:, side:-side] < 128).sum() > 300


def test_pages_without_text_are_noted(tmp_path: Path) -> None:
    path = made.printed(
        tmp_path / "gap.pdf", [[(60, 100, 12, "Words on the first page")], [], [(60, 100, 12, "Words")]]
    )
    work = Silent()
    found = read_file(path, work)
    assert found.notes == ("page 2 held no text",)
    assert work.logs == ["gap.pdf: page 2 held no text"]


def test_too_much_text_is_refused(journal: Path) -> None:
    with pytest.raises(InputError, match="more text than a document may have"):
        read_file(journal, Silent(), max_characters=500)


def test_bytes_are_read_like_a_file_and_named_by_their_own_name(journal: Path) -> None:
    assert read_data(journal.read_bytes(), Path("-"), Silent()) == read_file(journal, Silent())
    with pytest.raises(InputError, match=r"^-: this PDF is encrypted"):
        read_data(made.encrypted(), Path("-"), Silent())


def test_damaged_files_end_in_text_or_in_one_clear_line(journal: Path, tmp_path: Path) -> None:
    """Cut and stirred copies of a good file: an answer or an InputError, and nothing else."""
    whole = journal.read_bytes()
    random = np.random.default_rng(3)
    path = tmp_path / "damaged.pdf"
    for number in range(8):
        data = bytearray(whole)
        if number % 3 == 0:
            data = data[: int(random.integers(200, len(whole)))]
        for at in random.integers(20, len(data), 40):
            data[at] = int(random.integers(0, 256))
        path.write_bytes(bytes(data))
        try:
            assert isinstance(read_file(path, Silent()), FileText)
        except InputError as error:
            assert error.where == str(path)


def test_the_reader_of_pdfs_stands_behind_walls(journal: Path) -> None:
    """It can write nothing beside its folder, and reads no other file than the one it was given."""
    with pdf_process.ask(journal, {"job": "walls"}) as (answer, _):
        pass
    walls = {wall["name"]: wall["stands"] for wall in answer["walls"]}
    if not all(walls.values()):
        pytest.skip(f"this system has not every wall: {walls}")
    assert {"memory", "files", "network", "processes"} <= set(walls)


def test_a_file_that_takes_too_long_is_told(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_process, "TIMEOUT", 0.0)
    monkeypatch.setattr(pdf_process, "LOOK_AROUND", 0.01)
    with pytest.raises(InputError, match=r"took more than 0 s.*Split it"):
        read_file(journal, Silent())


def test_a_reader_that_fills_the_disk_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_process, "FOLDER_MB", 0)
    monkeypatch.setattr(pdf_process, "LOOK_AROUND", 0.01)
    path = made.scanned(tmp_path / "scan.pdf", pages=20)
    with pytest.raises(InputError, match=r"damaged or hostile \(it wrote too much\)"):
        pdf_pages(path, 2048, 2048, Silent())


@pytest.mark.parametrize("left", ["a link to a secret", "nothing", "a short file"])
def test_what_a_broken_in_file_leaves_behind_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """As if a file had taken over its reader: the folder it may write holds something else than pixels."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 200 * 300)

    @contextmanager
    def taken_over(path: Path, request: object) -> Iterator[tuple[dict[str, object], Path]]:
        own = tmp_path / "own"
        own.mkdir()
        if left == "a link to a secret":
            (own / "page-0.raw").symlink_to(secret)
        elif left == "a short file":
            (own / "page-0.raw").write_bytes(b"s")
        yield {"pages": 1}, own

    monkeypatch.setattr(pdf_process, "ask", taken_over)
    with pytest.raises(InputError, match="damaged or hostile"):
        pdf_pages(tmp_path / "any.pdf", 200, 300, Silent())


def test_many_pages_are_drawn_by_several_processes(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = pdf_pages(journal, 200, 300, Silent())
    monkeypatch.setattr(pdf, "BATCH", 2 * 200 * 300)
    assert pdf_pages(journal, 200, 300, Silent()) == once
    assert len(once) == 4
    assert len(pdf_pages(journal, 200, 300, Silent(), max_pages=3)) == 3


def test_a_file_that_takes_too_much_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_process, "MEMORY_MB", 4)
    path = made.printed(tmp_path / "many.pdf", [[(60, 100, 12, "word " * 20)] * 60] * 40)
    with pytest.raises(InputError, match=r"4 MB of memory|damaged or hostile"):
        pdf_pages(path, 4096, 4096, Silent())
