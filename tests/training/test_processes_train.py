"""Several processes that train one model: the same losses as one, one end for all, and exact resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from side_by_side import run_processes

from redraft.core.recipe import Recipe
from redraft.models import layout
from redraft.models.load import load_checkpoint
from redraft.training.events import read
from toy_parts import SMALL, toy_recipe

STATES = ("training.safetensors", "training-00001-of-00002.safetensors")
STEADY = {"base": "tiny", "freeze": [], "options": SMALL}


def losses(folder: Path) -> list[float]:
    return [row["loss"] for row in read(folder) if row["kind"] == "step"]


def recipe(**train: Any) -> Recipe:
    """Windows of nine examples in threes; the last one of the stream is smaller."""
    given = {"batch_size": 3, "accumulate": 3, "epochs": 2.2, "warmup": 1, "save_every": 3, **train}
    return toy_recipe(STEADY, **given)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run in one process."""
    folder = tmp_path_factory.mktemp("one") / "run"
    assert run_processes(1, folder, recipe())[0]["result"]["status"] == "finished"
    return folder


@pytest.mark.parametrize(
    ("count", "parallel"),
    [(2, "ddp"), (2, "fsdp"), pytest.param(3, "ddp", marks=pytest.mark.slow),
     pytest.param(3, "fsdp", marks=pytest.mark.slow)],
)  # fmt: skip
def test_the_same_losses_as_one_process(tmp_path: Path, one: Path, count: int, parallel: str) -> None:
    """Accumulation, a last window that is smaller, and examples without pictures among them."""
    folder = tmp_path / "run"
    found = run_processes(count, folder, recipe(parallel=parallel))
    assert [answer["result"]["steps"] for answer in found] == [5] * count
    assert losses(folder) == pytest.approx(losses(one), rel=1e-5)
    for mine, theirs in zip(read(folder), read(one), strict=True):
        assert mine["kind"] == theirs["kind"]
        if mine["kind"] == "step":
            assert mine["gradient_norm"] == pytest.approx(theirs["gradient_norm"], rel=1e-4)
            assert (mine["tokens"], mine["examples"]) == (theirs["tokens"], theirs["examples"])
        if mine["kind"] == "evaluation":
            assert mine["mean"] == theirs["mean"]
    layout.verify(folder / "checkpoints" / "step-5")
    weights = load_checkpoint(folder).model.state_dict()
    for name, tensor in load_checkpoint(one).model.state_dict().items():
        assert weights[name].allclose(tensor, atol=1e-4), name


def files(folder: Path) -> dict[str, Any]:
    """Every tensor of a checkpoint, by file and name."""
    return {
        f"{path.relative_to(folder)}:{name}": tensor
        for path in folder.rglob("*.safetensors")
        for name, tensor in load_file(path).items()
    }


def adapted(base: Path, **train: Any) -> Recipe:
    """An adapter with dropout, whose pictures are read anew in every step."""
    model = {"base": str(base), "adapter": {"r": 4, "alpha": 8, "dropout": 0.3, "targets": ["c_attn"]}}
    given = {"batch_size": 3, "accumulate": 2, "epochs": 9, "max_steps": 6, "save_every": 2, "cache_mb": 0}
    return toy_recipe(model, **{**given, "learning_rate": 1e-2, "evaluate_first": False, **train})


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, toy_base: Path) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    for answer in run_processes(2, folder, adapted(toy_base)):
        assert answer["result"]["status"] == "finished"
    return folder


def test_each_process_draws_its_own_and_a_checkpoint_keeps_them_all(unbroken: Path) -> None:
    first, second = (load_file(unbroken / "checkpoints" / "step-6" / name) for name in STATES)
    assert not first["random/torch"].equal(second["random/torch"])
    assert any(name.startswith("optimiser/") for name in first)
    assert not any(name.startswith("optimiser/") for name in second)


def test_one_that_dies_ends_all_and_the_run_goes_on_bit_for_bit(
    tmp_path: Path, toy_base: Path, unbroken: Path
) -> None:
    """Pictures are read four steps ahead: step 9's first one while step 5 is done, after the save at step 4."""
    folder = tmp_path / "run"
    dead = {"process": 1, "how": "dies", "time": 45}
    found = run_processes(2, folder, adapted(toy_base), dead)
    assert found[1] == {}
    assert found[0]["error"]["kind"] == "WorkerLost", found
    assert "another process of this run was lost" in found[0]["error"]["what"]
    assert f"--resume {folder}" in found[0]["error"]["remedy"]
    assert (folder / "checkpoints" / "step-4").is_dir()
    for answer in run_processes(2, folder, adapted(toy_base)):
        assert answer["result"]["status"] == "finished"
    assert losses(folder) == losses(unbroken)
    mine, theirs = (files(place / "checkpoints" / "step-6") for place in (folder, unbroken))
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not mine[name].equal(theirs[name])] == []


def test_an_error_of_one_is_told_by_one(tmp_path: Path, toy_base: Path) -> None:
    """A bug in the second process ends the first, which tells it and says whose it was."""
    folder = tmp_path / "run"
    found = run_processes(2, folder, adapted(toy_base), {"process": 1, "how": "has a bug", "time": 25})
    assert found[0]["error"]["what"] == "process 1: redraft has a bug: ZeroDivisionError: division by zero"
    assert found[1]["error"]["kind"] == "ToldElsewhere"


def test_asked_to_stop_all_save_once_and_end(tmp_path: Path, toy_base: Path, unbroken: Path) -> None:
    """Whichever process is asked: the others stop behind the same step. Then it goes on to the same end."""
    folder = tmp_path / "run"
    found = run_processes(2, folder, adapted(toy_base), {"process": 1, "how": "is asked to stop", "time": 28})
    assert found[0]["error"]["kind"] == "Interrupted" and "stopped and saved at step" in found[0]["error"]["what"]
    assert found[1]["error"]["kind"] == "ToldElsewhere"
    step = int(found[0]["error"]["what"].rsplit(" ", 1)[1])
    assert layout.checkpoints(folder)[-1].name == f"step-{step}"
    run_processes(2, folder, adapted(toy_base))
    assert losses(folder) == losses(unbroken)


@pytest.mark.slow
def test_one_that_hangs_is_not_waited_for(tmp_path: Path, toy_base: Path) -> None:
    folder = tmp_path / "run"
    fault = {"process": 1, "how": "hangs", "time": 25}
    found = run_processes(2, folder, adapted(toy_base), fault, within=90, REDRAFT_PROCESS_TIMEOUT="20")
    assert found[0]["error"]["kind"] == "WorkerLost" and found[1] == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"), [((2, "fsdp"), (2, "fsdp")), ((2, "fsdp"), (1, "ddp")), ((2, "ddp"), (3, "fsdp"))]
)
def test_a_run_goes_on_with_other_processes(
    tmp_path: Path, toy_base: Path, before: tuple[int, str], after: tuple[int, str]
) -> None:
    """Weights and moments are whole again, whoever held which part: the losses are those of one process."""
    settings = {"save_every": 1, "evaluate_first": True}
    run_processes(1, tmp_path / "whole", recipe(**settings))
    folder = tmp_path / "run"
    count, parallel = before
    first = recipe(parallel=parallel, **settings)
    fault = {"process": 0, "how": "is asked to stop", "time": 22}
    first = first.model_copy(update={"train": first.train.model_copy(update={"cache_mb": 0})})
    found = run_processes(count, folder, first, fault)
    assert found[0]["error"]["kind"] == "Interrupted", found
    assert 0 < int(found[0]["error"]["what"].rsplit(" ", 1)[1]) < 5
    count, parallel = after
    assert run_processes(count, folder, recipe(parallel=parallel, **settings))[0]["result"]["steps"] == 5
    assert losses(folder) == pytest.approx(losses(tmp_path / "whole"), rel=1e-5)
