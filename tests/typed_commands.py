"""Commands as a user types them, done in this process: the same parsing and the same verbs, without a new process
for each."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Any

import typer
from typer.testing import CliRunner

import redraft
from redraft.cli.app import NOT_COMMANDS, build
from redraft.core.discovery import task_folders, task_module


def typed(command: Sequence[str]) -> dict[str, Any]:
    """The JSON value of a command, given as the words behind `redraft`."""
    values: list[dict[str, Any]] = []
    app = typer.Typer()

    def run(verb: str, request: dict[str, Any], **shown: Any) -> None:
        values.append(redraft.do(verb, **request))

    package = importlib.import_module("redraft.cli")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in NOT_COMMANDS:
            importlib.import_module(f"redraft.cli.{module.name}").register(app, run)
    for name in task_folders():
        commands = task_module(name, "commands")
        if commands is not None:
            commands.register(app, run)
    app(list(command), standalone_mode=False)
    (value,) = values
    return value


@cache
def help_of(*words: str) -> str:
    """What `redraft WORDS --help` shows on a wide screen; empty where there is no such command."""
    shown = CliRunner().invoke(_app(), [*words, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    return shown.stdout if shown.exit_code == 0 else ""


@cache
def _app() -> typer.Typer:
    return build()
