"""Exports, read back as the loaders of other projects read them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from redraft.core.errors import InputError, OutputError, UsageError
from redraft.core.example import Example, Image, message
from redraft.core.task import Task
from redraft.core.work import Silent
from redraft.datasets.export.run import export, materialise
from redraft.datasets.importers.tinyllava import import_tinyllava
from redraft.datasets.reader import Dataset

Write = Callable[..., Path]


@pytest.fixture
def dataset(examples: list[Example], write: Write) -> Dataset:
    return Dataset.open(write({"train": examples[:100], "validation": examples[100:]}))


def load_as_tinyllava(
    data_path: Path, image_folder: Path
) -> list[tuple[Pillow.Image | None, list[str], list[str]]]:
    """What TinyLLaVA Factory's LazySupervisedDataset and its templates do to a row, in our own words.

    One image a row, opened as RGB below the image folder; turns alternate, questions first; the image mark is
    taken out of the first question and put back in front, so there must be one exactly where there is an image.
    """
    rows = json.loads(data_path.read_text(encoding="utf-8"))
    assert isinstance(rows, list)
    loaded = []
    for row in rows:
        turns = [turn["value"] for turn in row["conversations"]]
        assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"] * (len(turns) // 2)
        questions, answers = turns[0::2], turns[1::2]
        assert len(questions) == len(answers) and all(answers)
        image = Pillow.open(image_folder / row["image"]).convert("RGB") if "image" in row else None
        assert questions[0].count("<image>") == (image is not None)
        assert not any("<image>" in question for question in questions[1:])
        loaded.append((image, [questions[0].replace("<image>", "").strip(), *questions[1:]], answers))
    return loaded


def test_one_conversation_a_view_is_what_tinyllava_reads(dataset: Dataset, tmp_path: Path) -> None:
    record = export(dataset, tmp_path / "out", "tinyllava", Silent())
    assert record["conversations"] == {"train": 300, "validation": 60} and record["images"] == 360
    rows = load_as_tinyllava(tmp_path / "out/train.json", tmp_path / "out/images")
    first = dataset.split("train")[0]
    assert len(rows) == 300
    for index, view in enumerate(("front", "top", "right")):
        image, questions, answers = rows[index]
        expected = Pillow.open(io.BytesIO(first.images[index].bytes)).convert("RGB")
        assert image is not None and image.tobytes() == expected.tobytes()
        assert questions == [f"This image is the {view} view ({index + 1} of 3).\nWhere is the dot?"]
        assert answers == [first.answer]
    ids = [row["id"] for row in json.loads((tmp_path / "out/train.json").read_text())]
    assert len(set(ids)) == 300 and ids[0] == "00000-front"
    assert len(load_as_tinyllava(tmp_path / "out/validation.json", tmp_path / "out/images")) == 60
    assert json.loads((tmp_path / "out/export.json").read_text())["fingerprint"] == dataset.fingerprint


def test_images_are_written_as_they_are_stored(dataset: Dataset, tmp_path: Path) -> None:
    export(dataset, tmp_path / "out", "tinyllava", Silent())
    for example in dataset.split("train"):
        for image in example.images:
            assert (tmp_path / "out/images/train" / f"{example.id}-{image.path}").read_bytes() == image.bytes


def test_a_montage_shows_every_view_once(dataset: Dataset, tmp_path: Path) -> None:
    export(dataset, tmp_path / "out", "tinyllava", Silent(), layout="montage")
    rows = load_as_tinyllava(tmp_path / "out/train.json", tmp_path / "out/images")
    sheet, questions, _ = rows[7]
    assert len(rows) == 100 and sheet is not None and sheet.size == (64, 64)
    assert questions == ["Where is the dot?"]
    for index, image in enumerate(dataset.split("train")[7].images):
        left, upper = index % 2 * 32, index // 2 * 32
        cell = sheet.crop((left, upper, left + 32, upper + 32))
        assert cell.tobytes() == Pillow.open(io.BytesIO(image.bytes)).convert("RGB").tobytes()
    assert sheet.crop((32, 32, 64, 64)).getextrema() == ((255, 255),) * 3


def test_one_conversation_a_part_comes_back_whole(dataset: Dataset, tmp_path: Path) -> None:
    record = export(dataset, tmp_path / "out", "tinyllava", Silent(), layout="part")
    assert record["conversations"] == {"train": 100, "validation": 20}
    row = json.loads((tmp_path / "out/train.json").read_text())[0]
    assert row["image"] == [f"train/00000-{view}.png" for view in ("front", "top", "right")]
    assert row["conversations"][0]["value"] == "<image>\n<image>\n<image>\nWhere is the dot?"
    back = list(import_tinyllava(str(tmp_path / "out"), {}, Silent()))
    assert [(b.split, b.example.id) for b in back] == [
        (s, i) for s in dataset.splits for i in dataset.split(s).ids
    ]
    for imported in back:
        original = dataset.split(imported.split)[dataset.split(imported.split).position(imported.example.id) or 0]
        assert imported.example.messages == original.messages
        assert [i.bytes for i in imported.example.images] == [i.bytes for i in original.images]


def test_sharegpt_names_its_images_and_describes_itself(dataset: Dataset, tmp_path: Path) -> None:
    export(dataset, tmp_path / "out", "sharegpt", Silent())
    info = json.loads((tmp_path / "out/dataset_info.json").read_text())
    for split in ("train", "validation"):
        described = info[f"redraft_{split}"]
        columns = described["columns"]
        rows = json.loads((tmp_path / "out" / described["file_name"]).read_text())
        assert len(rows) == len(dataset.split(split))
        for row, example in zip(rows, dataset.split(split), strict=True):
            turns = row[columns["messages"]]
            assert [turn["from"] for turn in turns] == ["human", "gpt"]
            names = row[columns["images"]]
            assert sum(turn["value"].count("<image>") for turn in turns) == len(names) == 3
            assert [(tmp_path / "out" / name).read_bytes() for name in names] == [i.bytes for i in example.images]


@pytest.mark.parametrize("embed", [False, True])
def test_openai_messages_hold_their_images(dataset: Dataset, tmp_path: Path, embed: bool) -> None:
    export(dataset, tmp_path / "out", "openai", Silent(), embed=embed)
    rows = [json.loads(line) for line in (tmp_path / "out/train.jsonl").read_text().splitlines()]
    assert (tmp_path / "out/images").exists() is not embed
    for row, example in zip(rows, dataset.split("train"), strict=True):
        user, assistant = row["messages"]
        assert assistant == {"role": "assistant", "content": example.answer}
        assert [part["type"] for part in user["content"]] == ["image_url"] * 3 + ["text"]
        for part, image in zip(user["content"], example.images, strict=False):
            assert read_url(part["image_url"]["url"], tmp_path / "out") == image.bytes


def read_url(url: str, folder: Path) -> bytes:
    if url.startswith("data:"):
        head, _, data = url.partition(",")
        assert head == "data:image/png;base64"
        return base64.b64decode(data)
    return (folder / url).read_bytes()


def one(write: Write, example: Example) -> Dataset:
    return Dataset.open(write({"train": [example]}, "one"))


def test_a_system_message_is_kept(examples: list[Example], write: Write, tmp_path: Path) -> None:
    example = replace(examples[0], messages=(message("system", "Be brief."), *examples[0].messages))
    dataset = one(write, example)
    export(dataset, tmp_path / "t", "tinyllava", Silent(), layout="part")
    row = json.loads((tmp_path / "t/train.json").read_text())[0]
    assert row["conversations"][0]["value"] == "<image>\n<image>\n<image>\nBe brief.\nWhere is the dot?"
    export(dataset, tmp_path / "s", "sharegpt", Silent())
    assert json.loads((tmp_path / "s/train.json").read_text())[0]["system"] == "Be brief."


def test_hostile_ids_stay_inside_and_apart(examples: list[Example], write: Write, tmp_path: Path) -> None:
    ids = ["../../etc/x", "a/b", "a b", "A-B", "..", "é" * 300, "é" * 301, "CON", "x" * 400]
    dataset = Dataset.open(write({"train": [replace(e, id=i) for e, i in zip(examples, ids, strict=False)]}))
    export(dataset, tmp_path / "out", "tinyllava", Silent(), layout="part")
    rows = json.loads((tmp_path / "out/train.json").read_text())
    names = [name for row in rows for name in row["image"]]
    assert len({name.lower() for name in names}) == 3 * len(ids)
    files = {p.resolve() for p in (tmp_path / "out/images").rglob("*.png")}
    assert files == {(tmp_path / "out/images" / name).resolve() for name in names}
    for row, example in zip(rows, dataset.split("train"), strict=True):
        assert (tmp_path / "out/images" / row["image"][0]).read_bytes() == example.images[0].bytes


def test_text_alone_has_no_image(examples: list[Example], write: Write, tmp_path: Path) -> None:
    example = Example("words", (), (message("user", "Say yes."), message("assistant", "yes")), {})
    export(one(write, example), tmp_path / "out", "tinyllava", Silent())
    assert json.loads((tmp_path / "out/train.json").read_text()) == [
        {
            "id": "words",
            "conversations": [{"from": "human", "value": "Say yes."}, {"from": "gpt", "value": "yes"}],
        }
    ]


@pytest.mark.parametrize("layout", ["view", "montage"])
def test_a_faulty_example_stops_the_export_and_leaves_nothing(
    examples: list[Example], write: Write, tmp_path: Path, layout: str
) -> None:
    broken = examples[0].with_images((Image("front.png", b""), *examples[0].images[1:]))
    with pytest.raises(InputError, match="cannot be exported"):
        export(one(write, broken), tmp_path / "out", "tinyllava", Silent(), layout=layout)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_wrong_wishes_are_refused_first(dataset: Dataset, tmp_path: Path) -> None:
    wishes: list[dict[str, Any]] = [{"format": "llava"}, {"format": "tinyllava", "layout": "row"}]
    for wish in wishes:
        with pytest.raises(UsageError, match="Choose one of"):
            export(dataset, tmp_path / "out", work=Silent(), **wish)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x").write_text("x")
    with pytest.raises(OutputError, match="exists already"):
        export(dataset, tmp_path / "there", "openai", Silent())
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["x"]


def test_materialised_is_what_would_have_been_stored(
    dots: Task, examples: list[Example], write: Write, tmp_path: Path
) -> None:
    bare = write({"train": [e.with_images(()) for e in examples]}, "bare", keep_images=False)
    value = materialise(Dataset.open(bare, dots), tmp_path / "full", Silent())
    full = Dataset.open(tmp_path / "full")
    assert list(full.split("train")) == examples
    assert (
        value["fingerprint"] == full.fingerprint == Dataset.open(write({"train": examples}, "stored")).fingerprint
    )
