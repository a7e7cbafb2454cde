"""What the summary commands take, as data for their verbs: absolute paths, standard input as a file, fields."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, UsageError

STANDARD_INPUT = "standard input"
MOST_BYTES = 64 << 20
"""Of standard input. A document may have 1,000,000 characters, and a PDF some more bytes."""


@contextmanager
def source_of(name: str) -> Iterator[str]:
    """The absolute path of a file or folder; of standard input, a file that is there as long as the block runs."""
    if name != "-":
        if not Path(name).expanduser().exists():
            raise UsageError("there is no such file or folder", where=name, remedy="Check the path")
        yield str(Path(name).expanduser().absolute())
        return
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal", remedy="Pipe a document in, or name a file")
    with tempfile.TemporaryDirectory(prefix="redraft-stdin-") as folder:
        path = Path(folder) / "document"
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise InputError(
                f"there are more than {MOST_BYTES >> 20} MB", where=STANDARD_INPUT, remedy="Split the document"
            )
        path.write_bytes(data)
        yield str(path)


def file_of(path: str) -> str:
    if Path(path).is_dir():
        raise UsageError("this is a folder", where=path, remedy="Name a file in it")
    return path


def model_of(name: str) -> str:
    """A path is made absolute where it is one; the names of families, servers and defaults stay."""
    path = Path(name).expanduser()
    return str(path.absolute()) if path.exists() else name


def absolute(name: str | None) -> str | None:
    return str(Path(name).expanduser().absolute()) if name else None


def grid_of(given: list[str] | None) -> dict[str, list[Any]]:
    """KEY=A,B,... as data."""
    found: dict[str, list[Any]] = {}
    for pair in given or []:
        key, _, values = pair.partition("=")
        pieces = [piece.strip() for piece in values.split(",") if piece.strip()]
        if not key.strip() or not pieces:
            raise UsageError(
                f"'{pair}' names no values of a style", remedy="Write KEY=A,B, such as font_size=8,10"
            )
        found[key.strip()] = [fields_of([f"{key}={piece}"])[key.strip()] for piece in pieces]
    return found


def fields_of(given: list[str] | None) -> dict[str, Any]:
    """KEY=VALUE pairs as data; values are read as YAML. What the keys are is checked by the worker."""
    import yaml

    found: dict[str, Any] = {}
    for pair in given or []:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"'{pair}' is no field of a style", remedy="Write KEY=VALUE, such as font_size=12")
        try:
            found[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UsageError(f"the value of '{pair}' cannot be read", remedy="Write KEY=VALUE") from None
    return found
