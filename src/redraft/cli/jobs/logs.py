"""`redraft jobs logs`: what a job said, and says."""

from __future__ import annotations

import json as json_module
import time
from typing import TYPE_CHECKING, Any

import typer

from redraft.cli.jobs.opening import JOB, find, print_json, queue

if TYPE_CHECKING:
    from redraft.state.tables import Event


SAID = ("state", "attempt", "log", "checkpoint", "left_out")
"""Kinds of event that are sentences; the others are figures."""


def register(group: typer.Typer) -> None:
    group.command()(logs)


def logs(
    job: str = JOB,
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on live until it ends; Ctrl-C ends only that."),
    lines: int = typer.Option(100, "--lines", "-n", min=1, help="At most so many of the last ones."),
    output: bool = typer.Option(
        False, "--output", help="What its processes printed, such as warnings of libraries."
    ),
    json: bool = typer.Option(False, "--json", help="One JSON document; with --follow, one a line."),
) -> None:
    """Show what a job said: its states, its sentences, its checkpoints."""
    from redraft.cli.jobs.words import plain
    from redraft.queue.events import latest
    from redraft.queue.keeping.logs import tail

    with queue() as jobs:
        id = jobs.get(find(jobs, job)).id
        if output:
            printed = tail(id, lines)
            if json:
                print_json({"output": printed})
            else:
                typer.echo("\n".join(map(plain, printed)) if printed else "Its processes have printed nothing.")
            return
        said = latest(jobs.database, id, SAID, lines)
        if json and not follow:
            print_json({"lines": [_data(event) for event in said]})
            return
        for event in said:
            _print(event, json)
        if follow:
            from redraft.cli.jobs.following import follow as watch

            last = said[-1].id if said else 0
            code = watch(jobs, id, after=last, show=(lambda event: _print(event, json)) if json else None)
            if code:
                raise typer.Exit(code)


def _print(event: Event, json: bool) -> None:
    if json:
        typer.echo(json_module.dumps(_data(event), ensure_ascii=False))
        return
    from redraft.cli.jobs.screen import console, escape
    from redraft.cli.jobs.words import sentence

    text = sentence(event.kind, event.data)
    if text:
        at = time.strftime("%m-%d %H:%M:%S", time.localtime(event.at))
        console().print(f"[dim]{at}[/]  {escape(text)}")


def _data(event: Event) -> dict[str, Any]:
    return {"id": event.id, "at": event.at, "kind": event.kind, **event.data}
