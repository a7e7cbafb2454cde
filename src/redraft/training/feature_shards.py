"""Named tensors in many safetensors files, written once and read through the system's page cache.

A file is written whole or not at all, and its SHA-256 is its name, so that a damaged one is known without an
index, and two processes that write the same folder never touch each other's files. A killed writer loses what it
had not yet flushed. The headers of the files are the index.
"""

from __future__ import annotations

import hashlib
import json
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from redraft.core.atomic import write_bytes
from redraft.core.errors import OutputError

SHARD_BYTES = 128 * 1024 * 1024
SHARD_SECONDS = 60.0
"""A shard is written when it holds so much, or when its first entry has waited so long."""
OPEN = 64
"""Shards kept open at once."""
STALE = 3600.0
"""Seconds after which the temporary file of a killed writer is taken away."""
PREFIX, SUFFIX = "features-", ".safetensors"


class Shards:
    """One folder of entries, each a few tensors under a key of hexadecimal digits.

    written: files that this process wrote. damaged: told of a file that is not what it was written as. write:
    how a file is written.
    """

    def __init__(
        self,
        folder: Path,
        damaged: Callable[[Path], None] = lambda path: None,
        write: Callable[[Path, bytes], None] = write_bytes,
    ) -> None:
        self.folder, self._damaged, self._write = folder, damaged, write
        self.written: list[Path] = []
        self._places: dict[str, tuple[Path, tuple[str, ...]]] = {}
        self._known: set[Path] = set()
        self._good: set[Path] = set()
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, Any] = OrderedDict()
        self._waiting: dict[str, Mapping[str, Tensor]] = {}
        self._waiting_bytes, self._since = 0, 0.0
        self.refresh()

    @property
    def bytes(self) -> int:
        """Of all files in the folder and of what waits to be written."""
        sizes = (path.stat().st_size for path in self._known if path.exists())
        return sum(sizes) + self._waiting_bytes

    def __len__(self) -> int:
        return len(self._places) + len(self._waiting)

    def refresh(self) -> None:
        """Finds files that another process has written since, and takes away what a killed one left half-done."""
        for path in sorted(self.folder.glob(f".{PREFIX}*.tmp")) if self.folder.is_dir() else []:
            try:
                if time.time() - path.stat().st_mtime > STALE:
                    path.unlink()
            except OSError:
                continue  # its writer has just finished it
        for path in sorted(self.folder.glob(f"{PREFIX}*{SUFFIX}")) if self.folder.is_dir() else []:
            if path not in self._known:
                self._index(path)

    def has(self, key: str) -> bool:
        """Whether the entry is there and whole. The first question about a file reads and verifies all of it; one
        that is damaged is taken away, with all its entries."""
        if key in self._waiting:
            return True
        place = self._places.get(key)
        if place is None:
            return False
        return place[0] in self._good or self._verify(place[0])

    def get(self, key: str) -> dict[str, Tensor]:
        """The tensors of an entry, straight from the file without a copy where the system can; a KeyError where it
        is not there."""
        if key in self._waiting:
            return dict(self._waiting[key])
        path, names = self._places[key]
        with self._lock:
            file = self._file(path)
        return {name: file.get_tensor(f"{key}/{name}") for name in names}

    def put(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Adds an entry to the open shard; a full disk is an OutputError, and the shard's entries are gone."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting[key] = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        self._waiting_bytes += sum(tensor.nbytes for tensor in tensors.values())
        if self._waiting_bytes >= SHARD_BYTES or time.monotonic() - self._since > SHARD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes the open shard."""
        if not self._waiting:
            return
        data = save({f"{key}/{name}": t for key, tensors in self._waiting.items() for name, t in tensors.items()})
        self._waiting, self._waiting_bytes = {}, 0
        path = self.folder / f"{PREFIX}{hashlib.sha256(data).hexdigest()}{SUFFIX}"
        if not path.exists():
            self._write(path, data)
            self.written.append(path)
        self._index(path)
        self._good.add(path)

    def discard(self) -> None:
        """Takes away what this process wrote, and what waits."""
        self._waiting, self._waiting_bytes = {}, 0
        for path in self.written:
            self._forget(path)
        self.written = []

    def _index(self, path: Path) -> None:
        self._known.add(path)
        names: dict[str, list[str]] = {}
        try:
            for full in _names(path):
                key, _, name = full.partition("/")
                names.setdefault(key, []).append(name)
        except (OSError, ValueError, KeyError, struct.error):
            self._forget(path, damaged=True)
            return
        for key, found in names.items():
            self._places.setdefault(key, (path, tuple(found)))

    def _verify(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            digest = ""
        if path.name == f"{PREFIX}{digest}{SUFFIX}":
            self._good.add(path)
            return True
        self._forget(path, damaged=True)
        return False

    def _forget(self, path: Path, damaged: bool = False) -> None:
        self._places = {key: place for key, place in self._places.items() if place[0] != path}
        self._known.discard(path)
        self._good.discard(path)
        self._open.pop(path, None)
        if damaged:
            self._damaged(path)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"a file of the feature cache cannot be removed ({error.strerror or error})",
                where=str(path),
                remedy="Remove it by hand, or give train.feature_cache=off",
            ) from error

    def _file(self, path: Path) -> Any:
        if path not in self._open:
            opener: Any = safe_open
            self._open[path] = opener(path, framework="pt")
            if len(self._open) > OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(path)
        return self._open[path]


def _names(path: Path) -> list[str]:
    """Of the tensors in a safetensors file, whose first 8 bytes are the length of a JSON header that has them."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > path.stat().st_size:
            raise ValueError("the header is longer than the file")
        header = json.loads(file.read(length))
    return sorted(name for name in header if name != "__metadata__")
