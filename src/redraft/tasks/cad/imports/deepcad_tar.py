"""A seeded choice of parts out of a tar in one pass, in memory that does not grow with the tar.

Every part has its lot, and the lowest lots win. While the tar goes by, only the winners so far are kept: their
names in a heap, their bytes in a temporary file. Nothing is unpacked by the names inside the tar. Where the split
file comes after the parts, or not at all, every part could still belong to any split, so more winners are kept:
as many as the smallest split wants at the share that it has of the published data set.
"""

from __future__ import annotations

import heapq
import lzma
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from redraft.core.atomic import output_error
from redraft.core.errors import InputError
from redraft.core.work import Work
from redraft.tasks.cad.imports.names import part_id, refuse_unsafe
from redraft.tasks.cad.imports.settings import SPLITS, Settings, lot
from redraft.tasks.cad.imports.split_file import SPLIT_NAME, split_from_bytes
from redraft.tasks.cad.sources import MAX_TEXT

PUBLISHED_SHARE = {"train": 0.905, "validation": 0.05, "test": 0.045}
"""Parts of a split in the published split file: 161,240, 8,946 and 8,052 of 178,238."""
SPARE = (1.5, 50)
"""Winners kept beyond what is asked, as a factor and a number: they stand in for parts that do not serve."""


class Kept(NamedTuple):
    """A winner: its lot, its id and where its compressed bytes lie in the temporary file."""

    lot: bytes
    id: str
    offset: int
    length: int


class Lowest:
    """The entries with the lowest lots, at most so many (None: all)."""

    def __init__(self, most: int | None) -> None:
        self.most = most
        self._heap: list[tuple[int, str, Kept]] = []

    def wants(self, number: int) -> bool:
        return self.most is None or len(self._heap) < self.most or (self.most > 0 and -number > self._heap[0][0])

    def add(self, number: int, kept: Kept) -> None:
        entry = (-number, kept.id, kept)
        if self.most is None or len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)

    def in_order(self) -> list[Kept]:
        return sorted(kept for _, _, kept in self._heap)


class Chosen:
    """The winners of one pass, to be read in the order of their lots."""

    def __init__(
        self, file: IO[bytes], kept: Mapping[str, list[Kept]], split_of: Mapping[str, str] | None
    ) -> None:
        self._file, self._kept, self.split_of = file, kept, split_of

    def parts(self, split: str | None) -> Iterator[tuple[str, bytes]]:
        """Ids and JSON bytes of one split, or of all where split is None."""
        for kept in sorted({one for group in self._kept.values() for one in group}):
            if split is None or (self.split_of is not None and self.split_of.get(kept.id) == split):
                yield self._read(kept)

    def _read(self, kept: Kept) -> tuple[str, bytes]:
        self._file.seek(kept.offset)
        return kept.id, zlib.decompress(self._file.read(kept.length))


@contextmanager
def chosen_of_tar(
    path: Path, settings: Settings, split_of: Mapping[str, str] | None, work: Work
) -> Iterator[Chosen]:
    """Goes once through the tar. split_of: what a split file outside the tar says; one inside it is used else."""
    with tempfile.TemporaryFile() as file:
        groups = _groups(settings, split_of)
        found = split_of
        for name, data in _members(path, work):
            if name.rsplit("/", 1)[-1] == SPLIT_NAME:
                if split_of is None:
                    found = split_from_bytes(data, f"{path}: {name}")
                continue
            id = part_id(name)
            group = groups.get(found.get(id, "") if split_of is not None and found is not None else "any")
            ticket = lot(settings.seed, id)
            number = int.from_bytes(ticket, "big")
            if group is not None and group.wants(number):
                group.add(number, _keep(file, ticket, id, data))
        yield Chosen(file, {name: group.in_order() for name, group in groups.items()}, found)


def _keep(file: IO[bytes], ticket: bytes, id: str, data: bytes) -> Kept:
    packed = zlib.compress(data, 1)
    try:
        offset = file.seek(0, 2)
        file.write(packed)
    except OSError as error:
        raise output_error(tempfile.gettempdir(), error) from error
    return Kept(ticket, id, offset, len(packed))


def _groups(settings: Settings, split_of: Mapping[str, str] | None) -> dict[str, Lowest]:
    if split_of is not None:
        return {split: Lowest(_with_spare(settings.counts[split])) for split in SPLITS}
    most: int | None = 0
    for split in SPLITS:
        wanted = settings.counts[split]
        if wanted is None:
            most = None
        elif most is not None:
            most = max(most, round(wanted / PUBLISHED_SHARE[split]))
    total = sum(count or 0 for count in settings.counts.values())
    return {"any": Lowest(None if most is None else _with_spare(max(most, total)))}


def _with_spare(count: int | None) -> int | None:
    if not count:
        return count
    return int(count * SPARE[0]) + SPARE[1]


class _Header(tarfile.TarInfo):
    """A member's header that must be whole: tarfile takes a tar that is cut at or inside a header for its end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        if len(buf) < tarfile.BLOCKSIZE:
            raise EOFError("its end mark is missing, so it was cut off")
        return super().frombuf(buf, encoding, errors)


def _members(path: Path, work: Work) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the JSON files, one after the other; the tar's own list is thrown away as it grows."""
    done = 0
    try:
        with tarfile.open(path, "r|*", tarinfo=_Header) as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # it would keep every header of 180,000
                refuse_unsafe(member.name, str(path))
                if member.isdir():
                    continue
                if not member.isfile():
                    work.left_out(member.name, "a link or a device, not a file")
                    continue
                if not member.name.endswith(".json"):
                    continue
                if member.size > MAX_TEXT:
                    work.left_out(
                        part_id(member.name), f"{member.size / 2**20:.0f} MB are too large for a history"
                    )
                    continue
                opened = tar.extractfile(member)
                if opened is None:
                    continue
                done += 1
                work.progress("reading the tar", done)
                yield member.name, opened.read()
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise InputError(
            f"the tar cannot be read to its end ({error})", where=str(path), remedy="Fetch it again"
        ) from None
