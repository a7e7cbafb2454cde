"""Checkpoints that are whole or absent, and that a run goes on from exactly. models/layout.py names the files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from redraft.core.atomic import output_error, sync_folder
from redraft.core.errors import InputError, OutputError, RedraftError
from redraft.core.work import Work
from redraft.models import layout
from redraft.models.load import Loaded
from redraft.models.saving import same_weights, save_model

SPARE = 1.3
"""Free space wanted before a save, in sizes of the last checkpoint."""


def save(
    run: Path,
    loaded: Loaded,
    tensors: dict[str, Tensor],
    state: dict[str, Any],
    about: dict[str, Any],
    check: bool,
) -> Path:
    """Writes checkpoints/step-<n> and returns it; n is state["step"]. A verified one of that step is kept.

    tensors: optimiser and random states. about: what else the manifest says (recipe, base, dataset). check: read
    the weights back and compare them, key by key and bit by bit. An OutputError leaves nothing behind.
    """
    folder = run / layout.CHECKPOINTS / f"step-{state['step']}"
    if folder.is_dir() and _whole(folder):
        return folder
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        _leave_space(run, folder.parent)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_model(loaded, temporary / layout.MODEL)
        if check:
            same_weights(loaded, temporary / layout.MODEL)
        save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, temporary / layout.TENSORS)
        _write_json(temporary / layout.STATE, state)
        _write_json(temporary / layout.RECIPE, about["recipe"])
        _seal(temporary, {**about, "step": state["step"]})
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
        sync_folder(folder.parent)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise _as_output_error(error, folder) from error
    return folder


def _seal(folder: Path, about: dict[str, Any]) -> None:
    """Makes every file durable, then writes the manifest with their hashes, then makes that durable."""
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        files[path.relative_to(folder).as_posix()] = {
            "bytes": path.stat().st_size,
            "sha256": _digest_and_sync(path),
        }
    for inner in sorted({path.parent for path in folder.rglob("*")}, reverse=True):
        sync_folder(inner)
    facts = {name: value for name, value in about.items() if name != "recipe"}
    _write_json(folder / layout.MANIFEST, {"format": layout.FORMAT, **facts, "files": files})
    sync_folder(folder)


def _digest_and_sync(path: Path) -> str:
    path.chmod(0o644)  # safetensors makes files that their owner alone may read
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest


def _write_json(path: Path, data: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _leave_space(run: Path, folder: Path) -> None:
    last = next(reversed(layout.checkpoints(run)), None)
    if last is None:
        return
    wanted = SPARE * sum(p.stat().st_size for p in last.rglob("*") if p.is_file())
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise OutputError(
            f"the disk has {free / 2**20:,.0f} MB left and a checkpoint needs {wanted / 2**20:,.0f} MB",
            where=str(folder),
            remedy="Free some space and continue with `redraft train --resume`",
        )


def _as_output_error(error: BaseException, folder: Path) -> BaseException:
    """What a failed write means to a user; safetensors reports a full disk in words of its own."""
    if isinstance(error, RedraftError) or not isinstance(error, Exception):
        return error
    if isinstance(error, OSError):
        return output_error(folder, error)
    if (found := re.search(r"os error (\d+)", str(error))) is not None:
        return output_error(folder, OSError(int(found[1]), os.strerror(int(found[1]))))
    return error


def _whole(folder: Path) -> bool:
    with contextlib.suppress(InputError):
        layout.verify(folder)
        return True
    return False


def newest(run: Path, work: Work) -> Path | None:
    """The newest checkpoint that is whole; each one that is not is named in a warning. None where there is none.

    Remains of a save that was cut off are removed.
    """
    for left in (run / layout.CHECKPOINTS).glob(".step-*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    for folder in reversed(layout.checkpoints(run)):
        try:
            layout.verify(folder)
            return folder
        except InputError as error:
            work.log(f"{folder.name} is passed over: {error.what}", "warning")
    return None


def load(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """state.json and training.safetensors of a verified checkpoint."""
    state = json.loads((folder / layout.STATE).read_text(encoding="utf-8"))
    return state, load_file(folder / layout.TENSORS)


def prune(run: Path, keep: int, best: str | None) -> None:
    """Removes all but the newest `keep` checkpoints and the best one."""
    for folder in layout.checkpoints(run)[:-keep]:
        if folder.name != best:
            shutil.rmtree(folder, ignore_errors=True)


def tensors_named(tensors: dict[str, Tensor], prefix: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors under a prefix, without it."""
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), tensor
