"""What an import has made so far, kept beside its output until the dataset is whole: an import can be stopped,
killed or run out of disk, and goes on where it was when the same command is given again.

`.NAME.importing` holds `import.json` (of what it is the import) and `rows`: frames of Arrow rows, each with its
length and checksum, so that a frame that was being written when the power went is told and written again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pyarrow as pa

from redraft.core.atomic import output_error, refuse_existing, write_json
from redraft.core.errors import InputError, RedraftError
from redraft.core.example import Example
from redraft.core.locking import only_writer
from redraft.core.work import Work
from redraft.datasets.rows import to_example, to_row, to_table

HEAD = struct.Struct("<Q16s")
FRAME_ROWS, FRAME_BYTES, FRAME_SECONDS = 64, 1 << 20, 2.0
"""A frame is written when one of them is reached."""
Key = Callable[[Example], str]


class Journal:
    """A context manager: `with Journal(...) as journal`. `finish` removes it; without that it stays.

    written: id to split and key of sameness of what an earlier import has left, in order.
    """

    def __init__(self, out: Path, what: Mapping[str, Any], key: Key, work: Work) -> None:
        self.out, self._what, self._key, self._work = out, json.loads(json.dumps(what)), key, work
        self.folder = out.with_name(f".{out.name}.importing")
        self.written: dict[str, tuple[str, str]] = {}
        self._ids: set[str] = set()
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        self._bytes, self._since = 0, time.monotonic()
        self._stack = ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Journal:
        try:
            refuse_existing(self.out)
        except RedraftError:
            if (self.out / "manifest.json").is_file():  # it came to its end; only its removal did not
                shutil.rmtree(self.folder, ignore_errors=True)
            raise
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._stack.enter_context(only_writer(self.folder, patience=2.0))
            self._open()
        except OSError as error:
            self._stack.close()
            raise output_error(self.out, error) from error
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if self._file is None:
                return
            with suppress(OSError):  # the error that ends the import says what is wrong with the disk
                self._write()
            empty = not self._ids
            self._file.close()
            self._file = None
            if empty:
                shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, split: str, example: Example) -> None:
        """Keeps an example. An id that is taken, or content no row can hold, is an InputError."""
        row = to_row(example)
        if example.id in self._ids:
            raise InputError(
                "another example has the same id", where=example.id, remedy="Give every example an id of its own"
            )
        self._ids.add(example.id)
        self._waiting.append((split, row))
        self._bytes += len(row["truth"]) + sum(len(image["bytes"]) for image in row["images"])
        late = time.monotonic() - self._since > FRAME_SECONDS
        if late or self._bytes >= FRAME_BYTES or len(self._waiting) >= FRAME_ROWS:
            self.flush()

    def flush(self) -> None:
        """Writes what waits; an OutputError where the disk takes no more."""
        try:
            self._write()
        except OSError as error:
            raise output_error(self.out, error) from error

    def examples(self) -> Iterator[tuple[str, Example]]:
        """All that is written, with its split, in the order it came."""
        self.flush()
        with (self.folder / "rows").open("rb") as file:
            for _, split, rows in _frames(file):
                for row in rows:
                    yield split, to_example(row, str(self.folder))

    @property
    def count(self) -> int:
        """Examples in it, those of an earlier import included."""
        return len(self._ids)

    def finish(self) -> None:
        """The dataset is whole: the journal goes."""
        if self._file is not None:
            self._file.close()
            self._file = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _open(self) -> None:
        note, path = self.folder / "import.json", self.folder / "rows"
        if path.exists() and _noted(note) != self._what:
            path.unlink()
            said = "an import of something else into this output was stopped before; what it left is thrown away"
            self._work.log(said, "warning")
        write_json(note, self._what)
        end = 0
        if path.exists():
            with path.open("rb") as file:
                for whole, split, rows in _frames(file):
                    for row in rows:
                        example = to_example(row, str(path))
                        self.written[example.id] = (split, self._key(example))
                    end = whole
                    self._work.progress("reading what is there", len(self.written))
            self._ids = set(self.written)
            if self.written:
                self._work.log(
                    f"going on with an import that was stopped: {len(self.written):,} examples are there"
                )
        self._file = path.open("ab")
        self._file.truncate(end)

    def _write(self) -> None:
        if self._file is None:
            return
        splits = dict.fromkeys(split for split, _ in self._waiting)
        for split in splits:
            table = to_table([row for name, row in self._waiting if name == split])
            table = table.replace_schema_metadata({"split": split})
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as stream:
                stream.write_table(table)
            data = sink.getvalue().to_pybytes()
            self._file.write(HEAD.pack(len(data), _sum(data)) + data)
        self._file.flush()
        self._waiting, self._bytes, self._since = [], 0, time.monotonic()


_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


def _frames(file: BinaryIO) -> Iterator[tuple[int, str, list[dict[str, Any]]]]:
    """End, split and rows of every whole frame from the file's beginning; ends at one that is not whole."""
    while len(head := file.read(HEAD.size)) == HEAD.size:
        length, checksum = HEAD.unpack(head)
        data = file.read(length)
        if len(data) != length or _sum(data) != checksum:
            return
        with pa.ipc.open_stream(data) as stream:
            table = stream.read_all()
        yield file.tell(), table.schema.metadata[b"split"].decode(), table.to_pylist()


def _sum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _noted(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
