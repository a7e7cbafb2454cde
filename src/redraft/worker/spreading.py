"""Data drawn by all nodes of a Ray cluster: pieces of it are tasks of Ray, batches of them a shard of the work.

The order of examples, what is a duplicate, ids and files are decided here alone; a node that dies costs its batch,
which Ray has done again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from types import ModuleType
from typing import Any

from redraft.core.discovery import load_task
from redraft.core.errors import RedraftError, StateError, UsageError
from redraft.core.offers import offers
from redraft.core.ray_cluster import connect
from redraft.core.spread import MakesPieces, Payload
from redraft.core.task import Task
from redraft.core.work import Work
from redraft.worker.verbs.data_made import Listening, Notes

BATCH = 16
"""Pieces of one task of Ray: a second or so of work, so that sending it costs little."""
AHEAD = 2
"""Batches for each processor of the cluster that are under way or wait."""


class OnCluster(Listening):
    """A Work that has a task's pieces done by a Ray cluster (`core.spread.Spreads`)."""

    def __init__(self, work: Work, writer: Notes, task: Task, ray: ModuleType, processors: int) -> None:
        super().__init__(work, writer)
        self._task, self._ray, self._processors = task.name, ray, processors
        self.nodes: set[str] = set()
        """Those that have done something."""

    def spread(self, job: str, payloads: Iterable[Payload]) -> Iterator[Any]:
        done_there = self._ray.remote(_pieces).options(num_cpus=1, scheduling_strategy="SPREAD")
        waiting: deque[Any] = deque()
        batches = _in_batches(payloads)
        try:
            while True:
                for batch in islice(batches, AHEAD * self._processors - len(waiting)):
                    waiting.append(done_there.remote(self._task, job, batch))
                if not waiting:
                    return
                node, results = self._ray.get(waiting.popleft())
                self.nodes.add(node)
                yield from results
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            raise cause if isinstance(cause, RedraftError) else _lost(error) from error
        except self._ray.exceptions.RayError as error:
            raise _lost(error) from error
        finally:
            for one in waiting:
                self._ray.cancel(one)
            if self.nodes:
                self.log(f"drawn by {len(self.nodes)} node{'s' if len(self.nodes) > 1 else ''} of the cluster")


def listener(where: str | None, task: Task, work: Work, writer: Notes) -> Listening:
    """The Work of a dataset that is being made. where: "ray", or None for this machine alone.

    A task without pieces, and a cluster without a free processor, are said in the log: then this machine draws.
    """
    if not where:
        return Listening(work, writer)
    if where != "ray":
        raise UsageError("data is drawn here, or on a Ray cluster", where=f"spread={where}", remedy="Give ray")
    if offers(task, MakesPieces) is None:
        work.log(f"the task {task.name} makes no pieces: all is drawn on this machine", "warning")
        return Listening(work, writer)
    ray = connect()
    free = int(ray.available_resources().get("CPU", 0))
    if free < 1:
        work.log("no processor of the Ray cluster is free: all is drawn on this machine", "warning")
        return Listening(work, writer)
    nodes = sum(node["Alive"] for node in ray.nodes())
    work.log(f"drawn on a Ray cluster: {nodes} nodes, {free} free processors")
    return OnCluster(work, writer, task, ray, free)


def _in_batches(payloads: Iterable[Payload]) -> Iterator[list[Payload]]:
    taken = iter(payloads)
    while batch := list(islice(taken, BATCH)):
        yield batch


def _pieces(task: str, job: str, payloads: list[Payload]) -> tuple[str, list[Any]]:
    """On a node of the cluster: who did it, and the results."""
    import ray

    offered = offers(load_task(task), MakesPieces)
    assert offered is not None  # `listener` has asked
    return ray.get_runtime_context().get_node_id(), offered.pieces(job, payloads)


def _lost(error: Exception) -> StateError:
    last_line = str(error).strip().rpartition("\n")[2]
    return StateError(
        f"the Ray cluster could not draw its part ({last_line or type(error).__name__})",
        where="ray",
        remedy="Look with `ray status`, and into Ray's logs; every node needs the same redraft and libraries",
    )
