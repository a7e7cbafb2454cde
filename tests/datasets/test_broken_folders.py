"""Folders that are no datasets, or no longer whole ones: a clear sentence each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example, Part
from redraft.datasets.reader import Dataset

Write = Callable[..., Path]


@pytest.fixture
def folder(examples: list[Example], write: Write) -> Path:
    return write({"train": examples[:100], "validation": examples[100:]}, shard_bytes=1)


def shard(folder: Path) -> Path:
    return sorted((folder / "data").glob("train-*"))[1]


def change_manifest(folder: Path, **values: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_missing_folder_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such dataset"):
        Dataset.open(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="a file, not a dataset folder"):
        Dataset.open(tmp_path / "file")


def test_a_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"neither a manifest .* nor Parquet files"):
        Dataset.open(tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "an app", "short_name": "app"}')
    with pytest.raises(InputError, match="not a dataset"):
        Dataset.open(tmp_path)
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="cannot be read"):
        Dataset.open(tmp_path)


def test_a_missing_shard(folder: Path) -> None:
    shard(folder).unlink()
    with pytest.raises(InputError, match=r"train-00001-of-00004.parquet: this file of the dataset is missing"):
        Dataset.open(folder)


@pytest.mark.parametrize("keep", [0, 3, 500, -1])
def test_a_truncated_shard(folder: Path, keep: int) -> None:
    data = shard(folder).read_bytes()
    shard(folder).write_bytes(data[:keep])
    with pytest.raises(InputError, match="not a whole Parquet file"):
        Dataset.open(folder)


def test_damaged_pages(folder: Path) -> None:
    data = bytearray(shard(folder).read_bytes())
    data[4 : len(data) // 2] = b"\xa5" * (len(data) // 2 - 4)
    shard(folder).write_bytes(data)
    train = Dataset.open(folder).split("train")
    with pytest.raises(InputError):
        list(train)
    with pytest.raises(InputError):
        train[40]


def test_a_shard_of_another_dataset(folder: Path) -> None:
    pq.write_table(pq.read_table(shard(folder)).slice(0, 7), shard(folder))
    with pytest.raises(InputError, match="7 rows"):
        Dataset.open(folder)


def test_a_newer_format(folder: Path) -> None:
    change_manifest(folder, format=2)
    with pytest.raises(InputError, match="format 2; this version of redraft reads up to 1"):
        Dataset.open(folder)


def test_a_manifest_with_a_wrong_value(folder: Path) -> None:
    change_manifest(folder, counts={"train": -1})
    with pytest.raises(InputError, match=r"'counts.train' is wrong"):
        Dataset.open(folder)


def test_a_manifest_that_leads_out_of_its_folder(folder: Path) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    files[0]["path"] = "../" + files[0]["path"]
    change_manifest(folder, files=files)
    with pytest.raises(InputError, match="outside of the dataset"):
        Dataset.open(folder)


def png() -> bytes:
    data = io.BytesIO()
    Pillow.new("RGB", (4, 4), "red").save(data, "PNG")
    return data.getvalue()


def test_a_folder_of_another_maker_opens_where_its_columns_fit(tmp_path: Path) -> None:
    picture = {"bytes": png(), "path": "deep/a.png"}
    chat = [{"role": "user", "content": "<image>\nWhat?"}, {"role": "assistant", "content": "A square."}]
    (tmp_path / "data").mkdir()
    pq.write_table(
        pa.table({"images": [[picture]] * 3, "messages": [chat] * 3}), tmp_path / "data/train-0.parquet"
    )
    pq.write_table(pa.table({"images": [[picture]], "messages": [chat]}), tmp_path / "data/val-0.parquet")
    dataset = Dataset.open(tmp_path)
    assert dataset.counts == {"train": 3, "validation": 1}
    example = dataset.split("train")[2]
    assert example.id == "train-00000002" == dataset.split("train").ids[2]
    assert example.images[0].path == "a.png" and example.images[0].bytes == png()
    assert example.messages[0].content == (Part("image"), Part("text", "What?"))
    assert example.answer == "A square." and example.truth == {"answer": "A square."}
    assert dataset.fingerprint == Dataset.open(tmp_path).fingerprint


def test_columns_of_other_names_are_mapped(tmp_path: Path) -> None:
    table = pa.table({"pic": [{"bytes": png(), "path": None}], "ask": ["What?"], "reply": ["Red."], "key": [17]})
    pq.write_table(table, tmp_path / "all.parquet")
    with pytest.raises(InputError, match=r"columns \(pic, ask, reply, key\) do not hold a conversation"):
        Dataset.open(tmp_path)
    columns = {"image": "pic", "question": "ask", "answer": "reply", "id": "key"}
    example = Dataset.open(tmp_path, columns=columns).split("train")[0]
    assert example.id == "17" and example.answer == "Red." and example.messages[0].image_count == 1
    with pytest.raises(InputError, match="no column 'nix'"):
        Dataset.open(tmp_path, columns={"image": "nix"})
    with pytest.raises(UsageError, match="no column 'picture' to map"):
        Dataset.open(tmp_path, columns={"picture": "pic"})
