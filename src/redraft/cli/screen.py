"""What a person sees of work: a live line a stage on a terminal, elsewhere a plain one now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from redraft.core.errors import RedraftError

QUIET_INTERVAL = 15.0
"""Seconds between two lines of one stage where standard error is no terminal."""
SHOWN_OMISSIONS = 3
"""Omissions of one stage shown one by one; the rest are counted (all are in the manifest)."""


def console() -> Console:
    """Standard error, where everything but results goes."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_error(error: RedraftError) -> None:
    """What, where and the remedy, in one line."""
    console().print(f"[bold red]error:[/] {escape(str(error))}")


class Screen:
    """Shows the events of one verb."""

    def __init__(self) -> None:
        self._console = console()
        self._live = self._console.is_terminal
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._stage = ""
        self._printed = 0.0
        self._omissions = 0

    def __enter__(self) -> Screen:
        if self._live:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._omissions > SHOWN_OMISSIONS:
            self.say(f"left out: {self._omissions} in all")
        if self._live:
            self._progress.stop()

    def show(self, event: dict[str, Any]) -> None:
        """Shows one event; kinds it does not know it passes over."""
        kind = event["event"]
        if kind == "progress":
            self._progress_event(event)
        elif kind == "log":
            style = "yellow" if event["level"] == "warning" else "dim"
            self._console.print(f"[{style}]{escape(event['message'])}[/]")
        elif kind == "left_out":
            self._omissions += 1
            if self._omissions <= SHOWN_OMISSIONS:
                self._console.print(f"[yellow]left out:[/] {escape(event['id'])}: {escape(event['reason'])}")

    def say(self, text: str) -> None:
        self._console.print(f"[dim]{escape(text)}[/]")

    def _progress_event(self, event: dict[str, Any]) -> None:
        stage, done, total, note = event["stage"], event["done"], event["total"], event["note"]
        if self._live:
            if stage not in self._tasks:
                self._tasks[stage] = self._progress.add_task(escape(stage), total=total, note="")
            self._progress.update(self._tasks[stage], completed=done, total=total, note=escape(note))
            return
        now = time.monotonic()
        if stage != self._stage or done == total or now - self._printed >= QUIET_INTERVAL:
            self._stage, self._printed = stage, now
            of = f"/{total}" if total is not None else ""
            print(f"{stage} {done}{of}" + (f"  {note}" if note else ""), file=sys.stderr, flush=True)
