"""`redraft worker`: takes jobs from the queue and sees them through, until it is stopped."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from redraft.core.errors import UsageError

if TYPE_CHECKING:
    from redraft.queue.working import Worker

LOOK = 2.0
"""Seconds between two looks whether a server is there."""
UNSERVED = 20.0
"""Seconds without a server, which may be starting again, before an idle worker that one had started ends."""


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def worker(
        device_slots: int = typer.Option(
            1, "--device-slots", min=0, envvar="REDRAFT_DEVICE_SLOTS", help="Jobs at once that use the device."
        ),
        light_slots: int = typer.Option(
            2, "--light-slots", min=0, envvar="REDRAFT_LIGHT_SLOTS", help="Jobs at once that do not."
        ),
        executor: Annotated[list[str] | None, typer.Option(help="Where jobs run: local (default), ray.")] = None,
        until_idle: bool = typer.Option(False, "--until-idle", help="End once there is nothing left to do."),
        while_served: bool = typer.Option(
            False,
            "--while-served",
            help="End when nothing is left to do and no server is there.",
        ),
        drain: bool = typer.Option(False, "--drain", help="When stopped, wait for the jobs that run."),
        stop_jobs: bool = typer.Option(
            False, "--stop-jobs", help="When stopped, have running jobs saved and give them back to the queue."
        ),
    ) -> None:
        """Run jobs from the queue. Ctrl-C ends the worker; the jobs it started run on, unless told otherwise."""
        if drain and stop_jobs:
            raise UsageError("these exclude one another", where="--drain, --stop-jobs", remedy="Give one of them")
        if device_slots + light_slots == 0:
            raise UsageError("a worker without slots does nothing", where="--device-slots", remedy="Give it one")
        from redraft.queue.executors.base import find_executor
        from redraft.queue.jobs import Jobs
        from redraft.queue.jobs.removal import sweep
        from redraft.queue.keeping.lease import AWAY
        from redraft.queue.working import Worker
        from redraft.state.database import Database

        database = Database.open()
        sweep(database)
        slots = {"device": device_slots, "light": light_slots}
        executors = {name: find_executor(name) for name in executor or ["local"]}
        found = Worker(Jobs(database), slots, executors, _say)
        _say(f"{found.id} on {found.host}: {_slots(slots)}; Ctrl-C ends it{_what_then(drain, stop_jobs)}")
        left = _work(found, waits=drain or stop_jobs, stops=stop_jobs, may_end=_may_end(until_idle, while_served))
        with contextlib.suppress(*AWAY):  # the next worker takes its row away
            found.leave()
        _say(f"ended; {left} job{'s' if left != 1 else ''} run{'s' if left == 1 else ''} on" if left else "ended")


def _work(worker: Worker, *, waits: bool, stops: bool, may_end: Callable[[], bool]) -> int:
    """Until it is stopped, or idle; how many of its jobs run on. Stopped a second time, it waits for none."""
    from redraft.queue.working import ROUND

    asked = _Asked()
    while True:
        jobs = worker.round()
        if asked.times and worker.claiming:
            worker.claiming = False
            if jobs and waits:
                what = "are saved" if stops else "end"
                _say(f"ends when {len(jobs)} running job{'s' if len(jobs) > 1 else ''} {what}; Ctrl-C: at once")
            if stops:
                worker.stop_jobs(jobs)
        if asked.times and not (waits and jobs and asked.times == 1):
            return len(jobs)
        if not jobs and may_end() and not worker.trouble and not worker.jobs.page(state="queued", limit=1).items:
            return 0
        time.sleep(ROUND)


def _may_end(until_idle: bool, while_served: bool) -> Callable[[], bool]:
    """Whether a worker with nothing to do ends: at once, never, or when no server has been there for a while."""
    from redraft.queue.served import serving

    seen, looked = time.monotonic(), 0.0

    def may_end() -> bool:
        nonlocal seen, looked
        now = time.monotonic()
        if not while_served or now - looked < LOOK:
            return until_idle
        looked = now
        if serving() is not None:
            seen = now
        return until_idle or now - seen > UNSERVED

    return may_end


class _Asked:
    """Counts requests to stop: SIGTERM, Ctrl-C, or a terminal that was closed (unless nohup has it ignored)."""

    def __init__(self) -> None:
        self.times = 0
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._count)

    def _count(self, *_: object) -> None:
        self.times += 1


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):  # the terminal was closed: nobody is there to be told
        typer.echo(f"{time.strftime('%H:%M:%S')} {sentence}", err=True)


def _slots(slots: dict[str, int]) -> str:
    return " and ".join(f"{count} {name} slot{'s' if count != 1 else ''}" for name, count in slots.items())


def _what_then(drain: bool, stop_jobs: bool) -> str:
    if drain:
        return " when the jobs that run have ended"
    return ", and jobs that run are saved and given back" if stop_jobs else ", and jobs that run go on"
