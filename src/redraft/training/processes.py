"""Several processes that train one model: which one this is, and how they speak, wait and end together.

torchrun, `accelerate launch` and most schedulers start one command a process and say by environment variables
which is which (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT). The first process, the main one, owns the
run's folder and everything that a person sees; the others compute and wait.

What is said here is small and goes over gloo on the CPU, whatever carries the gradients: a process that dies
closes its connections, so those that wait for it learn of it at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed import TCPStore  # type: ignore[attr-defined]  # public, but not in its stubs
from torch.distributed.distributed_c10d import PrefixStore, Store

from redraft.core.errors import RecipeError, RedraftError, ToldElsewhere, WorkerLost, from_data
from redraft.core.place import Place, place
from redraft.training.ending import Ending

T = TypeVar("T")
PATIENCE = "REDRAFT_PROCESS_TIMEOUT"
"""Environment variable: seconds within which all processes must come to the same point of a step."""
WITHIN_A_STEP = 600.0
UNHEARD = 30.0
"""Seconds that a process waits to be ended where another one tells what both have met."""
ONE_TRY = timedelta(seconds=5)
WITHIN_A_RUN = timedelta(days=30)
"""For waits whose length is the main process's own affair, such as an evaluation; a dead one ends them at once."""


class Processes:
    """This process among those of one run. Alone, every method is trivial and nothing is connected.

    What is exchanged is JSON data or tensors; every process must call the same methods in the same order.
    """

    def __init__(self, where: Place | None = None, steps: Any = None, waits: Any = None) -> None:
        """steps, waits: gloo groups for exchanges within a step and for waits of any length."""
        self.place = where or Place()
        self._steps, self._waits = steps, waits

    @property
    def rank(self) -> int:
        return self.place.rank

    @property
    def count(self) -> int:
        return self.place.count

    @property
    def main(self) -> bool:
        return self.rank == 0

    def total(self, *numbers: float) -> list[float]:
        """The sums over all processes, in float64."""
        if self.count == 1:
            return [float(number) for number in numbers]
        sums = torch.tensor([float(number) for number in numbers], dtype=torch.float64)
        dist.all_reduce(sums, group=self._steps)
        found: list[float] = sums.tolist()
        return found

    def any(self, asked: bool) -> bool:
        """Whether it is true in any process."""
        return asked if self.count == 1 else self.total(float(asked))[0] > 0

    def first(self, number: float) -> float:
        """The main process's number, for all."""
        return number if self.count == 1 else self.total(number if self.main else 0.0)[0]

    def each(self, value: T) -> list[T]:
        """The values of all processes, by rank."""
        found: list[Any] = [None] * self.count
        if self.count == 1:
            return [value]
        dist.all_gather_object(found, value, group=self._steps)
        return found

    def wait(self) -> None:
        """Goes on when all processes are here."""
        if self.count > 1:
            dist.barrier(group=self._waits)

    def by_main(self, do: Callable[[], T]) -> T:
        """What the main process's call returns, for all of them; the others wait, as long as it takes.

        An error of the call is raised in every process, a break by the user as KeyboardInterrupt.
        """
        if self.count == 1:
            return do()
        said: list[Any] = [None]
        if self.main:
            try:
                value = do()
            except BaseException as error:
                dist.broadcast_object_list([_failure(error)], src=0, group=self._waits)
                raise
            dist.broadcast_object_list([{"value": value}], src=0, group=self._waits)
            return value
        dist.broadcast_object_list(said, src=0, group=self._waits)
        found: T = _value(said[0])
        return found

    def main_first(self, do: Callable[[], T]) -> T:
        """What each process's own call returns; the others begin when the main one is done, and find what it has
        laid down (a download, a cache)."""
        if self.count == 1:
            return do()
        found: list[T] = []
        self.by_main(lambda: found.append(do()))
        return found[0] if self.main else do()

    def by_each(self, do: Callable[[], T]) -> list[T]:
        """What every process's call returns, by rank; the first error of them is raised in all."""
        if self.count == 1:
            return [do()]
        mine: dict[str, Any]
        caught: BaseException | None = None
        try:
            mine = {"value": do()}
        except Exception as error:
            caught, mine = error, _failure(error)
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, mine, group=self._waits)
        if caught is not None:
            raise caught
        return [_value(said) for said in found]


ALONE = Processes()


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, RedraftError):
        return {"error": error.as_data()}
    if isinstance(error, KeyboardInterrupt):
        return {"broken": True}
    return {"error": {"kind": "RedraftError", "what": f"redraft has a bug: {type(error).__name__}: {error}"}}


def _value(said: dict[str, Any]) -> Any:
    if "error" in said:
        raise from_data(said["error"])
    if "broken" in said:
        raise KeyboardInterrupt
    return said["value"]


@contextmanager
def before_meeting() -> Iterator[None]:
    """Around what every process checks for itself and finds the same: on each machine the first one tells it.

    The others wait for the launcher to end them: one that ended first would have the first ended too, unheard.
    """
    try:
        yield
    except RedraftError as error:
        if place().local_rank == 0:
            raise
        time.sleep(UNHEARD)
        raise ToldElsewhere("another process of this run says why it ended") from error


@contextmanager
def join(device: torch.device, run: Path) -> Iterator[Processes]:
    """Meets the other processes that the launcher started, for as long as the block lasts.

    device: of the model; with CUDA each process takes the GPU of its local rank. run: named in errors. An error of
    any process ends all of them, and one of them tells it; in the others it is ToldElsewhere.
    """
    here = place()
    if here.count == 1:
        yield ALONE
        return
    _fits(device, here)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as torchrun does; accelerate asks for it
    within = timedelta(seconds=float(os.environ.get(PATIENCE, WITHIN_A_STEP)))
    ending = Ending(here.rank, here.count, run)
    ending.keeps_store = here.rank == 0 and not _kept_by_launcher()
    with ending.watched():
        ending.store = _met(here, within)
        kind = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(
            kind,
            store=PrefixStore("group", ending.store),
            rank=here.rank,
            world_size=here.count,
            timeout=within,
            device_id=torch.device("cuda", here.local_rank) if device.type == "cuda" else None,
        )
        steps = dist.new_group(backend="gloo", timeout=within)
        waits = dist.new_group(backend="gloo", timeout=WITHIN_A_RUN)
        group = Processes(here, steps, waits)
        yield group
        group.wait()
    # Only after a good end: with a dead neighbour it would wait for an answer.
    dist.destroy_process_group()


def _met(here: Place, within: timedelta) -> Store:
    """The launcher's store, once all processes have written their names into it.

    Asked again and again rather than waited for: torch's own waits hear no signal.
    """
    address, port = os.environ.get("MASTER_ADDR", "127.0.0.1"), int(os.environ.get("MASTER_PORT", "29500"))
    deadline = time.monotonic() + within.total_seconds()
    keeps = here.rank == 0 and not _kept_by_launcher()
    while True:
        try:
            found = TCPStore(
                address, port, here.count, keeps, timeout=ONE_TRY, wait_for_workers=False, multi_tenant=True
            )
            break
        except dist.DistError as error:
            if keeps or time.monotonic() > deadline:
                raise WorkerLost(
                    f"the processes of this run cannot meet ({str(error).splitlines()[0]})",
                    where=f"{address}:{port}",
                    remedy="Look whether all were started, and whether the port is free and open",
                ) from None
    found.set_timeout(within)
    store = PrefixStore(f"redraft/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", found)
    store.set(f"here/{here.rank}", "1")
    names = [f"here/{rank}" for rank in range(here.count)]
    while not store.check(names):
        if time.monotonic() > deadline:
            missing = [name.removeprefix("here/") for name in names if not store.check([name])]
            raise WorkerLost(
                f"process {', '.join(missing)} did not come within {within.total_seconds():.0f} s",
                where=f"{address}:{port}",
                remedy="Look whether all were started",
            )
        time.sleep(0.05)
    return store


def _kept_by_launcher() -> bool:
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _fits(device: torch.device, here: Place) -> None:
    if device.type == "cuda":
        there = torch.cuda.device_count()
        if here.local_count > there:
            raise RecipeError(
                f"{here.local_count} processes were started on a machine with {there} GPUs",
                where="device",
                remedy=f"Start {there} processes a machine",
            )
        torch.cuda.set_device(here.local_rank)
    elif device.type != "cpu":
        raise RecipeError(
            f"several processes cannot share {device.type}", where="device", remedy="Start one process"
        )
