"""`redraft jobs submit`: work for the queue, from this machine's own command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from redraft.cli.jobs.opening import AS_JSON, find, has_worker, print_json, queue


def register(group: typer.Typer) -> None:
    group.command()(submit)


def submit(
    kind: str = typer.Argument(help="What to do; `redraft jobs kinds` lists them."),
    payload: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="What the kind takes; a.b=1 goes into a, key=@FILE reads YAML."
        ),
    ] = None,
    title: str = typer.Option("", "--title", help="For people; one is made of the payload otherwise."),
    priority: int = typer.Option(0, "--priority", min=-1000, max=1000, help="The greater goes first."),
    needs: Annotated[
        list[str] | None, typer.Option("--needs", help="A job that has to finish first; again for more.")
    ] = None,
    key: str = typer.Option(None, "--key", help="The same key and request again give the same job again."),
    executor: str = typer.Option("local", "--executor", help="Where it runs: local, or ray."),
    follow: bool = typer.Option(False, "--follow", help="Show it live to its end; exit 1 without a result."),
    json: bool = AS_JSON,
) -> None:
    """Put work into the queue; it goes on when this terminal, the server or the machine does not."""
    from redraft.cli.jobs.data import detail
    from redraft.cli.jobs.following import follow as watch
    from redraft.cli.jobs.screen import NO_WORKER, show_asked
    from redraft.cli.screen import console

    with queue() as jobs:
        job = jobs.submit(
            kind,
            read_payload(payload or []),
            title=title,
            priority=priority,
            needs=[find(jobs, need) for need in needs or []],
            key=key,
            executor=executor,
            local=True,
        )
        if not json:
            show_asked(detail(job, []))
        if not has_worker(jobs):
            console().print(f"[yellow]{NO_WORKER}[/]")
        code = watch(jobs, job.id) if follow else 0
        if json:
            print_json(detail(jobs.get(job.id), jobs.needs(job.id)))
    if code:
        raise typer.Exit(code)


def read_payload(entries: list[str]) -> dict[str, Any]:
    """A payload from key=value words, as in recipes; key=@FILE takes the value from a YAML or JSON file."""
    from redraft.core.errors import UsageError
    from redraft.core.recipe import override

    data: dict[str, Any] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise UsageError("this is no KEY=VALUE", where=entry, remedy="Write, for instance, task=cad")
        if value.startswith("@"):
            node = data
            *outer, last = name.split(".")
            for part in outer:
                node = node.setdefault(part, {})
            node[last] = _read_file(Path(value[1:]))
        else:
            override(data, entry)
    return data


def _read_file(path: Path) -> Any:
    import yaml

    from redraft.core.errors import InputError

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"it cannot be read as YAML: {error}", where=str(path), remedy="Correct it") from error
