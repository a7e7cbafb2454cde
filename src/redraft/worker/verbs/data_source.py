"""Whether a source is the one that was read before."""

from __future__ import annotations

import hashlib
from pathlib import Path

from redraft.core.errors import InputError, RedraftError
from redraft.core.work import Work

HUB = "hf:"
PIECE = 8 << 20


def source_digest(source: str, work: Work) -> str:
    """A text that changes when the source does: of a file its content, of a folder its files' names, sizes and
    times, of a repository on the hub its commit (its name alone where the hub cannot be reached)."""
    if source.startswith(HUB):
        return _hub(source)
    path = Path(source)
    digest = hashlib.sha256()
    try:
        if path.is_file():
            size, done = path.stat().st_size, 0
            with path.open("rb") as content:
                while piece := content.read(PIECE):
                    digest.update(piece)
                    done += len(piece)
                    work.progress("reading the source", done, size)
        else:
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                facts = file.stat()
                name = file.relative_to(path).as_posix()
                digest.update(repr((name, facts.st_size, facts.st_mtime_ns)).encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error})",
            where=source,
            remedy="Check the file and its permissions",
        ) from None
    return f"sha256:{digest.hexdigest()}"


def _hub(source: str) -> str:
    from redraft.models.remote import find_remote

    name, _, revision = source.removeprefix(HUB).partition("@")
    try:
        return f"{source} {find_remote(name, revision or None, 'dataset').commit}"
    except RedraftError:
        return source
