"""Other people's conversations and tables become examples; what does not fit is left out with its reason."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example, Part
from redraft.core.work import Silent
from redraft.datasets.foreign import split_of
from redraft.datasets.importers.huggingface import import_huggingface
from redraft.datasets.importers.tinyllava import import_tinyllava
from redraft.datasets.placeholders import message_of, parts, text_of
from redraft.datasets.splitting import assign


def png(colour: str = "red") -> bytes:
    data = io.BytesIO()
    Pillow.new("RGB", (4, 4), colour).save(data, "PNG")
    return data.getvalue()


def row(id: str, image: Any = "a.png", ask: str = "<image>\nWhat?", reply: str = "Red.") -> dict[str, Any]:
    turns = [{"from": "human", "value": ask}, {"from": "gpt", "value": reply}]
    return {"id": id, **({"image": image} if image else {}), "conversations": turns}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png())
    return tmp_path


def take(folder: Path, rows: list[Any], **options: Any) -> tuple[list[Any], list[tuple[str, str]]]:
    (folder / "train.json").write_text(json.dumps(rows))
    work = Silent()
    return list(import_tinyllava(str(folder / "train.json"), options, work)), work.omissions


def test_rows_with_one_image_with_several_and_with_none(folder: Path) -> None:
    taken, omitted = take(folder, [row("1"), row("2", ["a.png", "a.png"], "What?"), row("3", None, "Hello?")])
    assert omitted == [] and [t.split for t in taken] == ["train"] * 3
    one, two, none = (t.example for t in taken)
    assert one.images[0].bytes == png() and one.messages[0].content == (Part("image"), Part("text", "What?"))
    assert two.messages[0].content == (Part("image"), Part("image"), Part("text", "What?"))
    assert none.images == () and none.answer == "Red." and none.truth == {"answer": "Red."}


def test_what_does_not_fit_is_left_out_with_its_reason(folder: Path) -> None:
    rows = [
        row("missing", "b.png"),
        row("outside", "../secret.png"),
        row("absolute", str(folder / "secret.png")),
        {"id": "silent"},
        {"id": "odd", "conversations": [{"from": "parrot", "value": "x"}]},
        {"id": "number", "conversations": [{"from": "human", "value": 3}]},
        row("list", {"a": 1}),
        row("good"),
    ]
    taken, omitted = take(folder, rows)
    assert [t.example.id for t in taken] == ["good"]
    reasons = dict(omitted)
    assert list(reasons) == ["missing", "outside", "absolute", "silent", "odd", "number", "list"]
    assert "missing: b.png" in reasons["missing"]
    assert "outside of the image folder" in reasons["outside"] and reasons["absolute"] == reasons["outside"]


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1, 2]", "[" * 50_000, "\udcff"])
def test_a_file_that_is_no_list_of_conversations(folder: Path, text: str) -> None:
    (folder / "train.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError):
        list(import_tinyllava(str(folder / "train.json"), {}, Silent()))


def test_a_folder_without_conversations(folder: Path) -> None:
    with pytest.raises(InputError, match="no file of conversations"):
        list(import_tinyllava(str(folder), {}, Silent()))
    with pytest.raises(UsageError, match="no such file or folder"):
        list(import_tinyllava(str(folder / "nowhere"), {}, Silent()))


def test_counts_draw_by_lot_and_stay_disjoint(folder: Path) -> None:
    rows = [row(f"{i}") for i in range(50)]
    small, _ = take(folder, rows, train=10, validation=5, test=5, seed=4)
    large, _ = take(folder, rows, train=30, validation=5, test=5, seed=4)
    by_split = {s: {t.example.id for t in small if t.split == s} for s in ("train", "validation", "test")}
    assert {s: len(ids) for s, ids in by_split.items()} == {"train": 10, "validation": 5, "test": 5}
    grown = {s: {t.example.id for t in large if t.split == s} for s in ("train", "validation", "test")}
    assert grown["test"] == by_split["test"] and grown["validation"] == by_split["validation"]
    assert grown["train"] > by_split["train"]


@given(st.sets(st.text(max_size=4), max_size=30), st.integers(0, 9), st.integers(0, 9), st.integers(0, 99))
def test_lots_depend_on_ids_alone(ids: set[str], validation: int, test: int, seed: int) -> None:
    counts = {"train": None, "validation": validation, "test": test}
    assigned = assign(sorted(ids), counts, seed)
    assert assigned == assign(sorted(ids, reverse=True), counts, seed)
    assert set(assigned) == ids
    assert sum(s == "test" for s in assigned.values()) == min(test, len(ids))


def test_a_hub_folder_with_other_names(tmp_path: Path) -> None:
    replies = ["Red."] * 8 + [None]
    table = pa.table({"pic": [{"bytes": png(), "path": None}] * 9, "ask": ["What?"] * 9, "reply": replies})
    pq.write_table(table, tmp_path / "train.parquet")
    columns = {"image": "pic", "question": "ask", "answer": "reply"}
    work = Silent()
    taken = list(import_huggingface(str(tmp_path), {"columns": columns}, work))
    assert [t.example.id for t in taken] == [f"train-{i:08d}" for i in range(8)]
    assert taken[0].example.images[0].bytes == png() and taken[0].split == "train"
    assert [id for id, _ in work.omissions] == ["train-00000008"]
    pq.write_table(table.slice(0, 8), tmp_path / "train.parquet")
    some = list(
        import_huggingface(str(tmp_path), {"columns": columns, "train": 3, "test": 2, "seed": 1}, Silent())
    )
    assert sorted(t.split for t in some) == ["test"] * 2 + ["train"] * 3
    short = Silent()
    assert len(list(import_huggingface(str(tmp_path), {"columns": columns, "train": 30}, short))) == 8
    assert short.logs == ["train: 8 of the 30 examples asked for: the source has no more that fit"]


def test_a_repository_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    import datasets

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"hf:nobody/nothing: the repository cannot be opened .* HF_TOKEN"):
        list(import_huggingface("hf:nobody/nothing", {}, Silent()))


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train-00000-of-00001.parquet", "train"),
        ("data/validation-00000-of-00001.parquet", "validation"),
        ("val/part.0.parquet", "validation"),
        ("Test.parquet", "test"),
        ("dev.jsonl", "validation"),
        ("contest.parquet", "train"),
        ("test/train.parquet", "train"),
        ("everything.parquet", "train"),
    ],
)
def test_splits_are_told_by_names(path: str, split: str) -> None:
    assert split_of(Path(path)) == split


@given(st.lists(st.sampled_from(["image", "a", "b c", "d\ne"]), max_size=6))
def test_marks_survive_text(pieces: list[str]) -> None:
    """Neighbouring texts melt into one; apart from that a message comes back from its text."""
    content: list[Part] = []
    for piece in pieces:
        if piece == "image":
            content.append(Part("image"))
        elif not content or content[-1].type == "image":
            content.append(Part("text", piece))
    turn = message_of("user", [{"type": p.type, "text": p.text} for p in content])
    assert parts(text_of(turn)) == turn.content


def test_a_repository_is_read_as_a_stream(examples: list[Example], write: Callable[..., Path]) -> None:
    """The datasets library opens a folder as it opens a repository, so no network is needed to see ours read."""
    folder = write({"train": examples[:40], "validation": examples[40:50]})
    whole = list(import_huggingface(f"hf:{folder}", {}, Silent()))
    assert [t.split for t in whole] == ["train"] * 40 + ["validation"] * 10
    assert [t.example for t in whole] == examples[:50]
    some = list(import_huggingface(f"hf:{folder}", {"train": 7, "validation": 2}, Silent()))
    assert [t.example for t in some] == [*examples[:7], *examples[40:42]]
