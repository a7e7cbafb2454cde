"""A folder of documents with their summaries: texts, Markdown, PDFs, scans; and what of it is no document."""

from __future__ import annotations

import io
from pathlib import Path

import pdf_files
import pytest
from importing import take, text_of, write_lines
from PIL import Image as Pictures

from redraft.core.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


def put(folder: Path, name: str, text: str | bytes, summary: str | None = "A summary.") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if summary is not None:
        path.with_name(path.stem + ".summary.txt").write_text(summary, encoding="utf-8-sig")


def test_summaries_beside_their_documents(folder: Path, tmp_path: Path) -> None:
    put(folder, "river.txt", text_of(1))
    put(folder, "deep/bridge.md", "# The bridge\n\n" + text_of(2) + "\n\n- one\n- two\n")
    pages = [pdf_files.column(text_of(number), 60, 80, 80) for number in (3, 4)]
    put(folder, "storm.pdf", pdf_files.printed(tmp_path / "storm.pdf", pages).read_bytes())
    put(folder, "no.txt", text_of(5), summary=None)
    put(folder, "empty.txt", "")
    put(folder, "blank.md", text_of(6), summary=" ")
    put(folder, "again.txt", text_of(1).replace(" ", "\n"))
    put(folder, "river.rst", text_of(1), summary=None)
    (folder / "lonely.summary.txt").write_text("Of nothing.")
    (folder / "sheet.xlsx").write_bytes(b"PK")
    (folder / ".hidden.txt").write_text("not ours")
    made = take(folder, tmp_path / "out", train=9)
    truths = made.truths()
    # Of two equal documents one is taken, and the list says which of them the other one is.
    one, other = ("river", "again") if "river" in truths else ("again", "river")
    assert set(truths) == {one, "deep/bridge", "storm"}
    assert made.left_out[other] == f"a duplicate: it is the same document as {one}"
    assert made.left_out["river.txt"] == "another file is the document of this name: river.rst"
    assert truths["deep/bridge"]["format"] == "markdown" and truths["storm"]["format"] == "text"
    assert "Report 4 says in part 5" in " ".join(truths["storm"]["text"].split())
    assert truths["storm"]["source"] == {"dataset": "docs", "file": "storm.pdf"}
    assert truths["storm"]["summary"] == "A summary."
    said = made.left_out
    assert said["no"] == said["blank"] == "there is no summary"
    assert said["empty"] == "there is no text in this file"
    assert said["lonely.summary.txt"] == "there is no document for this summary"
    assert said["sheet.xlsx"] == "no kind of document that is read: '.xlsx'"


def test_one_list_of_summaries(folder: Path, tmp_path: Path) -> None:
    put(folder, "a.txt", text_of(1), summary=None)
    put(folder, "b.md", text_of(2), summary=None)
    put(folder, "c.txt", text_of(3), summary="Of its own.")
    (folder / "summaries.csv").write_text(
        "file,summary,title,language,licence\n"
        "a.txt,The first.,One,en,mit\nb.md,The second.,,de,\ngone.txt,None.,,,\na.txt,Twice.,,,\n"
    )
    made = take(folder, tmp_path / "out", train=9)
    truths = made.truths()
    assert {id: t["summary"] for id, t in truths.items()} == {
        "a": "The first.",
        "b": "The second.",
        "c": "Of its own.",
    }
    assert (
        truths["a"]["title"] == "One"
        and truths["a"]["source"]["licence"] == "mit"
        and truths["b"]["language"] == "de"
    )
    assert made.left_out == {
        "summaries.csv row 3": "this document is named before: a.txt",
        "gone.txt": "the list of summaries names a document that is not there",
    }
    (folder / "summaries.csv").unlink()
    write_lines(folder / "summaries.jsonl", [{"path": "./b.md", "abstract": "By lines."}])
    again = take(folder, tmp_path / "again", train=9)
    assert again.truths()["b"]["summary"] == "By lines." and again.left_out == {"a": "there is no summary"}


def test_scans_keep_their_own_pages_and_broken_pdfs_are_named(folder: Path, tmp_path: Path) -> None:
    put(folder, "scan.pdf", pdf_files.scanned(tmp_path / "scan.pdf", pages=3).read_bytes())
    put(folder, "locked.pdf", pdf_files.encrypted())
    put(folder, "broken.pdf", b"%PDF-1.7\nand no more")
    put(folder, "text.txt", text_of(1))
    picture = io.BytesIO()
    Pictures.effect_noise((120, 160), 40).save(picture, "PNG")
    put(folder, "photo.png", picture.getvalue())
    made = take(folder, tmp_path / "out", train=9, options={"style": {"size": "small"}})
    assert made.left_out == {
        "locked": "this PDF is encrypted with a password",
        "broken": "this is not a whole PDF, or it is damaged",
    }
    split = made.dataset.split("train")
    by_id = {example.id: example for example in split}
    assert made.manifest.images == "drawn" and set(by_id) == {"scan", "photo", "text"}
    scan = by_id["scan"]
    assert scan.truth["pages"] == "given" and scan.truth["text"] == "" and len(scan.images) == 3
    assert scan.messages[0].image_count == 3
    assert all(Pictures.open(io.BytesIO(image.bytes)).size == (640, 640) for image in scan.images)
    assert by_id["photo"].images[0].bytes == picture.getvalue()
    assert len(by_id["text"].images) == 1  # drawn, not kept
    few = take(folder, tmp_path / "few", train=9, options={"max_pages": 2})
    assert few.left_out["scan"] == "too many pages: 3, beyond 2"


def test_folders_named_after_splits_are_the_splits(folder: Path, tmp_path: Path) -> None:
    for number, split in enumerate(("train", "train", "val", "test")):
        put(folder, f"{split}/{number}.txt", text_of(number))
    made = take(folder, tmp_path / "out")
    assert {s: made.ids(s) for s in made.manifest.counts} == {
        "train": ["train/0", "train/1"], "validation": ["val/2"], "test": ["test/3"],
    }  # fmt: skip
    drawn = take(folder, tmp_path / "drawn", train=2, test=1)
    assert drawn.manifest.counts == {"train": 2, "test": 1}


def test_letters_of_every_direction_and_without_a_font(folder: Path, tmp_path: Path) -> None:
    """What no font has is drawn as it is and listed by the check; the import goes on."""
    from redraft.core.work import Silent
    from redraft.worker.verbs import find_verb

    put(
        folder,
        "mixed.txt",
        "English \u0648\u0639\u0631\u0628\u064a 123 \u05e2\u05d1\u05e8\u05d9\u05ea and back. " * 20,
    )
    put(folder, "rare.txt", "Letters of no font: \U00012000\U0001f9ff\U000e0fff in a text. " * 20)
    made = take(folder, tmp_path / "out", train=2)
    assert set(made.ids()) == {"mixed", "rare"} and not made.left_out
    checked = find_verb("data.check")({"dataset": str(made.out)}, Silent()).value
    faults = {(fault["id"], fault["kind"]) for fault in checked["faults"]}
    assert ("rare", "missing_glyphs") in faults and ("mixed", "missing_glyphs") not in faults
    assert checked["errors"] == 0


def test_a_folder_takes_no_columns(folder: Path, tmp_path: Path) -> None:
    put(folder, "a.txt", text_of(1))
    with pytest.raises(Exception, match="a folder of documents has no columns to map"):
        take(folder, tmp_path / "out", columns={"text": "x"})
    (folder / "a.summary.txt").unlink()
    with pytest.raises(InputError, match="no document in it could be used"):
        take(folder, tmp_path / "out")


def test_a_folder_of_tables_keeps_the_splits_of_their_names(folder: Path, tmp_path: Path) -> None:
    from importing import row

    write_lines(folder / "train.jsonl", [row(n) for n in range(4)])
    write_lines(folder / "test.jsonl", [row(n) for n in range(3, 6)])
    made = take(folder, tmp_path / "out")
    assert sorted(made.ids("test")) == ["doc-3", "doc-4", "doc-5"] and sorted(made.ids()) == [
        "doc-0",
        "doc-1",
        "doc-2",
    ]
    assert made.left_out == {"doc-3": "this id comes a second time"}
