"""What a user sees when the disk or the memory gives out in the middle of a run, and how the run goes on."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import losses, same_checkpoint
from toy_run import go

import failing_disk
from redraft.core.errors import Paused, RedraftError
from redraft.core.work import Silent
from redraft.training import faults, run
from redraft.training.faults import OutOfMemory, is_out_of_memory, out_of_memory
from toy_parts import toy_recipe

FINISHED, PAUSED, FAILED = 0, 3, 4
RECIPE = toy_recipe(max_steps=6, epochs=99, save_every=2, batch_size=2)


def training(folder: Path) -> Callable[[], int]:
    def work() -> int:
        torch.set_num_threads(1)
        try:
            go(folder, RECIPE, 8)
        except Paused as error:
            print(error, file=sys.stderr)
            return PAUSED
        except RedraftError as error:
            print(error, file=sys.stderr)
            return FAILED
        return FINISHED

    return work


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)  # before the children are made: they cannot take over this process's threads
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    go(folder, RECIPE, 8)
    return folder


def gone_on(folder: Path, unbroken: Path) -> None:
    """What is left of the run goes on to the same end."""
    result = go(folder, RECIPE, 8)
    assert result["status"] == "finished" and losses(folder) == losses(unbroken)
    same_checkpoint(folder / "checkpoints" / "step-6", unbroken / "checkpoints" / "step-6")
    assert not list((folder / "checkpoints").glob(".*"))


def test_a_disk_that_fills_up_between_two_saves(tmp_path: Path, unbroken: Path) -> None:
    """The events have no more room; the last words have, as space was set aside for them."""
    if why := failing_disk.available():
        pytest.skip(why)
    folder = tmp_path / "run"
    counted = failing_disk.under(training(folder), folder, None, None)
    assert counted.code == FINISHED
    writes = [i for i, place in enumerate(counted.places) if place.endswith("events.jsonl")]
    rows = [i for i in writes if counted.calls[i] == "write"]
    shutil.rmtree(folder)
    outcome = failing_disk.under(training(folder), folder, rows[5], errno.ENOSPC)
    assert outcome.code == PAUSED
    result = json.loads((folder / "result.json").read_text())
    assert result["status"] == "paused" and result["reason"] == "the disk is full"
    assert result["checkpoint"].startswith("checkpoints/step-")
    gone_on(folder, unbroken)
    assert run.result_of(folder)["status"] == "finished"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", ["killed", "full", "failing"])
def test_a_run_whose_disk_fails_anywhere_goes_on_to_the_same_end(how: str, tmp_path: Path, unbroken: Path) -> None:
    if why := failing_disk.available():
        pytest.skip(why)
    fault, lasting = {"killed": (None, False), "full": (errno.ENOSPC, True), "failing": (errno.EIO, False)}[how]
    folder = tmp_path / "run"
    calls = failing_disk.under(training(folder), folder, None, None).calls
    stride = 61  # of some 1,240 calls; every call of a save has its own test
    codes = []
    for at in range(0, len(calls), stride):
        shutil.rmtree(folder)
        codes.append(failing_disk.under(training(folder), folder, at, fault, lasting).code)
        if not run.is_run(folder) and folder.exists():
            assert [p for p in folder.iterdir() if not p.name.startswith(".recipe.yaml.")] == []
        gone_on(folder, unbroken)
    print(f"{how}: {len(codes)} of {len(calls)} calls", file=sys.stderr)
    if how == "killed":
        assert set(codes) == {-9}
    else:
        # FAILED: before the run had begun, so that there is nothing to pause
        assert set(codes) <= {FINISHED, PAUSED, FAILED} and codes.count(FAILED) <= 1 + 12 // stride


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the address space, which Linux holds to")
def test_want_of_memory_names_the_keys_to_change(tmp_path: Path) -> None:
    """The real thing: a process that may not have more memory, in a step or in a save."""
    import resource

    folder, read_end = tmp_path / "run", tmp_path / "said"
    recipe = toy_recipe(max_steps=9, epochs=99, save_every=2, batch_size=8)

    class Shrinking(Silent):
        def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
            if stage == "training" and done == 3:
                pages = int(Path("/proc/self/statm").read_text().split()[0])
                resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), resource.RLIM_INFINITY))

    torch.set_num_threads(1)
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            go(folder, recipe, 64, work=Shrinking())
        except OutOfMemory as error:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            read_end.write_text(json.dumps(error.as_data()))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    said = json.loads(read_end.read_text())
    assert said["what"].startswith("out of memory")
    assert "train.batch_size=4 train.accumulate=2" in said["remedy"]
    assert (
        "train.gradient_checkpointing: true into its recipe.yaml" in said["remedy"]
        and "redraft plan" in said["remedy"]
    )
    result = json.loads((folder / "result.json").read_text())
    assert result["status"] == "failed" and result["reason"].startswith("out of memory")
    assert result["checkpoint"] == "checkpoints/step-2"


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17.70 GiB). Tried to allocate 1.5 GiB"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), False),
    ],
)
def test_want_of_memory_is_told_from_other_errors(error: Exception, is_one: bool) -> None:
    assert is_out_of_memory(error) is is_one


def test_what_is_done_already_is_not_advised(tmp_path: Path) -> None:
    said = out_of_memory(
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB."),
        toy_recipe(batch_size=1, gradient_checkpointing=True, precision="bf16", loss_chunk=64),
        tmp_path,
    )
    assert "(2.50 GiB more were asked for)" in said.what
    for done in ("batch_size", "gradient_checkpointing", "precision", "loss_chunk"):
        assert done not in said.remedy
    assert "model.adapter" in said.remedy


def test_an_error_that_is_no_pause_stays_what_it_is(tmp_path: Path) -> None:
    def result(status: str, reason: str) -> dict[str, Any]:
        return {"status": status, "reason": reason}

    with pytest.raises(ZeroDivisionError), faults.told(tmp_path, RECIPE, result):
        raise ZeroDivisionError
    assert not (tmp_path / "result.json").exists()
    with pytest.raises(RuntimeError, match="size of tensor"), faults.told(tmp_path, RECIPE, result):
        raise RuntimeError("The size of tensor a")
    with pytest.raises(FileNotFoundError), faults.told(tmp_path, RECIPE, result):
        (tmp_path / "nothing").read_text()
    assert not (tmp_path / "result.json").exists()
    assert (tmp_path / ".reserve").stat().st_size == faults.RESERVED


def test_a_full_disk_pauses_whoever_met_it(tmp_path: Path) -> None:
    def result(status: str, reason: str) -> dict[str, Any]:
        return {"status": status, "reason": reason}

    with pytest.raises(Paused, match="the disk is full") as caught, faults.told(tmp_path, RECIPE, result):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "samples" / "a.png"))
    assert caught.value.where.endswith("a.png") and f"--resume {tmp_path}" in caught.value.remedy
    assert run.result_of(tmp_path) == {"status": "paused", "reason": "the disk is full"}
