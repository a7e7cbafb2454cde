"""Takes a file in: counted while it arrives, hashed, flushed to the disk, unpacked, and only then named by its id.

A folder whose name begins with a point is still being received; what a killed server left of one is removed later.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from redraft.core.atomic import HashedFile, output_error, sync_folder
from redraft.core.errors import InputError, OutputError
from redraft.state.places import UPLOADS, new_id, place
from redraft.web.uploads.formats import check_kind
from redraft.web.uploads.names import plain_name
from redraft.web.uploads.refusing import TooLarge, too_large
from redraft.web.uploads.zips import unpack

PIECE = 4 * 2**20
"""Bytes that are written at once."""
SPARE = 2**30
"""Bytes of the disk that an upload leaves free: jobs need them to save."""
STALE = 24 * 3600.0
"""Seconds after which a folder that nothing was written to is what a killed server left."""


@dataclass(frozen=True, slots=True)
class Received:
    """bytes: on the disk. sha256: of the file as it was sent. folder: named by the id."""

    id: str
    name: str
    bytes: int
    sha256: str
    folder: Path
    files: int
    passed_over: int


@dataclass(frozen=True, slots=True)
class Room:
    """file: bytes that one file may have. left: that all uploads of its owner may still take."""

    file: int
    left: int

    def check(self, size: int, name: str) -> None:
        """TooLarge where a file of that size is not taken; OutputError where the disk has no room for it."""
        if size > self.file:
            raise too_large("a file", self.file, name)
        if size > self.left:
            raise TooLarge(
                "your uploads would take more than they may",
                where=name,
                remedy="Delete uploads that no job needs any more: GET /api/uploads lists them",
            )
        free = shutil.disk_usage(_uploads()).free
        if size + SPARE > free:
            raise OutputError("the disk has too little room for it", where=name, remedy="Free some space")


async def receive(pieces: AsyncIterator[bytes], name: str, expected: int, room: Room) -> Received:
    """expected: bytes by the request's own word, 0 where it gives none.

    UsageError, InputError, TooLarge or OutputError as may be; then nothing of it is left.
    """
    id = new_id("upload")
    room.check(expected, name)
    with _temporary(id) as folder:
        path = folder / ".received"
        with _opened(path) as file:
            await _write(pieces, file, name, room)
        if file.bytes == 0:
            raise InputError("the file is empty", where=name, remedy="Send it again")
        content = folder / "content"
        files, size, passed_over = await asyncio.to_thread(_keep, path, content, name, room)
        folder_of_it = place(UPLOADS, id)
        await asyncio.to_thread(_publish, content, folder_of_it)
    return Received(id, name, size, file.sha256, folder_of_it, files, passed_over)


async def _write(pieces: AsyncIterator[bytes], file: HashedFile, name: str, room: Room) -> None:
    waiting = bytearray()
    async for piece in pieces:
        waiting += piece
        if len(waiting) >= PIECE:
            room.check(file.bytes + len(waiting), name)
            await asyncio.to_thread(_append, file, bytes(waiting))
            waiting.clear()
    room.check(file.bytes + len(waiting), name)
    await asyncio.to_thread(_append, file, bytes(waiting))


def _append(file: HashedFile, data: bytes) -> None:
    try:
        file.write(data)
    except OSError as error:
        raise output_error(file.path.name, error) from error


def _keep(path: Path, content: Path, name: str, room: Room) -> tuple[int, int, int]:
    """Moves or unpacks what was received below `content`: its files, their bytes, and what was passed over."""
    check_kind(name, path)
    content.mkdir()
    if name.lower().endswith(".zip"):
        unpacked = unpack(path, content, room.left)
        path.unlink()
        os.sync()  # one for all files: there may be hundreds of thousands
        return unpacked.files, unpacked.bytes, unpacked.passed_over
    size = path.stat().st_size
    path.rename(content / plain_name(name))
    sync_folder(content)
    return 1, size, 0


def _publish(content: Path, folder: Path) -> None:
    content.rename(folder)
    sync_folder(folder.parent)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[HashedFile]:
    try:
        with HashedFile(path) as file:
            yield file
    except OSError as error:
        raise output_error(path.name, error) from error


@contextlib.contextmanager
def _temporary(id: str) -> Iterator[Path]:
    folder = _uploads() / f".{id}"
    try:
        folder.mkdir()
        yield folder
    except OSError as error:
        raise output_error("uploads", error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _uploads() -> Path:
    folder = place(UPLOADS, "any").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error("uploads", error) from error
    return folder


def sweep(known: Collection[str]) -> None:
    """Removes what killed servers left: folders that are still being received, and those that are in no row
    (`known`: the ids of rows), once nothing was written to them for a day."""
    for folder in _uploads().glob("*upload-*"):
        with contextlib.suppress(OSError):  # it may just be received, and have its name by now
            newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
            if folder.name not in known and time.time() - newest > STALE:
                shutil.rmtree(folder, ignore_errors=True)
