"""Batches made ahead in a thread, so that a step never waits for pictures."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from redraft.models.collate import Batch
from redraft.models.encode import Encoding
from redraft.training.order import Batches
from redraft.training.prepare import Prepared
from redraft.training.sharing import share

AHEAD = 2
"""Windows that wait ready."""


def windows(
    prepared: Prepared,
    order: Batches,
    first: int,
    together: Callable[[list[Encoding]], Batch],
    part: int = 0,
    parts: int = 1,
) -> Iterator[list[Batch]]:
    """The micro-batches of each step from `first` on, until the stream ends.

    together: makes a batch of encodings, padded or packed. part, parts: this process is the part-th of them, and
    takes its share (`sharing.py`). An error of the thread is raised here. Closing the iterator ends the thread.
    """
    ready: queue.Queue[list[Batch] | BaseException | None] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(item: list[Batch] | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            step = first
            while places := order.batches(step):
                mine = share(places, part, parts)
                if not put([_counted(together([prepared[i] for i in one.rows]), one.counts) for one in mine]):
                    return
                step += 1
            put(None)
        except BaseException as error:  # handed to the loop, which raises it
            put(error)

    thread = threading.Thread(target=work, name="feed", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def _counted(batch: Batch, counts: bool) -> Batch:
    """The batch, or one of no example: its loss counts for nothing and only keeps other processes company."""
    return batch if counts else replace(batch, ids=())
