"""What a dataset's content is, as one number.

The digest of an example covers its id, seed, truth, messages and images (names and bytes), each with its length
before it. The fingerprint covers the task, its revision and options, and then every split by name with the
digests of its examples in order: any change, swap, loss or addition changes it, and nothing else does. How rows
are cut into files does not enter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from redraft.core.example import Example
from redraft.datasets.rows import canonical, to_row

SHORT = 16
"""Hexadecimal digits of a digest kept beside the rows: enough to name the row that was changed (64 bits)."""


def digest(row: Mapping[str, Any]) -> bytes:
    """SHA-256 of one row (see `rows.to_row`), 32 bytes."""
    sha = hashlib.sha256()
    head = [row["id"], row["seed"], row["truth"], row["messages"], [i["path"] for i in row["images"] or ()]]
    _add(sha, canonical(head).encode())
    for image in row["images"] or ():
        _add(sha, image["bytes"] or b"")
    return sha.digest()


def digest_of(example: Example) -> bytes:
    """SHA-256 of one example as it would be stored with its images."""
    return digest(to_row(example))


class Fingerprint:
    """Collects the digests of one split in order."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self.count = 0

    def add(self, row_digest: bytes) -> None:
        self._sha.update(row_digest)
        self.count += 1

    def hex(self) -> str:
        return self._sha.hexdigest()


def combine(task: str, revision: str, options: Mapping[str, Any], splits: Mapping[str, str]) -> str:
    """The dataset's fingerprint out of its splits' ones: "sha256:" and 64 digits."""
    head = canonical([task, revision, dict(options), sorted(splits.items())])
    return "sha256:" + hashlib.sha256(head.encode()).hexdigest()


def _add(sha: Any, data: bytes) -> None:
    sha.update(len(data).to_bytes(8, "little"))
    sha.update(data)
