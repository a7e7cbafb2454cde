"""Pages of a list: `GET ...?limit=50&after=<next of the page before>`, newest first."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Some items of a longer list."""

    items: list[Item]
    next: str | None = Field(
        default=None, description="Give it as `after` to get the page that follows; null: this was the last."
    )


class Paging(BaseModel):
    """Which page is asked for."""

    limit: int = 50
    after: str | None = None


async def paging(
    limit: Annotated[int, Query(ge=1, le=500, description="How many items at most.")] = 50,
    after: Annotated[
        str | None,
        Query(
            min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._:-]+$", description="`next` of the page before."
        ),
    ] = None,
) -> Paging:
    """The dependency that reads `limit` and `after`."""
    return Paging(limit=limit, after=after)


Paged = Annotated[Paging, Depends(paging)]
