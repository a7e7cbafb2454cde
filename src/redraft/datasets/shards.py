"""Parquet shards of one split, written as a stream: bounded memory, small row groups, hashed on the way.

A row group is the least that a reader decodes to get at one example, so it stays small: GROUP_ROWS rows or
GROUP_BYTES bytes of content, whichever comes first. Pictures are stored as they are (they are compressed
already), everything else by zstd.
"""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from redraft.datasets.fingerprint import SHORT, Fingerprint, digest
from redraft.datasets.manifest import File
from redraft.datasets.rows import IMAGE_BYTES, SCHEMA, to_table

GROUP_ROWS = 32
GROUP_BYTES = 1 << 20
SHARD_BYTES = 256 << 20
"""Content of one shard: enough for fast uploads in parallel, little enough to be fetched again."""

_CONTENT = "messages.list.element.content.list.element"
_NAMES = ("images.list.element.path", "messages.list.element.role", f"{_CONTENT}.type")
"""Leaf columns of few distinct values: worth a dictionary."""
_COMPRESSION = {
    IMAGE_BYTES: "NONE",
    **dict.fromkeys(("id", *_NAMES, f"{_CONTENT}.text", "truth", "seed"), "ZSTD"),
}


class HashingFile(io.RawIOBase):
    """A new file that knows its SHA-256 and size; closing it makes it durable."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._sha = hashlib.sha256()
        self.size = 0
        self._abandoned = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        if self._abandoned:
            return view.nbytes
        self._file.write(view)
        self._sha.update(view)
        self.size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self.size

    def sha256(self) -> str:
        return self._sha.hexdigest()

    def close(self) -> None:
        if not self.closed and not self._abandoned:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            finally:
                self._file.close()
        super().close()

    def abandon(self) -> None:
        """Takes and forgets whatever comes: the folder is being thrown away."""
        self._abandoned = True
        with suppress(OSError):
            self._file.close()


class SplitWriter:
    """Writes one split's rows into `folder` as `<split>-00000-of-0000N.parquet`; N is known at the end."""

    def __init__(self, folder: Path, split: str, shard_bytes: int = SHARD_BYTES) -> None:
        self.split = split
        self.fingerprint = Fingerprint()
        self.digests = bytearray()
        """SHORT / 2 bytes an example."""
        self._folder, self._shard_bytes = folder, shard_bytes
        self._rows: list[dict[str, Any]] = []
        self._group_bytes = self._content_bytes = 0
        self._shard_rows = 0
        self._file: HashingFile | None = None
        self._parquet: pq.ParquetWriter | None = None
        self._done: list[tuple[str, int, str, int]] = []

    def add(self, row: dict[str, Any]) -> None:
        row_digest = digest(row)
        self.fingerprint.add(row_digest)
        self.digests += row_digest[: SHORT // 2]
        self._rows.append(row)
        self._group_bytes += _content(row)
        if len(self._rows) >= GROUP_ROWS or self._group_bytes >= GROUP_BYTES:
            self._write_group()
            if self._content_bytes >= self._shard_bytes:
                self._close_shard()

    def finish(self) -> list[File]:
        """Writes what is left and gives the shards their names. An empty split has one shard without rows."""
        self._write_group()
        if self._parquet is None and not self._done:
            self._open_shard()
        self._close_shard()
        total = len(self._done)
        files = []
        for index, (name, size, sha256, rows) in enumerate(self._done):
            final = f"{self.split}-{index:05d}-of-{total:05d}.parquet"
            (self._folder / name).rename(self._folder / final)
            files.append(
                File(path=f"{self._folder.name}/{final}", bytes=size, sha256=sha256, split=self.split, rows=rows)
            )
        return files

    def abandon(self) -> None:
        """Closes the open file after a failure; what was written is thrown away with its folder."""
        if self._file is not None and self._parquet is not None:
            self._file.abandon()
            with suppress(OSError, pa.ArrowException):
                self._parquet.close()  # else it would close itself later, and complain
        self._file = self._parquet = None

    def _write_group(self) -> None:
        if not self._rows:
            return
        if self._parquet is None:
            self._open_shard()
        assert self._parquet is not None
        self._parquet.write_table(to_table(self._rows), row_group_size=len(self._rows))
        self._shard_rows += len(self._rows)
        self._content_bytes += self._group_bytes
        self._rows, self._group_bytes = [], 0

    def _open_shard(self) -> None:
        self._file = HashingFile(self._folder / f"{self.split}-{len(self._done):05d}.parquet")
        self._parquet = pq.ParquetWriter(
            pa.PythonFile(self._file, mode="w"),
            SCHEMA,
            compression=_COMPRESSION,
            use_dictionary=list(_NAMES),
            write_statistics=["id", "seed"],
        )

    def _close_shard(self) -> None:
        if self._parquet is None or self._file is None:
            return
        self._parquet.close()
        self._file.close()
        name = f"{self.split}-{len(self._done):05d}.parquet"
        self._done.append((name, self._file.size, self._file.sha256(), self._shard_rows))
        self._file = self._parquet = None
        self._content_bytes = self._shard_rows = 0


def _content(row: dict[str, Any]) -> int:
    return sum(len(i["bytes"]) for i in row["images"]) + len(row["truth"]) + 64
