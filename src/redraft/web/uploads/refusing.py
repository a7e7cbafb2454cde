"""An upload that cannot be taken, with the status that says so."""

from __future__ import annotations

from redraft.core.errors import UsageError


class TooLarge(UsageError):
    """More than is taken: the answer's status is 413."""


HERE = "Copy it onto the server's machine and run `redraft data import` there"


def too_large(what: str, limit: int, where: str) -> TooLarge:
    """what: "a file", "an archive's content". limit: bytes that are taken."""
    return TooLarge(f"{what} may have {limit / 2**30:,.2f} GiB at most", where=where, remedy=HERE)
