"""What goes wrong during a run, said so that its user can act on it, and written into the run.

A run ends in one of three ways (result.json, "status"): "finished"; "paused", which `redraft train --resume` takes
up again (asked to stop, disk full or failing); "failed", which needs a change first (loss not a number, out of
memory).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from redraft.core.atomic import output_error
from redraft.core.errors import OutputError, Paused, RedraftError
from redraft.core.recipe import Recipe
from redraft.training import run as run_folder

PAUSED, FAILED = "paused", "failed"
RESERVE, RESERVED = ".reserve", 64 * 1024
"""A file of a run, and its bytes, given up when the disk is full so that result.json can still say why."""
PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""Faults of a disk that are mended outside; a run waits for that."""


class OutOfMemory(RedraftError):
    """The GPU's or the machine's memory does not hold what the recipe asks for."""


def paused(error: OSError, where: Path, run: Path) -> Paused:
    """The error of a write that failed inside a run."""
    said = output_error(where, error)
    do = "Free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "See to the disk"
    return Paused(said.what, where=str(where), remedy=f"{do} and continue with `redraft train --resume {run}`")


def as_paused(error: OutputError | OSError, run: Path) -> Paused | None:
    """A failed write as a pause, where a disk that is full or failing is behind it; else None."""
    if isinstance(error, Paused):
        return error
    cause = error if isinstance(error, OSError) else error.__cause__
    if not isinstance(cause, OSError) or cause.errno not in PASSING:
        return None
    where = error.filename if isinstance(error, OSError) else error.where
    return paused(cause, Path(str(where or run)), run)


def reserve(run: Path) -> None:
    """Sets a little space aside for the last words of a run on a full disk. A failure is of no account."""
    path = run / RESERVE
    if path.exists() and path.stat().st_size == RESERVED:
        return
    with contextlib.suppress(OSError):
        path.write_bytes(os.urandom(RESERVED))  # random: some file systems keep zeros for nothing


@contextlib.contextmanager
def told(run: Path, recipe: Recipe, result: Callable[[str, str], dict[str, Any]]) -> Iterator[None]:
    """Around a whole run: a disk's fault pauses it and want of memory fails it, each with the reason and remedy.

    result: makes the data of result.json from a status and a reason.
    """
    reserve(run)
    try:
        with memory_told(recipe, run):
            yield
    except (OutputError, OSError) as error:
        pause = as_paused(error, run)
        if pause is None and isinstance(error, OSError):
            raise
        _end(run, result, PAUSED if pause else FAILED, pause.what if pause else str(error))
        if pause is None or pause is error:
            raise
        raise pause from error
    except OutOfMemory as error:
        _end(run, result, FAILED, error.what)
        raise


@contextlib.contextmanager
def memory_told(recipe: Recipe, run: Path) -> Iterator[None]:
    """Want of memory inside becomes an OutOfMemory that says which keys of the recipe to change."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise out_of_memory(error, recipe, run) from error


def _end(run: Path, result: Callable[[str, str], dict[str, Any]], status: str, reason: str) -> None:
    (run / RESERVE).unlink(missing_ok=True)
    with contextlib.suppress(OutputError, OSError):  # without it the run is unfinished, and can be resumed as well
        run_folder.end(run, result(status, reason))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the memory of the GPU, of the process or of the machine ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # torch's allocator for the CPU has no error of its own; Metal's neither.
    words = str(error)
    return isinstance(error, RuntimeError) and any(
        part in words for part in ("DefaultCPUAllocator", "not enough memory", "out of memory")
    )


def out_of_memory(error: BaseException, recipe: Recipe, run: Path) -> OutOfMemory:
    """What to change so that the run fits: what a resumed run may change, then what needs a new one."""
    settings, model = recipe.train, recipe.model
    here, do = [], []
    if settings.loss_chunk == 0 or settings.loss_chunk > 256:
        here.append("train.loss_chunk: 256")
    if not settings.gradient_checkpointing:
        here.append("train.gradient_checkpointing: true")
    if settings.batch_tokens is not None:
        do.append(f"train.batch_tokens={settings.batch_tokens // 2} train.accumulate={settings.accumulate * 2}")
    elif settings.batch_size > 1:
        half = -(-settings.batch_size // 2)
        do.append(f"train.batch_size={half} train.accumulate={settings.accumulate * 2} (the same gradient)")
    if settings.precision == "fp32":
        do.append("train.precision=bf16")
    if model.adapter is None:
        do.append("an adapter in place of all weights (model.adapter)")
    elif model.quantise is None:
        do.append("a base in 4 bits (model.quantise)")
    asked = re.search(r"[Tt]ried to allocate ([\d.,]+ \w+)", str(error))
    bytes_asked = re.search(r"allocate (\d+) bytes", str(error))
    size = asked[1] if asked else f"{int(bytes_asked[1]) / 2**20:,.0f} MB" if bytes_asked else None
    return OutOfMemory(
        f"out of memory{f' ({size} more were asked for)' if size else ''}",
        where=str(run),
        remedy=(f"Put {' and '.join(here)} into its recipe.yaml and resume it, or begin" if here else "Begin")
        + f" a new run with one of: {'; '.join(do) or 'a smaller model'}. `redraft plan` says what a recipe needs",
    )
