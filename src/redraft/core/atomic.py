"""Files and folders that are whole or absent.

Writes go to a temporary neighbour, are flushed to the disk, and get their name by one rename.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redraft.core.errors import OutputError


def output_error(path: Path | str, error: OSError) -> OutputError:
    """A sentence for a failed write."""
    if error.errno == errno.ENOSPC:
        return OutputError("the disk is full", where=str(path), remedy="Free some space and run the command again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError("this place is not writable", where=str(path), remedy="Choose another output")
    return OutputError(
        f"cannot write ({error.strerror or error})", where=str(path), remedy="Choose another output"
    )


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all; parent folders are made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise output_error(path, error) from error


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, data: Any) -> None:
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends well, and vanishes when it does not.

    Refuses a path that exists, unless it is an empty folder.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(
            "the output exists already",
            where=str(path),
            remedy="Choose another output, or remove this one first",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    except OSError as error:
        raise output_error(path, error) from error
    try:
        yield temporary
        temporary.chmod(0o755)
        sync_folder(temporary)
        if path.exists():
            path.rmdir()
        temporary.rename(path)
        sync_folder(path.parent)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise output_error(path, error) from error
        raise
