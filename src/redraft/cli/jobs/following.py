"""A job, watched live in a terminal. Watching and working are two things: who stops to watch stops nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redraft.queue.jobs import Jobs
    from redraft.state.tables import Event

ROUND = 0.2
"""Seconds between two looks at the events."""
AT_REST = ("paused", "finished", "failed", "cancelled")


def follow(jobs: Jobs, id: str, *, after: int = 0, show: Callable[[Event], None] | None = None) -> int:
    """Shows what the job says after the event `after`, until it comes to rest or Ctrl-C ends the watching.

    show: for each event, in place of the live screen. Returns the exit code: 0 where it has finished, or where the
    watching was ended; 1 where it came to rest without a result.
    """
    from redraft.cli.screen import Screen

    with Screen() as screen:
        try:
            state = _watch(jobs, id, after, show or (lambda event: _show(screen, event)))
        except KeyboardInterrupt:
            screen.say(f"no longer watched; the job goes on: redraft jobs logs --follow {id[-8:]}")
            return 0
    return 0 if state == "finished" else 1


def _watch(jobs: Jobs, id: str, last: int, show: Callable[[Event], None]) -> str:
    """The state in which it came to rest, or "deleted"."""
    from redraft.core.errors import NotFound
    from redraft.queue.events import after as events_after

    while True:
        try:
            state = str(jobs.get(id).state)  # before its events: what it said until then comes after this look
        except NotFound:
            state = "deleted"
        events = events_after(jobs.database, last, job=id)
        for event in events:
            show(event)
            last = event.id
        if not events:
            if state in (*AT_REST, "deleted"):
                return state
            time.sleep(ROUND)


def _show(screen: Any, event: Event) -> None:
    from redraft.cli.jobs.words import plain, sentence

    if event.kind == "progress":
        data = {"done": 0, "total": None, "note": "", "stage": "", **event.data}
        screen.show({"event": "progress", **data, "note": data["note"] or ""})
    elif event.kind in ("log", "left_out"):
        words = {name: plain(str(value)) for name, value in event.data.items()}
        screen.show({"event": event.kind, **words})
    else:
        text = sentence(event.kind, event.data)
        if text:
            screen.say(text)
