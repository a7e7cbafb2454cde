"""`redraft jobs list`, `show` and `kinds`."""

from __future__ import annotations

from typing import Annotated

import typer

from redraft.cli.jobs.opening import AS_JSON, JOB, find, has_worker, print_json, queue

ONE_OF = "waiting, queued, running, paused, finished, failed, cancelled"


def register(group: typer.Typer) -> None:
    group.command("list")(list_)
    group.command()(show)
    group.command()(kinds)


def list_(
    state: Annotated[list[str] | None, typer.Option("--state", help=f"Only these: {ONE_OF}.")] = None,
    kind: str = typer.Option(None, "--kind", help="Only this kind, such as train."),
    limit: int = typer.Option(20, "--limit", min=1, help="Jobs shown, the newest first."),
    after: str = typer.Option(None, "--after", help="Go on after the job with this id."),
    json: bool = AS_JSON,
) -> None:
    """List jobs, the newest first."""
    from redraft.cli.jobs.data import summary
    from redraft.cli.jobs.screen import show_list

    with queue() as jobs:
        after = find(jobs, after) if after else after
        page = jobs.page(state=state, kind=kind, limit=limit, after=after)
        waits = any(job.state == "queued" for job in page.items) and not has_worker(jobs)
        now = jobs.now()
    value = {"jobs": [summary(job) for job in page.items], "next": page.next}
    if json:
        print_json(value)
    else:
        show_list(value, now, waits, filtered=bool(state or kind))


def show(job: str = JOB, json: bool = AS_JSON) -> None:
    """Show one job with all that is known of it."""
    from redraft.cli.jobs.data import detail, summary
    from redraft.cli.jobs.screen import show_job

    with queue() as jobs:
        found = jobs.get(find(jobs, job))
        needs = [jobs.get(id) for id in jobs.needs(found.id)]
        waits = found.state == "queued" and not has_worker(jobs)
        now = jobs.now()
    value = detail(found, [need.id for need in needs])
    if json:
        print_json(value)
    else:
        show_job(value, [summary(need) for need in needs], now, waits)


def kinds(
    name: str = typer.Argument(None, help="Only this kind, with all that it takes."), json: bool = AS_JSON
) -> None:
    """List the kinds of job and what each takes."""
    from redraft.cli.jobs.data import kind_data
    from redraft.cli.jobs.screen import show_kinds
    from redraft.queue.kinds import KINDS, find_kind

    value = {"kinds": [kind_data(kind) for kind in ([find_kind(name)] if name else KINDS.values())]}
    if json:
        print_json(value)
    else:
        show_kinds(value, whole=name is not None)
