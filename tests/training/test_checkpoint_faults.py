"""A kill, a full disk and a failing disk at every write of a checkpoint's save: whole or absent, always."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch

import failing_disk
from redraft.core.errors import Paused
from redraft.core.recipe import Model
from redraft.core.work import Silent
from redraft.models import layout
from redraft.models.load import Loaded, load_checkpoint, load_model
from redraft.training import checkpoint, randomness
from toy_parts import SMALL, toy_examples

SAVED, PAUSED = 0, 3
FAULTS = {"killed": (None, False), "full": (errno.ENOSPC, True), "failing": (errno.EIO, False)}
SLOW = pytest.mark.slow
STRIDE = 17
"""The default run takes every so-many-th call, the slow one every call."""


@lru_cache
def obstacle() -> str:
    return failing_disk.available()


def model(kind: str, base: Path) -> Loaded:
    if kind == "adapter":
        adapter = {"r": 4, "targets": ["c_attn"]}
        return load_model(Model.model_validate({"base": str(base), "adapter": adapter}))
    texts = [example.answer for example in toy_examples(8)]
    return load_model(Model(base="tiny", freeze=(), options=SMALL), texts=texts)


def saving(run: Path, loaded: Loaded, step: int, more: int = 0) -> Path:
    """more: bytes of another tensor."""
    tensors = {f"moments/{step}": torch.arange(50_000) + step, **randomness.states()}
    if more:
        tensors["more"] = torch.zeros(more, dtype=torch.uint8)
    facts: dict[str, Any] = {"recipe": {"seed": 1}, "dataset": {"fingerprint": "toy"}}
    found = checkpoint.save(run, loaded, tensors, {"step": step, "events_bytes": 0}, facts)
    checkpoint.prune(run, 1, None)
    return found


@pytest.fixture(scope="module", params=["full", pytest.param("adapter", marks=SLOW)])
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, toy_base: Path) -> Any:
    """A run with a checkpoint at step 1, and what saves step 2 into a copy of it and prunes step 1."""
    run = tmp_path_factory.mktemp("run")
    loaded = model(request.param, toy_base)
    saving(run, loaded, 1)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            if parameter.requires_grad:
                parameter.add_(1.0)
    return run, loaded


def attempt(ground: Any, folder: Path, at: int | None, fault: int | None, lasting: bool) -> Any:
    """Saves step 2 in a child whose disk fails at one call; checks what any reader would find afterwards."""
    template, loaded = ground
    shutil.copytree(template, folder)

    def work() -> int:
        torch.set_num_threads(1)
        try:
            saving(folder, loaded, 2)
        except Paused as error:
            assert "--resume" in error.remedy and error.where
            return PAUSED
        return SAVED

    outcome = failing_disk.under(work, folder, at, fault, lasting)
    visible = layout.checkpoints(folder)
    assert visible, outcome
    for one in visible:
        layout.verify(one)  # nothing that has its name is less than whole
    if outcome.code == PAUSED and outcome.failed not in ("unlink", "unlinkat", "rmdir"):
        assert not list((folder / "checkpoints").glob(".step-2.*")), f"remains after {outcome.failed}"
    found = checkpoint.newest(folder, Silent())
    assert found == visible[-1] and (found.name == "step-2" or outcome.code != SAVED)
    assert [path.name for path in (folder / "checkpoints").iterdir()] != []
    assert not list((folder / "checkpoints").glob(checkpoint.TEMPORARY))
    state, tensors = checkpoint.load(found)
    assert torch.equal(tensors[f"moments/{state['step']}"], torch.arange(50_000) + state["step"])
    shutil.rmtree(folder)
    return outcome


def test_every_file_reaches_the_disk_before_the_checkpoint_has_its_name(ground: Any, tmp_path: Path) -> None:
    """A kill cannot show this: what was written stays in the system's memory. A power cut would."""
    if obstacle():
        pytest.skip(obstacle())
    outcome = attempt(ground, tmp_path / "run", None, None, False)
    assert outcome.code == SAVED
    made = list(zip(outcome.calls, outcome.places, strict=True))
    folder = next(place for call, place in made if call.startswith("mkdir"))
    assert ".step-2." in folder and folder.endswith(".tmp")
    named = next(i for i, (call, place) in enumerate(made) if call.startswith("rename") and place == folder)
    # the last write of each file, less those that are removed again
    written = {at: i for i, (call, at) in enumerate(made[:named]) if call == "write" and at.startswith(folder)}
    gone = {at: i for i, (call, at) in enumerate(made[:named]) if call.startswith("unlink")}
    kept = {at: i for at, i in written.items() if gone.get(at, -1) < i}
    files = {Path(place).name.removeprefix("adapter_") for place in kept}
    assert files >= {"training.safetensors", "manifest.json"} and len(files) > 5
    assert any(name.endswith("model.safetensors") for name in files)
    for place, last in kept.items():
        assert ("fsync", place) in made[last:named], place
    manifest = made.index(("write", f"{folder}/manifest.json"))
    assert not [place for call, place in made[manifest:named] if call == "write" and "manifest" not in place]
    assert ("fsync", folder) in made[manifest:named]
    assert made[named + 1] == ("fsync", str(Path(folder).parent))
    pruned = [i for i, (call, place) in enumerate(made) if place.endswith("/step-1") and call.startswith("rename")]
    assert pruned and min(pruned) > named + 1


@pytest.mark.parametrize("stride", [STRIDE, pytest.param(1, marks=SLOW)])
@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.timeout(1800)
def test_whatever_call_fails_a_verified_checkpoint_is_found(
    ground: Any, tmp_path: Path, how: str, stride: int
) -> None:
    if obstacle():
        pytest.skip(obstacle())
    fault, lasting = FAULTS[how]
    calls = attempt(ground, tmp_path / "count", None, None, False).calls
    ended: list[int] = []
    for at in range(0, len(calls), stride):
        ended.append(attempt(ground, tmp_path / "run", at, fault, lasting).code)
    if how == "killed":
        assert set(ended) == {-9}
    else:
        assert set(ended) <= {SAVED, PAUSED} and PAUSED in ended
    print(f"{how}: {len(ended)} of {len(calls)} calls", file=sys.stderr)


def test_what_was_saved_opens_strictly(ground: Any, tmp_path: Path) -> None:
    template, loaded = ground
    shutil.copytree(template, tmp_path / "run")
    found = saving(tmp_path / "run", loaded, 2)
    opened = load_checkpoint(found)
    mine, theirs = loaded.model.state_dict(), opened.model.state_dict()
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []


def on_a_small_disk(place: Path, megabytes: int, work: Callable[[], None]) -> None:
    """A real full disk: a tmpfs of that size, mounted by a child in a mount namespace of its own."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            new_mounts, private = 0x00020000, 0x44000
            if libc.unshare(new_mounts) != 0 or libc.mount(b"none", b"/", None, private, None) != 0:
                os._exit(77)
            size = f"size={megabytes}m".encode()
            if libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", 0, size) != 0:
                os._exit(77)
            torch.set_num_threads(1)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 77:
        pytest.skip("this account may not mount a small disk")
    assert code == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a small disk, which needs Linux")
def test_a_small_disk_that_fills_up(ground: Any, tmp_path: Path) -> None:
    template, loaded = ground
    disk = tmp_path / "disk"
    disk.mkdir()

    def work() -> None:
        run, taken = disk / "run", disk / "somebody else's"
        shutil.copytree(template, run)
        size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
        taken.write_bytes(bytes(shutil.disk_usage(disk).free - int(1.5 * size)))
        # This one is far larger than the last, so the look at the free space cannot know.
        with pytest.raises(Paused, match="the disk is full"):
            saving(run, loaded, 2, more=4 * size)
        assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-1"]
        with taken.open("ab") as file:
            file.write(bytes(size))
        with pytest.raises(Paused, match="a checkpoint needs"):
            saving(run, loaded, 2)
        taken.unlink()
        assert saving(run, loaded, 2).name == "step-2"
        layout.verify(run / "checkpoints" / "step-2")

    on_a_small_disk(disk, 64, work)
