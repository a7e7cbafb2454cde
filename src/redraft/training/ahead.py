"""Work that threads do ahead of whoever needs it, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def ordered(
    pool: ThreadPoolExecutor, call: Callable[[Item], Made], items: Iterable[Item], ahead: int
) -> Iterator[Made]:
    """Results in the order of the items, at most `ahead` of them waiting or being made: a long dataset does not
    fill the memory."""
    waiting: deque[Future[Made]] = deque()
    for item in items:
        waiting.append(pool.submit(call, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
