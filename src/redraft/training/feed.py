"""Batches made ahead in threads, so that a step never waits for pictures."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from redraft.models.collate import Batch
from redraft.models.encode import Encoding
from redraft.training.ahead import ordered
from redraft.training.order import Batches, Row
from redraft.training.prepare import AHEAD, Prepared
from redraft.training.sharing import Share, share

READY = 2
"""Windows that wait."""


def windows(
    prepared: Prepared,
    order: Batches,
    first: int,
    together: Callable[[list[Encoding]], Batch],
    part: int = 0,
    parts: int = 1,
    workers: int = 1,
) -> Iterator[list[Batch]]:
    """The micro-batches of each step from `first` on, until the stream ends.

    together: makes a batch of encodings, padded or packed. part, parts: this process is the part-th of them, and
    takes its share (`sharing.py`). workers: threads that encode; the batches do not depend on their number. An
    error of a thread is raised here. Closing the iterator ends them.
    """
    ready: queue.Queue[list[Batch] | BaseException | None] = queue.Queue(READY)
    stop = threading.Event()

    def put(item: list[Batch] | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def shares() -> Iterator[list[Share[Row]]]:
        """This process's micro-batches of each step."""
        step = first
        while (rows := order.rows(step)) and not stop.is_set():
            yield share(rows, part, parts)
            step += 1

    def work() -> None:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="feed")
        try:
            every = (row for mine in shares() for one in mine for row in one.rows)
            encodings = ordered(pool, prepared.at, every, workers * AHEAD)
            for mine in shares():
                if not put([_counted(together([next(encodings) for _ in one.rows]), one.counts) for one in mine]):
                    return
            put(None)
        except BaseException as error:  # handed to the loop, which raises it
            put(error)
        finally:
            pool.shutdown(cancel_futures=True)

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
