"""Every kind of fault is found, named by its example, and weighed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow

from redraft.core.errors import InputError
from redraft.core.example import Example, Image, message
from redraft.core.task import Task
from redraft.core.work import Silent
from redraft.datasets.check import Report, check, estimate_tokens
from redraft.datasets.rows import SCHEMA

Write = Callable[..., Path]


def found(report: Report) -> list[tuple[str, str, str]]:
    return [(fault.id, fault.kind, fault.severity) for fault in report.faults]


def test_a_sound_dataset_has_no_fault(dots: Task, examples: list[Example], write: Write) -> None:
    report = check(write({"train": examples[:100], "test": examples[100:]}), dots, Silent())
    assert report.faults == [] and report.examples == 120


def picture(*, colour: str = "white", format: str = "PNG", dot: bool = False) -> bytes:
    image = Pillow.new("RGB", (32, 32), colour)
    if dot:
        image.putpixel((3, 3), (0, 0, 0))
    data = io.BytesIO()
    image.save(data, format)
    return data.getvalue()


def swapped(example: Example, data: bytes) -> Example:
    return example.with_images((replace(example.images[0], bytes=data), *example.images[1:]))


BROKEN = {
    "no image": (b"not an image at all", "broken_image", "error"),
    "cut": (picture(dot=True)[:-30], "broken_image", "error"),
    "empty": (b"", "empty_image", "error"),
    "blank": (picture(colour="grey"), "blank_image", "warning"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_images(name: str, examples: list[Example], write: Write) -> None:
    data, kind, severity = BROKEN[name]
    folder = write({"train": [*examples[:5], swapped(examples[5], data), *examples[6:]]})
    report = check(folder, None, Silent())
    assert found(report) == [(examples[5].id, kind, severity)]
    assert report.faults[0].reason.startswith("front.png")
    assert report.examples == 120


def test_a_picture_that_claims_to_be_huge_is_not_decoded(examples: list[Example], write: Write) -> None:
    data = bytearray(picture())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    report = check(write({"train": [swapped(examples[0], bytes(data))]}), None, Silent())
    assert found(report) == [(examples[0].id, "broken_image", "error")]


def test_a_jpeg_is_as_good(examples: list[Example], write: Write) -> None:
    jpeg = swapped(examples[0], picture(format="JPEG", dot=True))
    assert check(write({"train": [jpeg]}), None, Silent()).faults == []


def test_conversations(examples: list[Example], write: Write) -> None:
    e = examples
    ask, answer = e[0].messages
    wrong = {
        e[0].id: ("image_count", replace(e[0], images=e[0].images[:2])),
        e[1].id: ("image_count", replace(e[1], messages=(message("user", "?", 4), e[1].messages[1]))),
        e[2].id: ("empty_answer", replace(e[2], messages=(ask, message("assistant", " \n")))),
        e[3].id: ("conversation", replace(e[3], messages=(ask, ask, answer))),
        e[4].id: ("conversation", replace(e[4], messages=(answer,))),
    }
    report = check(write({"train": [example for _, example in wrong.values()]}), None, Silent())
    for id, (kind, _) in wrong.items():
        assert kind in {fault.kind for fault in report.faults if fault.id == id}
    assert report.errors == len(report.faults)


def test_the_same_thing_twice(dots: Task, examples: list[Example], write: Write) -> None:
    twin = replace(examples[0], id="twin", seed=99)
    again = replace(examples[1], id="again")
    report = check(write({"train": [*examples[:10], twin], "test": [again, *examples[10:]]}), dots, Silent())
    assert found(report) == [("twin", "duplicate", "warning"), ("again", "split_overlap", "error")]
    assert "shows the same as 00000 in train" in report.faults[0].reason


def test_twins_are_found_without_a_task_too(examples: list[Example], write: Write) -> None:
    twin = replace(examples[0], id="twin", seed=99)
    assert found(check(write({"train": [*examples, twin]}), None, Silent())) == [("twin", "duplicate", "warning")]


def test_an_id_that_is_used_twice_by_another_maker(examples: list[Example], tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "This."}]
    other = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "They."}]
    pq.write_table(pa.table({"id": ["a", "a"], "messages": [chat, other]}), tmp_path / "train.parquet")
    assert found(check(tmp_path, None, Silent())) == [("a", "duplicate_id", "error")]


def test_long_answers(examples: list[Example], write: Write) -> None:
    long = replace(examples[0], messages=(examples[0].messages[0], message("assistant", "L 10 20 " * 2000)))
    folder = write({"train": [long, *examples[1:]]})
    assert found(check(folder, None, Silent())) == [(long.id, "long_answer", "warning")]
    assert found(check(folder, None, Silent(), max_tokens=3000)) == [(long.id, "long_answer", "error")]
    assert check(folder, None, Silent(), max_tokens=20_000).faults == []
    counted = check(folder, None, Silent(), max_tokens=500, count_tokens=lambda e: 501 if e.id == "00009" else 500)
    assert found(counted) == [("00009", "long_answer", "error")]


def test_the_estimate_is_on_the_high_side() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("L 10 -3") == 5
    assert estimate_tokens("extrude(cut)") == 5


def rewrite(folder: Path, change: Callable[[list[dict]], list[dict]]) -> None:
    path = next((folder / "data").glob("train-*"))
    rows = change(pq.read_table(path).to_pylist())
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)


def test_a_changed_row_is_named(dots: Task, examples: list[Example], write: Write) -> None:
    folder = write({"train": examples})

    def change(rows: list[dict]) -> list[dict]:
        rows[17]["messages"][1]["content"][0]["text"] = "dot 0 0 0"
        return rows

    rewrite(folder, change)
    report = check(folder, dots, Silent())
    kinds = {fault.kind: fault.id for fault in report.faults}
    assert kinds["tampered"] == examples[17].id and kinds["fingerprint"] == "train"
    assert sum(fault.kind == "tampered" for fault in report.faults) == 1
    assert kinds["changed_file"] == "data/train-00000-of-00001.parquet"


def test_a_missing_row_is_counted(dots: Task, examples: list[Example], write: Write) -> None:
    folder = write({"train": examples})
    rewrite(folder, lambda rows: rows[:-3])
    report = check(folder, dots, Silent())
    assert ("train", "split_count", "error") in found(report) and report.examples == 117


def test_a_broken_shard_is_named_and_the_others_are_checked(examples: list[Example], write: Write) -> None:
    folder = write({"train": [*examples[:40], swapped(examples[40], b"x"), *examples[41:]]}, shard_bytes=1)
    first, _, third, _ = sorted((folder / "data").iterdir())
    first.write_bytes(first.read_bytes()[:-9])
    third.unlink()
    report = check(folder, None, Silent())
    faults = found(report)
    assert (f"data/{first.name}", "broken_file", "error") in faults
    assert (f"data/{third.name}", "broken_file", "error") in faults
    assert (examples[40].id, "broken_image", "error") in faults
    assert report.examples == 32 + 24


def test_files_that_do_not_belong(examples: list[Example], write: Write) -> None:
    folder = write({"train": examples})
    (folder / "data" / "train-00001-of-00002.parquet").write_bytes(b"x")
    (folder / "digests" / "train.txt").unlink()
    assert found(check(folder, None, Silent())) == [
        ("digests/train.txt", "broken_file", "error"),
        ("data/train-00001-of-00002.parquet", "changed_file", "error"),
    ]


def test_a_manifest_that_was_edited(dots: Task, examples: list[Example], write: Write) -> None:
    folder = write({"train": examples})
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"options": {"colour": "red"}}))
    kinds = {fault.kind for fault in check(folder, None, Silent()).faults}
    assert kinds == {"fingerprint"}


def test_the_task_adds_its_own_faults(dots: Task, examples: list[Example], write: Write) -> None:
    other = examples[0].with_images(examples[1].images)
    assert found(check(write({"train": [other, *examples[1:]]}), dots, Silent())) == [
        (other.id, "wrong_view", "error")
    ]


def test_a_dataset_without_images_is_sound(dots: Task, examples: list[Example], write: Write) -> None:
    folder = write({"train": [e.with_images(()) for e in examples]}, keep_images=False)
    assert check(folder, dots, Silent()).faults == []
    assert check(folder, None, Silent()).faults == []


def test_conversations_without_a_truth_are_said_to_be_so(
    dots: Task, examples: list[Example], write: Write
) -> None:
    bare = [replace(e, truth={"answer": e.answer}) for e in examples]
    assert found(check(write({"train": bare}), dots, Silent())) == [("dataset", "no_truth", "warning")]


def test_image_names_do_not_matter_to_the_generic_checks(examples: list[Example], write: Write) -> None:
    named = replace(examples[0], images=tuple(Image("", i.bytes) for i in examples[0].images))
    assert check(write({"train": [named]}), None, Silent()).faults == []


def test_a_row_that_does_not_fit_is_named_and_the_others_are_checked(tmp_path: Path) -> None:
    table = pa.table({"question": ["a", "b", "c", "d"], "answer": ["x", None, "", "z"]})
    pq.write_table(table, tmp_path / "train.parquet")
    report = check(tmp_path, None, Silent())
    assert found(report) == [
        ("train row 1", "bad_row", "error"),
        ("train-00000002", "empty_answer", "error"),
    ]
    assert report.examples == 3


def test_damaged_pages_are_named_and_the_rest_is_checked(
    dots: Task, examples: list[Example], write: Write
) -> None:
    folder = write({"train": examples, "test": [replace(examples[0], id="other", truth={"place": [29, 29, 29]})]})
    path = folder / "data" / "train-00000-of-00001.parquet"
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 3] = b"\xa5" * (len(data) // 3 - 4)
    path.write_bytes(data)
    report = check(folder, dots, Silent())
    bad = [id for id, kind, _ in found(report) if kind == "bad_row"]
    assert 0 < len(bad) < 120 and len(bad) % 32 == 0 and report.examples == 121 - len(bad)
    assert ("train", "split_count", "error") in found(report)
    assert ("other", "wrong_view", "error") in found(report)


def test_an_example_that_a_model_cannot_encode(examples: list[Example], write: Write) -> None:
    def count(example: Example) -> int:
        if example.id == "00003":
            raise InputError("the model's processor refuses this example")
        return len(example.images)

    report = check(write({"train": examples}), None, Silent(), count_tokens=count, max_tokens=3)
    assert found(report) == [("00003", "not_encodable", "error")]


def test_a_model_sees_drawn_images(dots: Task, examples: list[Example], write: Write) -> None:
    folder = write({"train": [e.with_images(()) for e in examples]}, keep_images=False)
    report = check(folder, dots, Silent(), count_tokens=lambda e: len(e.images), max_tokens=2)
    assert {fault.kind for fault in report.faults} == {"long_answer"} and report.errors == 120
