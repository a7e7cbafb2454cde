"""Checkpoints that are whole or absent, and that a run goes on from exactly. models/layout.py names the files."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from redraft.core.errors import InputError, LeaseLost, Paused
from redraft.core.permit import FREE, Permit
from redraft.core.work import Work
from redraft.models import layout
from redraft.models.load import Loaded
from redraft.training.checkpoint_write import TEMPORARY, Pending, remove, shard_name
from redraft.training.faults import paused
from redraft.training.processes import ALONE, Processes

SPARE = 1.3
"""Free space wanted before a save, in sizes of the last checkpoint."""

_sound: set[Path] = set()
"""Checkpoints that this process has written or verified."""


def save(
    run: Path,
    loaded: Loaded,
    tensors: Mapping[str, Tensor],
    state: dict[str, Any],
    about: dict[str, Any],
    permit: Permit = FREE,
    processes: Processes = ALONE,
) -> Path:
    """Writes checkpoints/step-<n> and returns it; n is state["step"]. A verified one of that step is kept.

    tensors: optimiser and random states of this process. about: what else the manifest says (base, dataset); its
    "recipe" becomes recipe.json. permit: of this writer; its token, random where it has none, names the temporary
    folder, and it is asked before the checkpoint gets its name. processes: each calls this and writes its own file
    of tensors; the main one writes the rest.
    The first save of a model is read back and compared bit by bit, later ones by names, shapes and types.

    Paused, where the disk is full or failing, and LeaseLost, where the permit refuses: nothing is left behind and
    older checkpoints are untouched.
    """
    folder = run / layout.CHECKPOINTS / f"step-{state['step']}"
    _sound.discard(folder.resolve())  # looked at afresh: what lies there was left by an earlier writer
    if processes.by_main(lambda: folder.is_dir() and _is_sound(folder)):
        return folder
    token = processes.by_main(lambda: permit.token or secrets.token_hex(4))
    with Pending(run, state["step"], token) as pending:

        def begin() -> None:
            leave_space(run, loaded, tensors)
            pending.begin()

        def write() -> dict[str, Any]:
            pending.tensors(shard_name(processes.rank, processes.count), tensors)
            if processes.main:
                pending.model(loaded)
                pending.json(layout.STATE, state)
                pending.json(layout.RECIPE, about["recipe"])
            return pending.files

        def publish() -> None:
            facts = {name: value for name, value in about.items() if name != "recipe"}
            place = {"step": state["step"], "path": f"{layout.CHECKPOINTS}/{folder.name}"}
            permit.publish("publish", **place)
            pending.publish({"token": token, **facts})
            try:
                permit.publish("checkpoint", **place, bytes=sum(int(f["bytes"]) for f in pending.files.values()))
            except LeaseLost:
                remove(folder, token)
                raise

        processes.by_main(begin)
        for written in processes.by_each(write):
            pending.files |= written
        processes.by_main(publish)
    _sound.add(folder.resolve())
    return folder


def leave_space(run: Path, loaded: Loaded, tensors: Mapping[str, Tensor]) -> None:
    """Paused where the disk has less than SPARE times the last checkpoint left (or what the first will take)."""
    last = next(reversed(layout.checkpoints(run)), None)
    if last is not None:
        size = sum(path.stat().st_size for path in last.rglob("*") if path.is_file())
    else:
        kept = [p for p in loaded.model.parameters() if p.requires_grad or not loaded.adapter]
        size = sum(tensor.nbytes for tensor in [*kept, *tensors.values()])
    wanted, free = SPARE * size, shutil.disk_usage(run).free
    if free < wanted:
        raise Paused(
            f"the disk has {free / 2**20:,.0f} MB left and a checkpoint needs {wanted / 2**20:,.0f} MB",
            where=str(run / layout.CHECKPOINTS),
            remedy=f"Free some space and continue with `redraft train --resume {run}`",
        )


def newest(run: Path, work: Work) -> Path | None:
    """The newest checkpoint that is whole; each one that is not is named in a warning. None where there is none.

    Remains of a save that was cut off are removed. Where there are checkpoints and none is whole, or where the
    newest is of another version's format, that is an InputError: going on would begin again without a word.
    """
    for left in (run / layout.CHECKPOINTS).glob(TEMPORARY):
        shutil.rmtree(left, ignore_errors=True)
    found = layout.checkpoints(run)
    for folder in reversed(found):
        try:
            layout.verify(folder)
        except layout.OtherFormat:
            raise
        except InputError as error:
            work.log(f"{folder.name} is passed over: {error.what}", "warning")
            _sound.discard(folder.resolve())
            continue
        _sound.add(folder.resolve())
        return folder
    if found:
        raise InputError(
            f"none of the run's {len(found)} checkpoints is whole",
            where=str(run / layout.CHECKPOINTS),
            remedy="Remove this folder's contents to begin again at step 0, or begin a new run",
        )
    return None


def load(folder: Path, process: int = 0, processes: int = 1) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """state.json and this process's tensors of a verified checkpoint."""
    state = json.loads((folder / layout.STATE).read_text(encoding="utf-8"))
    name = shard_name(process, processes)
    try:
        return state, load_file(folder / name)
    except FileNotFoundError:
        raise InputError(
            f"this checkpoint has no {name}: it was saved by {state.get('processes', 1)} processes",
            where=str(folder),
            remedy="Resume with as many processes as the run began with",
        ) from None
    except SafetensorError as error:
        raise InputError(f"{name} cannot be read ({error})", where=str(folder), remedy="Use another") from None


def prune(run: Path, keep: int, best: str | None) -> None:
    """Removes all but the best checkpoint and the newest `keep` that are whole; a damaged one does not count.

    Paused, where the disk fails: what could not be removed is still whole.
    """
    whole = 0
    for folder in reversed(layout.checkpoints(run)):
        if whole < keep:
            whole += _is_sound(folder)
        elif folder.name != best:
            _sound.discard(folder.resolve())
            try:
                remove(folder, secrets.token_hex(4))
            except OSError as error:
                raise paused(error, folder, run) from error


def _is_sound(folder: Path) -> bool:
    """Verified once by its hashes; afterwards the manifest and the sizes are looked at."""
    known = folder.resolve() in _sound
    try:
        layout.verify(folder, hashes=not known)
    except InputError:
        _sound.discard(folder.resolve())
        return False
    _sound.add(folder.resolve())
    return True


def tensors_named(tensors: Mapping[str, Tensor], prefix: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors under a prefix, without it."""
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), tensor
