"""An upload that cannot be taken, with the status that says so."""

from __future__ import annotations

from redraft.core.errors import UsageError


class TooLarge(UsageError):
    """More than is taken: the answer's status is 413."""


HERE = "Copy it onto the server's machine and run `redraft data import` there"


def too_large(what: str, limit: int, where: str) -> TooLarge:
    """what: "a file", "an archive's content". limit: bytes that are taken."""
    size = f"{limit / 2**30:,.1f} GiB" if limit >= 2**30 else f"{limit / 2**20:,.0f} MiB"
    return TooLarge(f"{what} may have {size} at most", where=where, remedy=HERE)
