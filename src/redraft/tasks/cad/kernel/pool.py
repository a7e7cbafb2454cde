"""A pool of recycled worker processes for the geometry kernel.

The kernel's booleans cannot be interrupted, its readers have overflowed before, and a few parts take seconds: so
it runs only in processes that are walled in, limited, and killed from outside. The caller sees an `Outcome`.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import sys
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

from redraft.core.errors import UsageError, WorkerLost
from redraft.tasks.cad.kernel import framing
from redraft.tasks.cad.kernel.launch import ForkServer, Launcher, ServerLost, Spawner
from redraft.tasks.cad.kernel.outcome import Outcome
from redraft.tasks.cad.kernel.slot import Slot, remove
from redraft.walls import enclosure
from redraft.walls.limits import Limits

JOBS = "redraft.tasks.cad.kernel.jobs"
JOBS_A_WORKER = 500
RECYCLE_MB = 1024
"""A worker that has served so many jobs, or has grown by so much, is replaced: the kernel leaks a little."""
Way = Literal["fork", "spawn"]

_living: weakref.WeakSet[KernelPool] = weakref.WeakSet()


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


class KernelPool:
    """Runs jobs in worker processes. Safe in threads; processes start with the first call.

    workers: how many jobs run at once, the cores by default. timeout: seconds of wall clock a job has by default.
    memory_mb: what a job may take beyond the loaded libraries. jobs: a module with `JOBS`, name to callable.
    way: "fork" (Linux) or "spawn"; chosen by the system when None. A pool does not survive its process's fork: a
    forked copy is refused with a WorkerLost.
    """

    def __init__(
        self,
        workers: int | None = None,
        timeout: float = 20.0,
        memory_mb: int = 4096,
        *,
        jobs: str = JOBS,
        jobs_a_worker: int = JOBS_A_WORKER,
        way: Way | None = None,
    ) -> None:
        self.workers = cores() if workers is None else workers
        if self.workers < 1 or timeout <= 0 or memory_mb < 1 or jobs_a_worker < 1:
            raise UsageError(
                f"a kernel pool of {self.workers} workers, {timeout:g} s, {memory_mb} MB and {jobs_a_worker} jobs "
                "a worker cannot work",
                remedy="Give numbers above 0",
            )
        self.timeout, self.jobs_a_worker = float(timeout), jobs_a_worker
        self.limits = Limits(memory_mb=memory_mb)
        self.way: Way = way or ("fork" if sys.platform == "linux" else "spawn")
        self._jobs, self._owner, self._closed = jobs, os.getpid(), False
        self._launcher: Launcher | None = None
        self._folder: Path | None = None
        self._started, self._serials = 0, itertools.count(1)
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(self.workers)
        self._idle: list[Slot] = []
        self._busy: set[Slot] = set()
        _living.add(self)

    def __enter__(self) -> KernelPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, job: str, payload: dict[str, Any], *, timeout: float | None = None) -> Outcome:
        """Does one job. payload and the outcome's value: JSON data and bytes.

        Waits for a free worker; the limit counts from the moment it has one. Raises only for wrong use (a closed
        pool, a forked copy) and where no worker can be started at all.
        """
        self._check()
        limit = self.timeout if timeout is None else timeout
        try:
            serial = next(self._serials)
            frame = framing.encode({"job": job, "payload": payload, "timeout": limit, "serial": serial})
        except framing.FrameError as error:
            return Outcome("limit", f"the request cannot be sent: {error}")
        with self._places:
            slot = self._take()
            try:
                return slot.ask(job, frame, limit, serial)
            finally:
                self._give_back(slot)

    def map(
        self, job: str, payloads: Iterable[dict[str, Any]], *, timeout: float | None = None
    ) -> Iterator[Outcome]:
        """The outcomes of a job over many payloads, in their order, with all workers busy.

        Takes at most twice as many payloads ahead as there are workers, in the caller's thread.
        """
        self._check()
        tasks: SimpleQueue[tuple[dict[str, Any], Future[Outcome]] | None] = SimpleQueue()

        def work() -> None:
            while (task := tasks.get()) is not None:
                payload, future = task
                if future.set_running_or_notify_cancel():
                    try:
                        future.set_result(self.call(job, payload, timeout=timeout))
                    except BaseException as error:
                        future.set_exception(error)

        # Daemons: an interrupted program does not wait at its end for jobs that nobody will ask after.
        for _ in range(self.workers):
            threading.Thread(target=work, name="kernel-pool", daemon=True).start()
        waiting: deque[Future[Outcome]] = deque()
        try:
            for payload in payloads:
                waiting.append(Future())
                tasks.put((payload, waiting[-1]))
                if len(waiting) >= 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            for _ in range(self.workers):
                tasks.put(None)

    def walls(self) -> dict[str, Any]:
        """Which walls stand around a worker, tried by the worker itself; see `enclosure.describe`."""
        self._check()
        with self._places:
            slot = self._take()
            self._give_back(slot)
        return enclosure.describe(slot.walls)

    def close(self) -> None:
        """Ends every process of the pool and removes its folders. Calls that still run end as "crash"."""
        if self._closed or os.getpid() != self._owner:
            return
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            launcher, self._launcher = self._launcher, None
        for slot in idle:
            slot.end()
        if launcher is not None:
            launcher.close()
        if self._folder is not None:
            remove(self._folder)

    def _check(self) -> None:
        if os.getpid() != self._owner:
            raise WorkerLost(
                "this kernel pool belongs to the process that made it, and this one is a forked copy",
                remedy="Make a pool of its own, or use shared_pool()",
            )
        if self._closed:
            raise WorkerLost("this kernel pool is closed", remedy="Make a new one")

    def _take(self) -> Slot:
        """An idle worker or a new one. A lost fork server is replaced once."""
        while True:
            with self._lock:
                self._check()
                slot = self._idle.pop() if self._idle else None
            if slot is None:
                break
            if slot.fresh():
                return self._now_busy(slot)
            slot.end()
        launcher = self._launcher
        try:
            return self._now_busy(self._start())
        except ServerLost:
            with self._lock:
                if self._launcher is launcher:  # else another thread has replaced it
                    self._launcher = None
            if launcher is not None:
                launcher.close()
            return self._now_busy(self._start())

    def _now_busy(self, slot: Slot) -> Slot:
        with self._lock:
            self._busy.add(slot)
        return slot

    def _start(self) -> Slot:
        try:
            return self._new_slot()
        except OSError as error:
            raise WorkerLost(
                f"no kernel process can be started ({error.strerror or error})",
                where=tempfile.gettempdir(),
                remedy="Free some memory, disk space or open files",
            ) from None

    def _new_slot(self) -> Slot:
        with self._lock:
            self._check()
            if self._folder is None or not self._folder.is_dir():
                self._folder = Path(tempfile.mkdtemp(prefix="redraft-kernel-")).resolve()
                (self._folder / enclosure.SECRET).write_text("no worker should read this\n")
            if self._launcher is None:
                self._launcher = (ForkServer if self.way == "fork" else Spawner)(self._jobs, self._folder)
            launcher = self._launcher
            self._started += 1
            folder = self._folder / f"worker-{self._started}"
        return Slot(launcher, folder, self.limits)

    def _give_back(self, slot: Slot) -> None:
        grown_mb = min(RECYCLE_MB, self.limits.memory_mb / 4)
        worn = not slot.alive or slot.worn(self.jobs_a_worker, grown_mb)
        with self._lock:
            self._busy.discard(slot)
            if not worn and not self._closed:
                self._idle.append(slot)
                return
        if slot.alive:
            slot.end()

    def _disown(self) -> None:
        """In a forked copy of the owner: lets go of every descriptor, so that the owner's end is noticed."""
        for slot in [*self._idle, *self._busy]:
            slot.disown()
        if self._launcher is not None:
            self._launcher.disown()


_shared: KernelPool | None = None
_shared_lock = threading.Lock()


def shared_pool() -> KernelPool:
    """The one pool of this process, made when first asked for and closed at exit. A forked copy gets its own."""
    global _shared
    with _shared_lock:
        if _shared is None or _shared._closed or _shared._owner != os.getpid():
            _shared = KernelPool()
        return _shared


def _close_all() -> None:
    for pool in list(_living):
        pool.close()


def _after_fork() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for pool in list(_living):
        with contextlib.suppress(Exception):
            pool._disown()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
