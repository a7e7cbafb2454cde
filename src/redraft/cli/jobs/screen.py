"""What the commands of jobs print for people."""

from __future__ import annotations

import json as json_module
import shlex
from typing import Any

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table
from rich.text import Text

from redraft.cli.jobs.words import plain

COLOURS = {
    "waiting": "dim", "queued": "cyan", "running": "bold blue", "paused": "yellow", "finished": "green",
    "failed": "red", "cancelled": "dim",
}  # fmt: skip
ENDING = {"pause": "pausing", "cancel": "cancelling", "delete": "deleting"}
NO_WORKER = "No worker is running: `redraft serve` or `redraft worker` starts one."
BAR = 24
WIDE, SHORT = 120, 8
"""Columns from which a list shows whole ids; in fewer, their last characters, which every command takes."""


def escape(text: str) -> str:
    """Text of others as it is, but for what a terminal would obey."""
    return escape_markup(plain(text))


def console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def show_list(value: dict[str, Any], now: float, no_worker: bool, *, filtered: bool) -> None:
    """A row a job, the newest first."""
    out = console()
    if not value["jobs"]:
        more = "" if filtered else ": `redraft jobs submit` puts work into the queue"
        out.print(f"There are no {'such ' if filtered else ''}jobs{more}.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    wide = out.width >= WIDE
    table.add_column("job", no_wrap=True, min_width=30 if wide else SHORT)
    table.add_column("kind", no_wrap=True, min_width=8)
    table.add_column("title", overflow="ellipsis", max_width=36 if wide else 18, no_wrap=True)
    table.add_column("state", no_wrap=True, min_width=10)
    table.add_column("age", justify="right", no_wrap=True, min_width=6)
    table.add_column("", overflow="ellipsis", max_width=60 if wide else max(out.width - 61, 12), no_wrap=True)
    for job in value["jobs"]:
        table.add_row(
            job["id"] if wide else job["id"][-SHORT:],
            job["kind"],
            escape(job["title"]),
            state_of(job),
            span(now - job["created_at"]),
            Text(plain(_how(job)), style="dim"),
        )
    out.print(table)
    if value["next"]:
        out.print(f"[dim]There are more: --after {value['next'][-8:]}[/]")
    if no_worker:
        out.print(f"[yellow]{NO_WORKER}[/]")


def show_job(value: dict[str, Any], needs: list[dict[str, Any]], now: float, no_worker: bool) -> None:
    """One job, from its state down to what was asked for."""
    out = console()
    out.print(f"[bold]{escape(value['title'])}[/]  [dim]{value['kind']}[/]")
    out.print(f"  {value['id']}")
    rows = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("state", f"{state_of(value)}{'  ' + escape(value['reason']) if value['reason'] else ''}")
    if value["progress"] and value["state"] in ("running", "paused"):
        rows.add_row("progress", escape(progress_bar(value["progress"])))
    rows.add_row("times", _times(value, now))
    rows.add_row("attempts", _attempts(value))
    if value["worker"]:
        heard = f", heard of {span(now - value['heartbeat_at'])} ago" if value["heartbeat_at"] else ""
        rows.add_row("runs on", escape(f"{value['host']}{heard}"))
    for need in needs:
        rows.add_row("needs", f"{need['id']}  {state_of(need)}  {escape(need['title'])}")
    for what, id in value["output"].items():
        rows.add_row(what, escape(str(id)))
    if value["checkpoint"]:
        rows.add_row("checkpoint", value["checkpoint"])
    _add_data(rows, "asked for", value["payload"])
    _add_data(rows, "result", value["result"])
    out.print(rows)
    if value["error"]:
        out.print(f"[red]error:[/] {escape(error_line(value['error']))}")
    if no_worker:
        out.print(f"[yellow]{NO_WORKER}[/]")


def show_asked(value: dict[str, Any], *, gone: bool = False) -> None:
    """One job after something was asked of it."""
    state = "deleted" if gone else state_of(value)
    reason = f"  [dim]{escape(value['reason'])}[/]" if value["reason"] and not gone else ""
    console().print(f"{value['id']}  {state}  {escape(value['title'])}{reason}")


def show_kinds(value: dict[str, Any], *, whole: bool) -> None:
    """A line a kind; `whole`: with every key of its payload, and examples."""
    out = console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("kind", "does", "occupies", "takes"):
        table.add_column(column, overflow="fold")
    for kind in value["kinds"]:
        keys = ", ".join(kind["payload"].get("properties", {}))
        table.add_row(
            kind["name"], escape(kind["title"]), kind["resource"], "" if whole else f"[dim]{escape(keys)}[/]"
        )
    out.print(table)
    for kind in value["kinds"] if whole else ():
        taken = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        needed = kind["payload"].get("required", [])
        for name, about in kind["payload"].get("properties", {}).items():
            taken.add_row(
                f"  [bold]{name}[/]", "needed" if name in needed else "", escape(about.get("description", ""))
            )
        out.print(taken)
        for example in kind["payload"].get("examples", []):
            ordered = {name: example[name] for name in kind["payload"]["properties"] if name in example}
            words = " ".join(shlex.quote(word) for word in as_words(ordered))
            out.print(f"  [dim]such as[/]  redraft jobs submit {kind['name']} {escape(words)}")


def state_of(job: dict[str, Any]) -> str:
    """The state in its colour, or the change that was asked for and is under way."""
    word = ENDING.get(job["desired_state"], "running") if job["state"] == "running" else job["state"]
    return f"[{COLOURS[job['state']]}]{word}[/]"


def progress_bar(progress: dict[str, Any]) -> str:
    """drawing  ━━━━━━──────  3/9  the latest figure."""
    done, total = progress.get("done") or 0, progress.get("total")
    bar = ""
    if total:
        full = round(BAR * min(1.0, done / total))
        bar = f"{'━' * full}{'─' * (BAR - full)}  {done:,}/{total:,}"
    parts = [str(progress.get("stage", "")), bar or f"{done:,}", str(progress.get("note") or "")]
    return "  ".join(part for part in parts if part)


def error_line(error: dict[str, Any]) -> str:
    """What, where and the remedy, as every error is told."""
    where = f"{error['where']}: " if error.get("where") else ""
    remedy = f" {error['remedy']}." if error.get("remedy") else ""
    return f"{where}{error.get('what', 'unknown error')}.{remedy}"


def as_words(payload: dict[str, Any], outer: str = "") -> list[str]:
    """A payload as `redraft jobs submit` takes it: key=value, a.b=value."""
    words: list[str] = []
    for name, value in payload.items():
        if isinstance(value, dict) and value:
            words += as_words(value, f"{outer}{name}.")
        else:
            text = value if isinstance(value, str) else json_module.dumps(value, ensure_ascii=False)
            words.append(f"{outer}{name}={text}")
    return words


def span(seconds: float) -> str:
    """5 s, 12 min, 3 h, 4 d."""
    seconds = max(0.0, seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= 100):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _how(job: dict[str, Any]) -> str:
    if job["state"] == "running" and job["progress"]:
        progress = job["progress"]
        done, total = progress.get("done") or 0, progress.get("total")
        share = f"{100 * done / total:.0f} %" if total else f"{done:,}"
        parts = (share, progress.get("stage"), progress.get("note"))
        return "  ".join(str(part) for part in parts if part)
    return str(job["reason"])


def _times(value: dict[str, Any], now: float) -> str:
    parts = [f"submitted {span(now - value['created_at'])} ago"]
    if value["started_at"]:
        parts.append(f"last begun {span(now - value['started_at'])} ago")
    if value["finished_at"]:
        parts.append(f"ended {span(now - value['finished_at'])} ago")
    return ", ".join(parts)


def _attempts(value: dict[str, Any]) -> str:
    if not value["attempt"]:
        return f"none yet, priority {value['priority']}"
    stalled = f", {value['stalled']} in a row without a newer checkpoint" if value["stalled"] > 1 else ""
    return f"{value['attempt']}{stalled}"


def _add_data(rows: Table, name: str, data: dict[str, Any] | None) -> None:
    for key, entry in (data or {}).items():
        if entry not in (None, "", [], {}):
            text = entry if isinstance(entry, str) else json_module.dumps(entry, ensure_ascii=False)
            rows.add_row(name, f"{escape(key)}: {escape(text if len(text) <= 400 else text[:397] + '...')}")
            name = ""
