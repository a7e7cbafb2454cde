"""Models to a hub, over real HTTP: private, with a card of measured figures, only what is new, and resumed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from hub_machine import Machine
from hub_server import TOKEN, Hub
from redraft.core.discovery import load_task
from redraft.core.errors import RedraftError
from redraft.core.work import Silent
from redraft.datasets.writer import DatasetWriter
from redraft.models import small
from redraft.models.card import MARK
from redraft.worker.verbs import find_verb

TASKS = str(Path(__file__).parents[1] / "core")
BASE, PARTS, OUT = "alice/base", "alice/parts", "alice/trained"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def machine(hub: Hub, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine", hub, TOKEN)


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDRAFT_TASKS", TASKS)
    task = load_task("toy_task")
    options = task.options({})
    with DatasetWriter(
        tmp_path / "parts", task=task.name, revision=task.revision, options=options, keep_images=True
    ) as writer:
        for number, example in enumerate(task.generate(14, 0, options, Silent())):
            writer.add("train" if number < 10 else "validation", example)
    return tmp_path / "parts"


@pytest.mark.slow
def test_a_run_that_lives_on_the_hub_from_its_dataset_to_its_model(
    machine: Machine, hub: Hub, dataset: Path, tmp_path: Path
) -> None:
    """Dataset and base from the hub by name, an upload at every save, and the upload pulled back."""
    licensed = small.build("qwen2_5_vl", tmp_path / "base")
    (licensed / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    base = hub.add(BASE, licensed)
    pushed = machine.verb("data.push", {"dataset": str(dataset), "repo": PARTS})
    assert pushed["fingerprint"].startswith("sha256:")
    parts = hub.repos["datasets", PARTS]
    assert parts.private and {p.name for p in dataset.rglob("*.parquet")} <= {
        Path(n).name for n in parts.commits[-1][1]
    }

    recipe = {
        "task": "toy_task",
        "dataset": f"hf:{PARTS}",
        "model": {"base": f"hf:{BASE}", "adapter": {"r": 2, "targets": ["q_proj"]}},
        "train": {"max_steps": 2, "batch_size": 4, "threads": 1, "save_every": 1, "evaluate_every": 1},
        "evaluate": {"limit": 3, "max_new_tokens": 3, "batch_size": 3},
        "hub": {"repo": OUT, "push": "every_save"},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    run = tmp_path / "run"
    done = machine.run("train", path, "--out", run)
    assert done.stderr.count("uploaded to") == 2 and "fetching" in done.stderr
    manifest = json.loads((run / "checkpoints" / "step-2" / "manifest.json").read_text())
    assert manifest["base"]["revision"] == base
    assert manifest["dataset"]["hub"] == {"repo": PARTS, "commit": parts.commits[-1][0]}

    made = hub.repos["models", OUT]
    assert made.private and len(made.commits) == 2
    files = made.commits[-1][1]
    assert not any("training.safetensors" in name or "state" in name for name in files)
    assert str(tmp_path).encode() not in b"".join(files.values())  # no path of this machine
    config = json.loads(files["adapter_config.json"])
    assert (config["base_model_name_or_path"], config["revision"]) == (BASE, base)
    card = files["README.md"].decode()
    scores = json.loads((run / "result.json").read_text())["scores"]
    head = yaml.safe_load(card.split("---")[1])
    assert (head["license"], head["base_model"], head["datasets"]) == ("apache-2.0", BASE, [PARTS])
    assert f"{scores['mean']:.3f} ({scores['interval'][0]:.3f} to {scores['interval'][1]:.3f})" in card
    assert manifest["dataset"]["fingerprint"] in card and base in card and "10 train" in card
    assert "max_steps: 2" in card and "AutoPeftModel" in card and "steps | 2" in card

    pulled = Path(machine.pull(OUT)["folder"])
    ours, theirs = (load_file(p / "adapter_model.safetensors") for p in (run / "checkpoints/step-2/model", pulled))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)

    request = {"checkpoint": str(run), "out": str(tmp_path / "merged"), "dataset": str(dataset)}
    merged = machine.verb("models.merge", request)
    assert merged["changed"] and merged["examples"] == 4 and not merged["drawn"]

    hub.forget()
    overrides = ("train.max_steps=1", "hub={}", "evaluate.split=none")
    with machine.here(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        request = {"recipe": str(path), "overrides": overrides, "out": str(tmp_path / "offline")}
        find_verb("train")(request, machine.work)
    manifest = json.loads((tmp_path / "offline" / "checkpoints" / "step-1" / "manifest.json").read_text())
    assert manifest["base"]["revision"] == base and manifest["dataset"]["hub"]["commit"] == parts.commits[-1][0]
    assert not hub.requests


def test_only_what_is_new_is_sent(machine: Machine, hub: Hub, tmp_path: Path) -> None:
    folder = small.build("llava", tmp_path / "model")
    first = machine.verb("models.push", {"checkpoint": str(folder), "repo": OUT})
    assert first["private"] and "model.safetensors" in first["sent"] and not first["unchanged"]
    hub.forget()
    second = machine.verb("models.push", {"checkpoint": str(folder), "repo": OUT})
    assert not second["sent"] and second["commit"] == first["commit"] and hub.uploads == 1
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    third = machine.verb("models.push", {"checkpoint": str(folder), "repo": OUT})
    assert third["sent"] == ["config.json"] and third["bytes"] == (folder / "config.json").stat().st_size
    assert hub.uploads == 1 and len(hub.repos["models", OUT].commits) == 2
    public = machine.verb("models.push", {"checkpoint": str(folder), "repo": "alice/open", "public": True})
    assert public["private"] is False and hub.repos["models", "alice/open"].private is False


def test_a_push_that_broke_off_leaves_everything_and_goes_on(machine: Machine, hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llava"}')
    for number in (1, 2, 3):
        save_file({"w": torch.full((1000,), float(number))}, folder / f"model-0000{number}-of-00003.safetensors")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub.failing_uploads = {1}
    with pytest.raises(RedraftError, match=r"hub refuses|upload failed"):
        machine.verb("models.push", {"checkpoint": str(folder), "repo": OUT})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not hub.repos["models", OUT].commits and len(hub.objects) == 1
    machine.verb("models.push", {"checkpoint": str(folder), "repo": OUT})
    assert hub.uploads == 4  # the first, the failed one, and then two: what had arrived was not sent again
    kept = hub.repos["models", OUT].commits[-1][1]
    assert {name: kept[name] for name in before} == before


def test_a_card_that_somebody_wrote_stays(machine: Machine, hub: Hub, tmp_path: Path) -> None:
    folder = small.build("llava", tmp_path / "model")
    machine.verb("models.push", {"checkpoint": str(folder), "repo": OUT})
    assert MARK in hub.repos["models", OUT].commits[-1][1]["README.md"].decode()
    own = b"---\nlicense: mit\n---\n# Mine\n\n## What it is for\n"
    hub.repos["models", OUT].commit({"README.md": own})
    value = machine.verb("models.push", {"checkpoint": str(folder), "repo": OUT})
    assert "README.md" not in value["sent"] and hub.repos["models", OUT].commits[-1][1]["README.md"] == own
    assert any("stays as it is" in line for line in machine.work.logs)


@pytest.mark.parametrize(
    ("token", "repo", "says"),
    [(None, OUT, "no token"), (TOKEN, "bob/his", "right to write"), (TOKEN, "a/b/c", "no name of a repository")],
)
def test_a_push_without_the_right_is_refused(
    hub: Hub, tmp_path: Path, token: str | None, repo: str, says: str
) -> None:
    folder = small.build("llava", tmp_path / "model")
    machine = Machine(tmp_path / "machine", hub, token)
    with pytest.raises(RedraftError, match=says):
        machine.verb("models.push", {"checkpoint": str(folder), "repo": repo})
    assert not hub.objects


def test_a_foreign_dataset_trains_by_its_columns(
    machine: Machine, hub: Hub, dataset: Path, tmp_path: Path
) -> None:
    """A repository in somebody else's form, pinned to a commit, as a recipe's dataset."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = []
    for file in sorted(dataset.rglob("*.parquet")):
        rows += pq.read_table(file).to_pylist()
    table = pa.table(
        {
            "picture": [row["images"][0] for row in rows],
            "ask": ["What is it?" for _ in rows],
            "reply": [f"box {number}" for number, _ in enumerate(rows)],
        }
    )
    foreign = tmp_path / "foreign"
    (foreign / "data").mkdir(parents=True)
    pq.write_table(table, foreign / "data" / "train-00000-of-00001.parquet")
    commit = hub.add("bob/boxes", foreign, kind="datasets")
    shutil.rmtree(foreign)
    hub.repo("bob/boxes", "datasets").commit({"data/train-00000-of-00001.parquet": b"newer and broken"})
    columns = {"image": "picture", "question": "ask", "answer": "reply"}
    recipe = {
        "task": "toy_task",
        "dataset": f"hf:bob/boxes@{commit}",
        "columns": columns,
        "model": {"base": str(small.build("qwen2_5_vl", tmp_path / "base")), "freeze": []},
        "train": {"max_steps": 1, "batch_size": 4, "threads": 1},
        "evaluate": {"split": "none"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    machine.verb("train", {"recipe": str(tmp_path / "recipe.yaml"), "out": str(tmp_path / "run")})
    manifest = json.loads((tmp_path / "run" / "checkpoints" / "step-1" / "manifest.json").read_text())
    assert manifest["dataset"]["hub"] == {"repo": "bob/boxes", "commit": commit}
    assert manifest["dataset"]["counts"] == {"train": len(rows)}
