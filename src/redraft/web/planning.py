"""A plan of a training before it is submitted: the verb `plan` in a short process of its own, one at a time.

It gets a process of its own and not the one that answers: its memory is what is measured, and it may be ended.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from redraft.core.errors import Conflict, WorkerLost
from redraft.core.home import home
from redraft.core.verb import Result
from redraft.queue.kinds.train import Train, TrainPayload, opened, recipe_of
from redraft.queue.local import LocalProcess
from redraft.state.database import Database
from redraft.state.places import RUNS
from redraft.state.tables import Run

SECONDS = 600.0
"""A plan takes no longer; one of a recipe of this size is better made by the command line."""
LOOK = 0.5
"""Seconds between two looks at whether anybody still waits for it."""
WITHHELD = {"REDRAFT_TOKEN": None, "REDRAFT_DATABASE": None}
"""The process needs none of the service's secrets."""
GRACE = 5.0
"""Seconds that the process gets to end by itself."""


def recipe_to_plan(database: Database, data: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The whole recipe of a training, with the folders that its ids mean. data: the payload of a train job.

    What would stop the submission stops this too, in the same words; Conflict where the dataset is being made.
    """
    payload: TrainPayload = Train().read(data, local=False)
    with database.read() as session:
        recipe, dataset, _ = recipe_of(session, payload, owner)
        if dataset is not None and dataset.status == "making":
            raise Conflict(
                "this dataset is still being made", where=dataset.id, remedy="Plan when its job has finished"
            )
        return opened(session, Run(id="the plan", recipe=recipe, dataset_id=dataset.id if dataset else None))


class Planner:
    """Makes plans, one after the other."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def plan(
        self,
        recipe: Mapping[str, Any],
        memory_gb: float | None,
        gone: Callable[[], Awaitable[bool]],
        limit: float = SECONDS,
    ) -> Result:
        """What the verb returns (docs/plan.md). gone: whether nobody waits for it any more; then it is stopped."""
        async with self._turn:
            with tempfile.TemporaryDirectory(prefix="redraft-plan-") as folder:
                path = Path(folder) / "recipe.yaml"
                path.write_text(yaml.safe_dump(dict(recipe), sort_keys=False), encoding="utf-8")
                request: dict[str, Any] = {"recipe": str(path), "out": str(home() / RUNS), "memory_gb": memory_gb}
                process = await asyncio.to_thread(LocalProcess, "plan", request, environment=WITHHELD)
                work = asyncio.create_task(asyncio.to_thread(_result, process))
                try:
                    return await _watched(work, process, gone, limit)
                finally:
                    await _end(work, process)


def _result(process: LocalProcess) -> Result:
    for _ in process.events():
        pass
    return process.result()


async def _watched(
    work: asyncio.Task[Result], process: LocalProcess, gone: Callable[[], Awaitable[bool]], limit: float
) -> Result:
    deadline = asyncio.get_running_loop().time() + limit
    while not work.done():
        await asyncio.wait([work], timeout=LOOK)
        late = asyncio.get_running_loop().time() > deadline
        if not work.done() and (late or await gone()):
            process.stop()
            raise WorkerLost(
                f"the plan took more than {limit:.0f} seconds" if late else "nobody waits for this plan any more",
                where="plan",
                remedy="Plan a smaller dataset, or use `redraft plan`",
            )
    return work.result()


async def _end(work: asyncio.Task[Result], process: LocalProcess) -> None:
    """Leaves no process behind, whatever happened."""
    if not work.done():
        process.stop()
        await asyncio.wait([work], timeout=GRACE)
        process.stop(hard=True)
        await asyncio.wait([work])
    if not work.cancelled():
        work.exception()  # it was told, or nobody is there to be told
