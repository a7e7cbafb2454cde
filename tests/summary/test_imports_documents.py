"""Documents with summaries out of tables: every format gives the same examples, every fault its line."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from importing import Imported, row, rows, take, text_of, write_lines
from PIL import Image as Pictures

from redraft.core.discovery import load_task
from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example, Image
from redraft.core.work import Silent
from redraft.datasets.reader import Dataset
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.identity import document_key
from redraft.tasks.summary.rows import example_of
from redraft.tasks.summary.task import TASK
from redraft.worker.verbs import find_verb


def picture(word: str = "", colour: int = 255) -> bytes:
    data = io.BytesIO()
    Pictures.new("L", (64, 64), colour).save(data, "PNG")
    return data.getvalue()


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=4)
    elif path.suffix in (".csv", ".tsv"):
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ";")
            writer.writeheader()
            writer.writerows(rows)
    else:
        write_lines(path, rows)
    return path


def test_every_format_gives_the_same_examples(tmp_path: Path) -> None:
    given = [row(n, title=f'Of "{n}", and\nmore', language="en") for n in range(12)]
    given[3]["text"] = 'Über Flüsse, ‏نهر‏ und 河.\n\nZweiter Absatz; "zitiert"\tgetrennt.'
    made = [
        take(write(tmp_path / f"set{suffix}", given), tmp_path / suffix[1:], validation=3, test=2)
        for suffix in (".jsonl", ".csv", ".tsv", ".parquet")
    ]
    first = made[0]
    assert first.manifest.counts == {"train": 7, "validation": 3, "test": 2} and not first.left_out
    assert first.manifest.images == "drawn" and first.manifest.languages == {"en": 12}
    for other in made[1:]:
        assert other.manifest.fingerprints == first.manifest.fingerprints
    truth = first.truths()["doc-3"]
    assert truth["text"] == given[3]["text"] and truth["title"] == 'Of "3", and more'
    example = first.dataset.split("train")[0]
    assert len(example.images) == 1 and example.messages[0].image_count == 1
    assert example.answer == first.truths()[example.id]["summary"]


def test_splits_are_seeded_and_a_larger_training_set_keeps_the_held_out_ones(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "set.jsonl", rows(40))
    small = take(source, tmp_path / "small", train=10, validation=5, test=5)
    whole = take(source, tmp_path / "whole", validation=5, test=5)
    other = take(source, tmp_path / "other", validation=5, test=5, seed=1)
    for split in ("validation", "test"):
        assert small.ids(split) == whole.ids(split) and set(whole.ids(split)) != set(other.ids(split))
    assert set(small.ids()) < set(whole.ids()) and len(small.ids()) == 10 and len(whole.ids()) == 30
    every = whole.ids() + whole.ids("validation") + whole.ids("test")
    assert len(set(every)) == 40
    assert take(source, tmp_path / "plain").manifest.counts == {"train": 36, "validation": 4}
    short = take(source, tmp_path / "short", train=50)
    assert short.work.logs[-1].startswith("train: 40 of the 50 documents asked for")


def test_the_first_deepsynths_rows_keep_where_they_are_from(tmp_path: Path) -> None:
    given = [
        {"text": text_of(n), "summary": f"S{n}.", "image": {"bytes": picture(), "path": None},
         "source_dataset": "cnn_dailymail", "original_split": ("train", "val", "test")[n % 3], "original_index": n}
        for n in range(9)
    ]  # fmt: skip
    made = take(write(tmp_path / "old.parquet", given), tmp_path / "out")
    assert made.manifest.counts == {"train": 3, "validation": 3, "test": 3}
    assert made.truths()["old-00000004"]["source"] == {
        "dataset": "cnn_dailymail", "original_split": "val", "original_index": 4,
    }  # fmt: skip
    # Its picture squeezed the whole document into one square: the text is drawn instead, on pages of their own.
    assert all("pages" not in truth for truth in made.truths().values())
    plain = [{k: v for k, v in r.items() if k != "image"} for r in given]
    again = take(write_lines(tmp_path / "old.jsonl", plain), tmp_path / "again")
    assert again.manifest.fingerprints == made.manifest.fingerprints
    given_pages = take(tmp_path / "old.parquet", tmp_path / "pages", columns={"image": "image"}, train=9,
                       options={"duplicates": True})  # fmt: skip
    example = next(iter(given_pages.dataset.split("train")))
    assert example.truth["pages"] == "given" and example.images[0].bytes == picture()


def test_a_mapping_names_columns_and_says_which_are_there(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "set.jsonl", [{"body_text": text_of(1), "tl": "Short."}])
    made = take(source, tmp_path / "out", columns={"text": "body_text", "summary": "tl"}, train=1)
    assert made.truths()["set-00000000"]["summary"] == "Short."
    with pytest.raises(
        InputError, match=r"no column holds the text or the image \(looked for: text, article"
    ) as no:
        take(source, tmp_path / "no")
    assert "It has: body_text, tl" in no.value.remedy and "--column text=THEIRS" in no.value.remedy
    with pytest.raises(InputError, match="there is no column 'x'") as no:
        take(source, tmp_path / "no", columns={"text": "x"})
    assert no.value.remedy == "It has: body_text, tl"
    with pytest.raises(UsageError, match="there is no column 'texts' to map"):
        take(source, tmp_path / "no", columns={"texts": "tl"})
    assert not (tmp_path / "no").exists() and not list(tmp_path.glob(".no*"))


def test_every_row_that_does_not_serve_has_its_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    given: list[Any] = [
        row(0),
        row(1, summary=""),
        row(2, summary=None),
        row(3, text="  \n "),
        row(4, text=text_of(0).replace(" ", "\n  ").upper()),
        row(0, text=text_of(90)),
        row(5, text=3.5),
        row(6, text="x " * 600_000),
        row(7, summary="s " * 60_000),
        row(8, format="html"),
        "{broken",
        '"a text"',
        "[" * 100_000,
        '{"id": "doc-9", "text": "\\ud800 half", "summary": "s"}',
        row(10),
    ]
    source = write_lines(tmp_path / "set.jsonl", given)
    with source.open("ab") as file:
        file.write(b'{"id": "doc-11", "text": "\xff\xfe", "summary": "s"}\n\n')
    made = take(source, tmp_path / "out", train=20)
    assert sorted(made.ids()) == ["doc-0", "doc-10"]
    said = made.left_out
    assert said["doc-1"] == said["doc-2"] == "there is no summary"
    assert said["doc-3"] == "the document is empty"
    assert said["doc-4"] == "a duplicate: it is the same document as doc-0"
    assert said["doc-0"] == "this id comes a second time"
    assert said["doc-5"] == "the text is no text but a number"
    assert said["doc-6"] == "the document is too long: 1,200,000 characters, beyond 1,000,000"
    assert said["doc-7"] == "the summary has 120,000 characters: this is no summary"
    assert said["doc-8"] == "the format 'html' is none of text, markdown"
    assert said["doc-9"] == "the text is not valid Unicode"
    assert said["set-00000010"].startswith("not a line of JSON")
    assert said["set-00000011"] == "the line is no JSON object"
    assert said["set-00000012"].startswith("not a line of JSON")
    assert said["set-00000015"].startswith("not a line of JSON")
    assert made.manifest.left_out.count == 14 == len(said)
    assert all("\n" not in reason for reason in said.values())


def test_fifty_megabytes_of_one_text_are_refused_without_being_held(tmp_path: Path) -> None:
    source = tmp_path / "set.jsonl"
    with source.open("w") as file:
        file.write(json.dumps(row(0)) + '\n{"id": "huge", "summary": "s", "text": "')
        for _ in range(50):
            file.write("words and words " * 65_536)
        file.write('"}\n' + json.dumps(row(1)) + "\n")
    started = time.process_time()
    made = take(source, tmp_path / "out", train=5)
    assert sorted(made.ids()) == ["doc-0", "doc-1"]
    assert made.left_out == {"set-00000001": "the row is too long: 52 MB"}
    assert time.process_time() - started < 30  # what laying it out would take is minutes
    with pytest.raises(InputError, match="the document is too long"):
        example_of({"text": "x" * 50_000_000, "summary": "s"}, "huge", TASK.options({}))


def test_long_documents_are_left_out_or_cut_and_listed(tmp_path: Path) -> None:
    given = [row(0), row(1, text=text_of(1, 400))]
    source = write_lines(tmp_path / "set.jsonl", given)
    options = {"max_pages": 2, "style": {"size": "small"}}
    left = take(source, tmp_path / "left", train=2, options=options)
    assert left.ids() == ["doc-0"] and "more than 2 pages" in left.left_out["doc-1"]
    cut = take(source, tmp_path / "cut", train=2, options={**options, "long": "cut"})
    assert cut.left_out == {"doc-1": "cut: only its first 2 pages are shown"}
    assert [len(example.images) for example in cut.dataset.split("train")] == [1, 2]


def test_rows_of_csv_that_do_not_fit_are_told_apart_from_their_neighbours(tmp_path: Path) -> None:
    source = tmp_path / "set.csv"
    source.write_bytes(
        b"text,summary\r\n"
        + f'"{text_of(1)}\n\nwith ""quotes"", and commas",One.\r\n'.encode()
        + b"too,many,fields\r\n\r\n"
        + b"bad \xff bytes,Two.\r\n"
        + f"{text_of(3)},Three.\r\n".encode()
    )
    made = take(source, tmp_path / "out", train=9)
    assert made.ids() == ["set-00000000", "set-00000003"]
    assert made.truths()["set-00000000"]["text"].endswith('with "quotes", and commas')
    assert made.left_out == {
        "set-00000001": "the row has 3 fields and the head 2",
        "set-00000002": "the text is not valid Unicode",
    }
    source.write_text('text,summary\n"never closed,a\nb,c\nd,e\n')
    with pytest.raises(InputError, match="no document in it could be used"):
        take(source, tmp_path / "no", work := Silent())
    assert work.omissions == [
        ("set-00000000", "the row has 1 fields and the head 2, over 3 lines: is a quotation mark not closed?")
    ]
    for text, says in (("", "its first line is empty"), ("text,text,summary\na,b,c\n", "names 'text' twice")):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(InputError, match=says):
            take(tmp_path / "bad.csv", tmp_path / "no")


def test_sources_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "a.jsonl").write_text("\n\n")
    (tmp_path / "a.docx").write_bytes(b"PK")
    write_lines(tmp_path / "b.jsonl", [row(1, summary="")])
    for name, says in {
        "empty": "there is no document in it, and no table of them",
        "a.parquet": "not a whole Parquet file",
        "a.jsonl": "there is no row in it that can be read",
        "a.docx": r"a file of this kind is not read \('.docx'\)",
        "b.jsonl": "no document in it could be used",
    }.items():
        with pytest.raises(InputError, match=says):
            take(tmp_path / name, tmp_path / "out")
    with pytest.raises(UsageError, match="there is no such file or folder"):
        take(tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rights_are_counted_by_source_and_stand_in_the_card(tmp_path: Path) -> None:
    given = rows(6)
    given[0]["licence"] = given[1]["licence"] = "cc-by-4.0"
    given[2] |= {"source_dataset": "elsewhere", "licence": "mit"}
    made = take(write_lines(tmp_path / "set.jsonl", given), tmp_path / "out", train=6, licence="cc0-1.0")
    ledger = {(r.source, r.licence): r.examples for r in made.manifest.ledger}
    assert ledger == {("set", "cc0-1.0"): 3, ("set", "cc-by-4.0"): 2, ("elsewhere", "mit"): 1}
    card = (made.out / "README.md").read_text()
    assert "| elsewhere | mit | 1 |" in card and "license_name: several-licences" in card
    assert "- summarization" in card and "| `summary` | what the model should answer |" in card


def test_pages_are_kept_where_they_are_asked_for_and_are_the_same_as_drawn(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "set.jsonl", rows(5))
    drawn = take(source, tmp_path / "drawn", train=5)
    kept = take(source, tmp_path / "kept", train=5, options={"keep_images": True})
    assert (drawn.manifest.images, kept.manifest.images) == ("drawn", "stored")
    pixels = [
        [
            Pictures.open(io.BytesIO(image.bytes)).tobytes()
            for e in made.dataset.split("train")
            for image in e.images
        ]
        for made in (drawn, kept)
    ]
    assert pixels[0] == pixels[1] and len(pixels[0]) == 5


@pytest.fixture(scope="module")
def peps(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """The first 30 of the PEPs; all of them are in the slow tests."""
    folder = tmp_path_factory.mktemp("peps")
    lines = (shared_data / "documents" / "peps.jsonl").read_text(encoding="utf-8").splitlines()[:30]
    return take(write_lines(folder / "peps.jsonl", lines), folder / "out", validation=4, test=4)


def test_real_documents(peps: Imported) -> None:
    assert peps.manifest.counts == {"train": 22, "validation": 4, "test": 4} and not peps.left_out
    example = peps.dataset.split("test")[0]
    assert example.messages[0].image_count == len(example.images) >= 1


@pytest.mark.slow
def test_all_real_documents_are_imported_and_sound(shared_data: Path, tmp_path: Path) -> None:
    made = take(shared_data / "documents" / "peps.jsonl", tmp_path / "out", validation=40, test=40)
    assert made.manifest.counts == {"train": 315, "validation": 40, "test": 40} and not made.left_out
    checked = find_verb("data.check")({"dataset": str(made.out)}, Silent()).value
    assert checked["errors"] == 0 and {f["kind"] for f in checked["faults"]} <= {"missing_glyphs"}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("abc äß \n\t", min_size=1, max_size=8), min_size=1, max_size=6), st.sampled_from("\n \t"))
def test_spacing_and_letter_case_make_no_other_document(words: list[str], gap: str) -> None:
    def key(text: str) -> str:
        return document_key(Example("x", (), (), {"text": text, "summary": "s"}))

    text = " ".join(words)
    if text.strip():
        assert key(text) == key(gap.join(text.split())) == key(text.casefold())
        assert key(text) != key(text + " more")
    assert document_key(Example("x", (Image("a", b"1"), Image("b", b"2")), (), {})) != document_key(
        Example("x", (Image("a", b"12"), Image("b", b"")), (), {})
    )


def test_pages_written_later_are_the_bytes_of_those_kept_from_the_start(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "set.jsonl", rows(4))
    drawn = take(source, tmp_path / "drawn", train=3, test=1)
    kept = take(source, tmp_path / "kept", train=3, test=1, options={"keep_images": True})
    request = {"dataset": str(drawn.out), "out": str(tmp_path / "full"), "materialise": True}
    value = find_verb("data.export")(request, Silent()).value
    assert value["fingerprint"] == kept.manifest.fingerprint
    for path in (kept.out / "data").iterdir():
        assert path.read_bytes() == (tmp_path / "full" / "data" / path.name).read_bytes()


def test_a_dataset_that_would_be_drawn_otherwise_says_so(tmp_path: Path) -> None:
    """As with other fonts: the manifest names another digest, and one document another number of pages."""
    made = take(write_lines(tmp_path / "set.jsonl", rows(3)), tmp_path / "out", train=3)
    path = made.out / "manifest.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"versions": told["versions"] | {"fonts": "others", "redraft": "0.0"}}))
    with pytest.warns(UserWarning, match="may be drawn otherwise .*: fonts others, here"):
        dataset = Dataset.open(made.out, load_task("summary"))
    assert len(dataset.version_changes) == 1 and len(list(dataset.split("train"))) == 3
    with pytest.warns(UserWarning):
        checked = find_verb("data.check")({"dataset": str(made.out)}, Silent()).value
    assert [fault["kind"] for fault in checked["faults"]] == ["other_versions"] and checked["errors"] == 0
    example = dataset.split("train").example(0, draw=False)
    two = conversation(example.answer, dataset.options, 2)
    with pytest.raises(InputError, match="it is drawn as 1 images here, and was as 2 when its dataset was made"):
        dataset.split("train").drawn(Example(example.id, (), two, example.truth, example.seed))


def test_text_that_is_no_unicode_in_parquet(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    table = pa.table({"text": [text_of(0), text_of(1), text_of(2)], "summary": ["s", "t", "u"]})
    bad = pa.array([text_of(0).encode(), b"bad \xff\xfe", text_of(2).encode()]).view(pa.string())
    pq.write_table(table.set_column(0, "text", bad), tmp_path / "set" / "train.parquet")
    made = take(tmp_path / "set" / "train.parquet", tmp_path / "out", train=3)
    assert made.left_out == {"train-00000001": "the text is not valid Unicode"} and len(made.ids()) == 2
    dataset = Dataset.open(tmp_path / "set", TASK)
    assert dataset.split("train").left_out == (("train-00000001", "the text is not valid Unicode"),)
    assert [example.answer for example in dataset.split("train")] == ["s", "u"]


def test_options_of_other_importers_are_refused(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "set.jsonl", rows(2))
    with pytest.raises(UsageError, match="the importer documents takes no --name"):
        take(source, tmp_path / "out", name="3.0.0")
    with pytest.raises(UsageError, match="the task summary has no option 'pages'"):
        take(source, tmp_path / "out", options={"pages": 3})
    with pytest.raises(UsageError, match="no example is asked for"):
        take(source, tmp_path / "out", train=0)
