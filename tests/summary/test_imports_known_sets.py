"""Text and summary rows in Hugging Face's form: by mapping, by the names of known sets, and from a recipe."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from importing import rows, take, text_of, write_lines
from PIL import Image as Pictures

from hub_machine import Machine
from hub_server import TOKEN, Hub
from redraft.core.discovery import load_task
from redraft.core.errors import InputError, RecipeError, UsageError
from redraft.core.recipe import recipe_from_data
from redraft.core.work import Silent
from redraft.datasets.reader import Dataset
from redraft.datasets.repository import files_of, hub_name
from redraft.tasks.summary.imports.known import KNOWN_SETS
from redraft.tasks.summary.task import TASK
from redraft.worker.hub_dataset import open_hub_dataset, tell
from redraft.worker.verbs import find_verb
from redraft.worker.verbs.train import open_dataset

CARD = """---
license: apache-2.0
configs:
- config_name: 1.0.0
  data_files: [{split: train, path: 1.0.0/train-*}, {split: test, path: 1.0.0/test-*}]
- config_name: 3.0.0
  data_files:
  - {split: train, path: 3.0.0/train-*}
  - {split: validation, path: "3.0.0/validation-*"}
---
# News
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


def news(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {"article": text_of(n), "highlights": f"News {n}.", "id": f"n{n}"} for n in range(first, first + count)
    ]


def put(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / name)


@pytest.fixture
def dailymail(hub: Hub, tmp_path: Path) -> str:
    """A repository in the form of CNN/DailyMail's: three rows of it do not serve."""
    folder = tmp_path / "repository"
    (folder).mkdir()
    (folder / "README.md").write_text(CARD)
    put(folder, "1.0.0/train-00000-of-00001.parquet", news(100, 3))
    put(folder, "1.0.0/test-00000-of-00001.parquet", news(110, 2))
    bad = [{"article": "", "highlights": "s", "id": "b1"}, {"article": text_of(0), "highlights": None, "id": "b2"}]
    twin = [{"article": text_of(1).upper(), "highlights": "Again.", "id": "twin"}]
    put(folder, "3.0.0/train-00000-of-00001.parquet", news(0, 6) + bad)
    put(folder, "3.0.0/validation-00000-of-00001.parquet", news(20, 2) + twin)
    hub.add("abisee/cnn_dailymail", folder, kind="datasets")
    return "abisee/cnn_dailymail"


def test_a_known_set_needs_its_name_alone(hub: Hub, dailymail: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", hub)
    made = machine.value("data", "import", "huggingface", f"hf:{dailymail}", tmp_path / "out", "--task", "summary")
    assert made["counts"] == {"train": 6, "validation": 2}
    dataset = Dataset.open(tmp_path / "out", load_task("summary"))
    assert dataset.manifest is not None
    assert {o.id: o.reason for o in dataset.manifest.left_out.examples} == {
        "b1": "the document is empty", "b2": "there is no summary",
        "twin": "a duplicate: it is the same document as n1",
    }  # fmt: skip
    example = dataset.split("train")[0]
    assert (example.id, example.answer, len(example.images)) == ("n0", "News 0.", 1)
    assert example.truth["language"] == "en"
    assert example.truth["source"] == {"dataset": dailymail, "licence": "apache-2.0"}
    assert [(r.source, r.licence, r.examples) for r in dataset.manifest.ledger] == [(dailymail, "apache-2.0", 8)]
    assert "license: apache-2.0" in (tmp_path / "out" / "README.md").read_text()


def test_a_local_copy_is_read_by_the_configurations_of_its_card(dailymail: str, tmp_path: Path) -> None:
    request = {"importer": "huggingface", "source": str(tmp_path / "repository"), "out": str(tmp_path / "old")}
    request |= {"task": "summary", "name": "1.0.0", "licence": "mine", "seed": 2}
    assert find_verb("data.import")(request, Silent()).value["counts"] == {"train": 3, "test": 2}
    request |= {"out": str(tmp_path / "by-lot"), "train": 3, "validation": 2}
    assert find_verb("data.import")(request, Silent()).value["counts"] == {"train": 3, "validation": 2}
    manifest = Dataset.open(tmp_path / "old").manifest
    assert manifest is not None and [(r.source, r.licence) for r in manifest.ledger] == [("repository", "mine")]


def test_a_recipe_reads_a_repository_by_its_name(hub: Hub, dailymail: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", hub)
    with machine.here():
        dataset = open_hub_dataset(f"hf:{dailymail}", TASK, {}, Silent())
        assert not any(r.method == "GET" and "1.0.0/" in r.path for r in hub.requests)  # the other one stays there
        old = open_hub_dataset(f"hf:{dailymail}/1.0.0", TASK, {}, Silent())
        again = open_hub_dataset(f"hf:{dailymail}", TASK, {}, Silent())
        with pytest.raises(UsageError, match=r"no configuration '9' .*|there is no configuration '9'"):
            open_hub_dataset(f"hf:{dailymail}/9", TASK, {}, Silent())
    train = dataset.split("train")
    assert dataset.counts == {"train": 6, "validation": 3} and old.counts == {"train": 3, "test": 2}
    assert train.left_out == (("b1", "the document is empty"), ("b2", "there is no summary"))
    assert [e.id for e in train] == train.ids == [f"n{n}" for n in range(6)]
    assert all(len(e.images) == e.messages[0].image_count == 1 for e in train)
    assert dataset.options == TASK.options({"long": "cut"})
    assert dataset.fingerprint == again.fingerprint != old.fingerprint
    work = Silent()
    tell(dataset, work)
    assert work.omissions == list(train.left_out)


def test_a_recipe_maps_columns_of_a_local_folder(tmp_path: Path) -> None:
    put(tmp_path / "set", "train.parquet", [{"body_": text_of(n), "short_": f"S {n}."} for n in range(4)])
    dataset = Dataset.open(tmp_path / "set", TASK, columns={"text": "body_", "summary": "short_"})
    assert [e.answer for e in dataset.split("train")] == [f"S {n}." for n in range(4)]
    assert dataset.split("train").ids[0] == "train-00000000" and dataset.find("train-00000002")[1] == 2
    with pytest.raises(InputError, match="no column holds the text or the image") as no:
        Dataset.open(tmp_path / "set", TASK)
    assert "It has: body_, short_" in no.value.remedy


def test_a_recipe_says_how_rows_become_pages(hub: Hub, dailymail: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", hub)
    small = {"style": {"size": "tiny", "font_size": 11.0}, "instruction": "In short?"}
    recipe = {"task": "summary", "options": small}
    with machine.here():
        remote, _ = open_dataset(recipe_from_data({**recipe, "dataset": f"hf:{dailymail}"}), Silent())
    put(tmp_path / "set", "train.parquet", [{"article": text_of(n), "highlights": f"S {n}."} for n in range(2)])
    local, _ = open_dataset(recipe_from_data({**recipe, "dataset": str(tmp_path / "set")}), Silent())
    for dataset in (remote, local):
        example = dataset.split("train")[0]
        assert Pictures.open(io.BytesIO(example.images[0].bytes)).size == (512, 512)
        assert example.messages[0].text == "In short?" and dataset.options == TASK.options(
            {**small, "long": "cut"}
        )
    put(tmp_path / "talk", "train.parquet", [{"question": "What?", "answer": "That."}])
    made = take(write_lines(tmp_path / "set.jsonl", rows(4)), tmp_path / "made", train=4)
    for folder, why in ((tmp_path / "talk", "holds whole conversations"), (made.out, "has options of its own")):
        with pytest.raises(RecipeError, match=why):
            open_dataset(recipe_from_data({**recipe, "dataset": str(folder)}), Silent())
    with pytest.raises(UsageError, match="the task summary has no option 'stile'"):
        open_dataset(
            recipe_from_data({**recipe, "dataset": str(tmp_path / "set"), "options": {"stile": 1}}), Silent()
        )


def test_conversations_of_this_task_are_read_as_before(tmp_path: Path) -> None:
    put(tmp_path / "set", "train.parquet", [{"question": "What?", "answer": "That."}])
    assert Dataset.open(tmp_path / "set", TASK).split("train")[0].answer == "That."


def test_several_configurations_and_none_chosen(hub: Hub, dailymail: str, tmp_path: Path) -> None:
    hub.add("bob/news", tmp_path / "repository", kind="datasets")
    machine = Machine(tmp_path / "machine", hub)
    with machine.here(), pytest.raises(UsageError, match=r"several configurations: 1\.0\.0, 3\.0\.0") as several:
        open_hub_dataset("hf:bob/news", TASK, {}, Silent())
    assert "hf:OWNER/NAME/1.0.0" in several.value.remedy
    with pytest.raises(UsageError, match="several configurations: de, es, fr, ru, tu"):
        open_hub_dataset("hf:reciTAL/mlsum", TASK, {}, Silent())


def test_a_summary_dataset_is_pushed_with_its_card_and_comes_back(hub: Hub, tmp_path: Path) -> None:
    made = take(write_lines(tmp_path / "set.jsonl", rows(6)), tmp_path / "out", train=6, licence="cc0-1.0")
    machine = Machine(tmp_path / "machine", hub, TOKEN)
    machine.verb("data.push", {"dataset": str(made.out), "repo": "alice/reports"})
    files = hub.repos["datasets", "alice/reports"].commits[-1][1]
    card = files["README.md"].decode()
    assert "- summarization" in card and "| set | cc0-1.0 | 6 |" in card and "license: cc0-1.0" in card
    assert "](preview.png)" in card and len(Pictures.open(io.BytesIO(files["preview.png"])).getcolors() or ()) > 4
    machine.verb("data.push", {"dataset": str(made.out), "repo": "alice/reports"})
    assert len(hub.repos["datasets", "alice/reports"].commits) == 1  # nothing was new
    with machine.here():
        back = open_hub_dataset("hf:alice/reports", TASK, {}, Silent())
    assert back.fingerprint == made.manifest.fingerprint and back.split("train")[0].images


def test_what_is_known_of_sets_is_complete() -> None:
    for name, known in KNOWN_SETS.items():
        assert known.page.endswith(name) and known.licence and {"text", "summary"} <= set(known.columns)
        assert set(known.columns) <= set(TASK.row_columns) and set(known.constants) <= set(TASK.row_columns)
    assert hub_name("hf:a/b/c/d@v1") == ("a/b", "c/d", "v1") and hub_name("hf:a/b") == ("a/b", "", None)


def test_patterns_of_cards(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    paths = ["data/train-0.parquet", "data/sub/test-0.parquet", "data/val-0.parquet", "x.json"]
    assert files_of(card, paths, "", "x") == {
        "train": ["data/train-0.parquet"],
        "validation": ["data/val-0.parquet"],
        "test": ["data/sub/test-0.parquet"],
    }
    for data, found in (
        ('"data/*.parquet"', {"train": ["data/sub/test-0.parquet", "data/train-0.parquet", "data/val-0.parquet"]}),
        ('["data/train-*"]', {"train": ["data/train-0.parquet"]}),
        ("[{split: dev, path: [data/val-*, ./data/train-*]}]",
         {"validation": ["data/train-0.parquet", "data/val-0.parquet"]}),
        ('[{split: test, path: "**/test-*"}]', {"test": ["data/sub/test-0.parquet"]}),
    ):  # fmt: skip
        card.write_text(f"---\nconfigs: [{{config_name: default, data_files: {data}}}]\n---\n")
        assert files_of(card, paths, "", "x") == found
    card.write_text("---\n: [\n---\n")
    assert len(files_of(card, paths, "", "x")) == 3
    with pytest.raises(UsageError, match="there is no configuration 'y'"):
        files_of(card, paths, "y", "x")
    assert json.dumps(files_of(card, paths, "data/sub", "x")) == '{"test": ["data/sub/test-0.parquet"]}'
