"""Rows that belong to whoever asks: somebody else's are not there."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy.orm import Session

from redraft.core.errors import NotFound
from redraft.state.tables import Dataset, Run, Upload

Row = TypeVar("Row", Dataset, Run, Upload)


def owned(session: Session, table: type[Row], id: str, owner: str) -> Row:
    """The row; NotFound where there is none or it is somebody else's."""
    row = session.get(table, id)
    if row is None or row.owner != owner:
        name = table.__tablename__
        raise NotFound(f"there is no such {name}", where=id, remedy=f"GET /api/{name}s names them all")
    return row
