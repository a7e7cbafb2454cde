"""`redraft demo`: a task's main job from nothing to a result, as the commands that a user would type."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from redraft.core.demo import Step
from redraft.core.errors import Interrupted, OutputError, UsageError

RECORD = "demo.json"
"""Made first, with the results of the steps that are done: it marks a folder as a demonstration to continue."""


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def demo(
        task: Annotated[str, typer.Option(help="Which task to show.")] = "cad",
        out: Annotated[Path, typer.Option(help="Where to write everything.")] = Path("redraft-demo"),
        minutes: Annotated[float, typer.Option(min=1, max=600, help="How long it may take in all.")] = 9.0,
        json_: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")] = False,
    ) -> None:
        """The main job, offline: make data, train a small model, evaluate it, and answer with it.

        Run it again to continue where it was stopped.
        """
        from redraft.core.discovery import task_folders, task_module

        module = task_module(task, "demo")
        if module is None:
            able = [name for name in task_folders() if task_module(name, "demo") is not None]
            raise UsageError(f"there is no demonstration of '{task}'", remedy=f"Choose one of: {', '.join(able)}")
        results = _play(module.steps, out, minutes)
        if json_:
            sys.stdout.write(json.dumps(results, indent=2, ensure_ascii=False) + "\n")


def _play(steps: Callable[[Path, float], Any], out: Path, minutes: float) -> dict[str, Any]:
    """Runs the steps that are not done yet; the result of each is kept in the record."""
    from rich.markup import escape

    from redraft.cli.screen import console

    record = _open(out)
    screen = console()
    started = time.monotonic()
    generator = steps(out, minutes)
    step: Step = next(generator)
    number = 0
    while True:
        number += 1
        screen.print(f"\n[bold]{number}  {escape(step.title)}[/]\n   [dim]redraft {escape(_shown(step, out))}[/]")
        if step.name in record:
            screen.print("   [dim]done before[/]")
        else:
            record[step.name] = _do(step)
            _keep(out, record)
        screen.print(f"   {escape(step.told(record[step.name]))}")
        try:
            step = generator.send(record[step.name])
        except StopIteration as end:
            spent = time.monotonic() - started
            screen.print(f"\n[bold]Done in {int(spent // 60)} min {spent % 60:.0f} s.[/]")
            for line in end.value:
                screen.print(f"  {escape(line)}")
            return record


def _shown(step: Step, out: Path) -> str:
    return shlex.join(argument for argument in step.command if argument != "--json")


def _do(step: Step) -> dict[str, Any]:
    """Runs one command with its live progress on our standard error and returns its JSON."""
    command = step.command
    if step.makes.exists() and step.resume is not None:
        command = step.resume
    elif step.makes.is_dir():
        shutil.rmtree(step.makes)
    debug = ["--debug"] if "--debug" in sys.argv else []
    process = subprocess.Popen([sys.executable, "-m", "redraft", *debug, *command], stdout=subprocess.PIPE)
    # Asked to end, the demonstration asks its command, which saves; a terminal's Ctrl-C reaches both at once.
    signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    while True:
        try:
            output, _ = process.communicate()
            break
        except KeyboardInterrupt:
            continue  # the command has the signal too, saves, and ends by itself
    if process.returncode == Interrupted.exit_code:
        raise Interrupted("the demonstration is stopped", remedy="Run it again to continue")
    if process.returncode != 0 and process.returncode not in step.findings:
        # The command has said why on standard error already.
        raise UsageError(
            f"step '{step.name}' of the demonstration failed",
            remedy="Its own message stands above; mend that and run the demonstration again to continue",
        )
    value: dict[str, Any] = json.loads(output)
    return value


def _open(out: Path) -> dict[str, Any]:
    """The record of a demonstration folder, new or to continue."""
    from redraft.core.atomic import output_error

    try:
        if out.exists() and not (out / RECORD).is_file() and (not out.is_dir() or any(out.iterdir())):
            raise OutputError(
                "the output exists and is no demonstration",
                where=str(out),
                remedy="Choose another folder with --out",
            )
        out.mkdir(parents=True, exist_ok=True)
        if not (out / RECORD).is_file():
            _keep(out, {})
        record: dict[str, Any] = json.loads((out / RECORD).read_text(encoding="utf-8"))
        return record
    except ValueError:
        raise OutputError(
            "the record of this demonstration cannot be read",
            where=str(out / RECORD),
            remedy="Remove the folder, or choose another with --out",
        ) from None
    except OSError as error:
        raise output_error(out, error) from error


def _keep(out: Path, record: dict[str, Any]) -> None:
    from redraft.core.atomic import write_json

    write_json(out / RECORD, record)
