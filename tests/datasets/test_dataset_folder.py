"""What is written is what is read: by us, by the datasets library, and by nothing else when it is broken."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.errors import InputError, OutputError, UsageError
from redraft.core.example import Example, Image, message
from redraft.core.task import Task
from redraft.datasets.fingerprint import digest_of
from redraft.datasets.reader import Dataset, Split
from redraft.datasets.writer import DatasetWriter

Write = Callable[..., Path]


def test_examples_come_back_as_they_went_in(examples: list[Example], write: Write) -> None:
    folder = write({"train": examples[:100], "validation": examples[100:]})
    dataset = Dataset.open(folder)
    assert dataset.counts == {"train": 100, "validation": 20}
    train = dataset.split("train")
    assert list(train) == examples[:100]
    assert [train[i] for i in (99, 0, 31, 32, -1)] == [examples[i] for i in (99, 0, 31, 32, 99)]
    assert train[10:13] == examples[10:13]
    assert train.ids == [e.id for e in examples[:100]]
    assert dataset.find(examples[110].id)[1] == 10
    with pytest.raises(IndexError):
        train[100]
    with pytest.raises(UsageError, match=r"no split 'test'.*train, validation"):
        dataset.split("test")
    with pytest.raises(UsageError, match="no example 'nobody'"):
        dataset.find("nobody")


def test_the_datasets_library_opens_the_folder_as_it_is(
    examples: list[Example], write: Write, tmp_path: Path
) -> None:
    folder = write({"train": examples[:90], "validation": examples[90:110], "test": examples[110:]})
    code = (
        "import sys, json, datasets\n"
        f"d = datasets.load_dataset({str(folder)!r}, cache_dir={str(tmp_path / 'cache')!r})\n"
        "row = d['train'][5]\n"
        "print(json.dumps([{s: len(d[s]) for s in d}, d['train'].column_names, row['id'], row['truth'],"
        " row['seed'], [[type(i).__name__, i.mode, i.size] for i in row['images']], row['messages']]))\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    counts, columns, id, truth, seed, images, messages = json.loads(done.stdout)
    assert counts == {"train": 90, "validation": 20, "test": 10}
    assert columns == ["id", "images", "messages", "truth", "seed"]
    assert (id, json.loads(truth), seed) == (examples[5].id, dict(examples[5].truth), 7)
    assert images == [["PngImageFile", "RGB", [32, 32]]] * 3
    assert messages == [m.as_data() for m in examples[5].messages]


texts = st.text(st.characters(codec="utf-8"), max_size=30)
json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
any_example = st.builds(
    Example,
    id=texts,
    images=st.lists(st.builds(Image, texts, st.binary(max_size=50)), max_size=3).map(tuple),
    messages=st.lists(
        st.builds(message, st.sampled_from(["system", "user", "assistant"]), texts, st.integers(0, 2)), max_size=3
    ).map(tuple),
    truth=st.dictionaries(texts, json_data, max_size=3),
    seed=st.integers(-(2**63), 2**63 - 1),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(any_example, min_size=1, max_size=12, unique_by=lambda e: e.id))
def test_any_example_survives(tmp_path_factory: pytest.TempPathFactory, found: list[Example]) -> None:
    folder = tmp_path_factory.mktemp("any") / "set"
    with DatasetWriter(folder, task="none", revision="1", options={}, shard_bytes=100) as writer:
        for example in found:
            writer.add("train", example)
    dataset = Dataset.open(folder)
    assert list(dataset.split("train")) == found
    assert [dataset.split("train")[i] for i in range(len(found))] == found


@settings(max_examples=100, deadline=None)
@given(any_example, st.data())
def test_a_digest_feels_every_change(example: Example, data: st.DataObject) -> None:
    other = data.draw(any_example)
    assert (digest_of(example) == digest_of(other)) == (example == other)
    assert digest_of(replace(example, id=example.id + "x")) != digest_of(example)
    assert digest_of(replace(example, seed=example.seed ^ 1)) != digest_of(example)
    assert digest_of(replace(example, images=(*example.images, Image("a", b"")))) != digest_of(example)


def test_the_same_input_makes_the_same_bytes(examples: list[Example], write: Write) -> None:
    splits = {"train": examples[:100], "validation": examples[100:]}
    one, two = write(splits, "one"), write(splits, "two")
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) == 6
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file


def test_the_fingerprint_feels_order_splits_and_content(examples: list[Example], write: Write) -> None:
    base = Dataset.open(write({"train": examples[:9], "test": examples[9:12]}, "a")).fingerprint
    swapped = [examples[1], examples[0], *examples[2:9]]
    others = [
        {"train": swapped, "test": examples[9:12]},
        {"train": examples[:8], "test": examples[8:12]},
        {"train": examples[:9], "validation": examples[9:12]},
        {"train": [*examples[:8], replace(examples[8], seed=8)], "test": examples[9:12]},
    ]
    found = {Dataset.open(write(splits, f"b{n}")).fingerprint for n, splits in enumerate(others)}
    assert len(found | {base}) == 5
    sharded = write({"train": examples[:9], "test": examples[9:12]}, "c", shard_bytes=1)
    assert Dataset.open(sharded).fingerprint == base


def test_many_shards_read_as_one_split(examples: list[Example], write: Write) -> None:
    folder = write({"train": examples}, shard_bytes=1)
    names = sorted(path.name for path in (folder / "data").iterdir())
    assert names == [f"train-{n:05d}-of-00004.parquet" for n in range(4)]
    train = Dataset.open(folder).split("train")
    assert list(train) == examples
    assert train[63] == examples[63] and train[64] == examples[64]


def test_row_groups_stay_small(examples: list[Example], write: Write) -> None:
    meta = pq.ParquetFile(next((write({"train": examples}) / "data").iterdir())).metadata
    assert [meta.row_group(g).num_rows for g in range(meta.num_row_groups)] == [32, 32, 32, 24]


def test_a_dataset_without_images_draws_them(dots: Task, examples: list[Example], write: Write) -> None:
    bare = [example.with_images(()) for example in examples]
    folder = write({"train": bare}, keep_images=False)
    assert list(Dataset.open(folder, dots).split("train")) == examples
    assert Dataset.open(folder, dots).split("train").example(3, draw=False) == bare[3]
    assert Dataset.open(folder).split("train")[3] == bare[3]

    class Later(type(dots)):  # type: ignore[misc]
        revision = "2"

    with pytest.raises(InputError, match="revision 1; here is dots revision 2"):
        Dataset.open(folder, Later())


def test_subsets_keep_their_order(examples: list[Example], write: Write) -> None:
    train = Dataset.open(write({"train": examples})).split("train")
    part = train.subset([5, 3, 100])
    assert list(part) == [examples[5], examples[3], examples[100]]
    assert part.ids == [examples[5].id, examples[3].id, examples[100].id]
    assert list(part.subset([2, 0])) == [examples[100], examples[5]]
    assert [e.id for e in train.evenly(4)] == [examples[i].id for i in (0, 30, 60, 90)]
    assert len(train.evenly(None)) == len(train.evenly(500)) == 120
    assert part.position(examples[3].id) == 1 and part.position("nobody") is None


def read_ids(split: Split, indices: list[int]) -> list[str]:
    return [split[i].id for i in indices]


def test_splits_serve_threads_and_other_processes(examples: list[Example], write: Write) -> None:
    train = Dataset.open(write({"train": examples})).split("train")
    order = [(i * 37) % 120 for i in range(120)]
    expected = [examples[i].id for i in order]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda i: train[i].id, order)) == expected
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(read_ids, (train, order)) == expected


def test_what_was_left_out_is_listed(examples: list[Example], write: Write) -> None:
    few = Dataset.open(
        write({"train": examples}, "few", left_out=[("a", "a: broken: x"), ("b", "broken: y")])
    ).manifest
    assert few is not None and few.left_out.count == 2 and few.left_out.reasons == {"broken": 2}
    assert [(o.id, o.reason) for o in few.left_out.examples] == [("a", "broken: x"), ("b", "broken: y")]
    folder = write({"train": examples}, "many", left_out=[(f"{i}", "late") for i in range(250)])
    many = Dataset.open(folder).manifest
    assert many is not None and many.left_out.count == 250 and many.left_out.file == "left_out.jsonl"
    lines = (folder / "left_out.jsonl").read_text().splitlines()
    assert len(lines) == 250 and json.loads(lines[249]) == {"id": "249", "reason": "late"}
    assert "250 inputs did not become examples" in (folder / "README.md").read_text()


def test_an_id_is_taken_once_and_the_dataset_goes_on(examples: list[Example], write: Write) -> None:
    with pytest.raises(InputError, match="same id"):
        write({"train": [examples[0], examples[1], examples[0]]})
    with pytest.raises(InputError, match="same id"):
        write({"train": [examples[0]], "test": [examples[0]]})


@pytest.mark.parametrize(
    "wrong",
    [
        Example("nan", (), (message("user", "a"),), {"a": float("nan")}),
        Example("set", (), (message("user", "a"),), {"a": {1, 2}}),
        Example("half \ud800", (), (message("user", "a"),), {}),
        Example("text", (), (message("user", "a \udfff"),), {}),
        Example("seed", (), (message("user", "a"),), {}, seed=2**63),
    ],
    ids=lambda e: ascii(e.id),
)
def test_what_a_row_cannot_hold_is_refused_and_nothing_is_left(
    wrong: Example, examples: list[Example], write: Write, tmp_path: Path
) -> None:
    with pytest.raises(InputError):
        write({"train": [*examples[:50], wrong]})
    assert list(tmp_path.iterdir()) == []


def test_an_empty_dataset_is_refused_with_the_commonest_reason(write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="all 3 inputs were left out, 2 of them because: torn"):
        write({}, left_out=[("a", "torn"), ("b", "torn"), ("c", "wet")])
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_never_touched(examples: list[Example], write: Write, tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="exists already"):
        write({"train": examples})
    assert [p.name for p in tmp_path.rglob("*")] == ["dataset", "mine.txt"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """A limit on file sizes stands for the full disk: the system call fails in the same place."""
    code = (
        "import resource, signal, os\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "from redraft.core.example import Example, Image, message\n"
        "from redraft.core.errors import OutputError\n"
        "from redraft.datasets.writer import DatasetWriter\n"
        "try:\n"
        f"    with DatasetWriter({str(tmp_path / 'full')!r}, task='t', revision='1', options={{}}) as writer:\n"
        "        for i in range(100):\n"
        "            writer.add('train', Example(str(i), (Image('a.png', os.urandom(50_000)),), (), {}))\n"
        "except OutputError as error:\n"
        "    print('REFUSED', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("REFUSED") and "Choose another output" in done.stdout, done.stderr
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
