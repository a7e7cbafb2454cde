"""A named file, as a shape for the kernel: STEP or a program in any dialect, told by its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, Refusal, UsageError
from redraft.tasks.cad.dialects import read_program
from redraft.tasks.cad.program import Program
from redraft.tasks.cad.program.codec import to_data

MAX_TEXT = 16 * 2**20
"""Bytes of a program text: the largest real history seen has under 1 MB."""
MAX_STEP = 128 * 2**20
STEP_MAGIC = b"ISO-10303-21"
STEP_SUFFIXES = (".step", ".stp", ".p21")


@dataclass(frozen=True)
class Source:
    """What a file holds. program is None for a STEP file, which has a shape and no history."""

    path: str
    dialect: str
    program: Program | None
    payload: Mapping[str, Any]


def read_source(path: Path | str) -> Source:
    """Reads a part's file. A missing one is a UsageError, anything unreadable an InputError or a Refusal."""
    path = Path(path)
    data = read_file(path, MAX_STEP)
    if data.lstrip()[: len(STEP_MAGIC)] == STEP_MAGIC:
        return Source(str(path), "step", None, {"step": data})
    if path.suffix.lower() in STEP_SUFFIXES:
        raise InputError(
            "not a STEP file: it does not begin with ISO-10303-21",
            where=str(path),
            remedy="Export the part again as STEP",
        )
    if len(data) > MAX_TEXT:
        raise InputError(
            f"{len(data) / 2**20:.0f} MB is beyond the {MAX_TEXT // 2**20} MB of a program",
            where=str(path),
            remedy="Give a file with one part",
        )
    program, dialect = read_text(data, where=str(path))
    return Source(str(path), dialect, program, {"program": to_data(program)})


def read_text(data: bytes, *, where: str, dialect: str | None = None) -> tuple[Program, str]:
    """A program and its dialect out of a file's bytes; a Refusal always says which file."""
    if not data.strip():
        raise InputError("the file is empty", where=where, remedy="Give a file with one part")
    try:
        return read_program(data, dialect, where=where)
    except Refusal as error:
        if where in error.where:
            raise
        place = f"{where}: {error.where}" if error.where else where
        raise Refusal(error.what, where=place, remedy=error.remedy, code=error.code) from None


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most limit bytes."""
    if not path.exists():
        raise UsageError("there is no such file", where=str(path), remedy="Check the path")
    if path.is_dir():
        raise UsageError("this is a folder", where=str(path), remedy="Give a file")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error})", where=str(path), remedy="Check its permissions"
        ) from None
    if len(data) > limit:
        raise InputError(f"larger than {limit // 2**20} MB", where=str(path), remedy="Give a file with one part")
    return data
