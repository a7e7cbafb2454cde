"""Files and folders that are whole or absent.

Writes go to a temporary neighbour, are flushed to the disk, and get their name by one rename.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from redraft.core.errors import OutputError


def output_error(path: Path | str, error: OSError) -> OutputError:
    """A sentence for a failed write."""
    if error.errno == errno.ENOSPC:
        return OutputError("the disk is full", where=str(path), remedy="Free some space and run the command again")
    if error.errno == errno.EDQUOT:
        return OutputError(
            "the space you may use on this disk is used up",
            where=str(path),
            remedy="Free some space and run the command again",
        )
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


class HashedFile:
    """A new file whose SHA-256 is taken while it is written; closing it makes it durable.

    Nothing is buffered: what `write` was given has been handed to the system when it returns. A file that exists
    is a FileExistsError. Errors are the system's own: callers know what the file was a part of.
    """

    PIECE = 8 * 1024 * 1024
    """Bytes that are hashed and written at once."""

    def __init__(self, path: Path) -> None:
        self.path, self.bytes = path, 0
        self._digest = hashlib.sha256()
        # 0o666 less the umask, as any other file gets
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)

    def write(self, data: bytes | memoryview) -> int:
        """Appends all of it; its length in bytes. A view must be contiguous."""
        view = memoryview(data).cast("B")
        for start in range(0, len(view), self.PIECE):
            piece = view[start : start + self.PIECE]
            self._digest.update(piece)
            while len(piece):  # the system may take less than it was given
                piece = piece[os.write(self._handle, piece) :]
        self.bytes += len(view)
        return len(view)

    @property
    def sha256(self) -> str:
        """Of all that was written so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def __enter__(self) -> HashedFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                os.fsync(self._handle)
        finally:
            os.close(self._handle)


def hash_and_sync(path: Path) -> tuple[int, str]:
    """Makes a file durable that somebody else wrote; its bytes and SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return file.tell(), digest


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


def refuse_existing(path: Path) -> None:
    """An OutputError for a path that exists, unless it is an empty folder."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(
            "the output exists already",
            where=str(path),
            remedy="Choose another output, or remove this one first",
        )


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends well, and vanishes when it does not.

    Refuses a path that exists, unless it is an empty folder.
    """
    refuse_existing(path)
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
