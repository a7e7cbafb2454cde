"""Builds the command line out of the rooms' and the tasks' commands."""

from __future__ import annotations

import importlib
import pkgutil

import typer

from redraft import __version__
from redraft.cli.run import run
from redraft.core.discovery import task_folders, task_module

NOT_COMMANDS = {"app", "run", "screen"}
"""Modules of this folder that are the command line's own workings."""


def build() -> typer.Typer:
    """The whole `redraft` command. Every module of this folder and every task's `commands` registers its own."""
    app = typer.Typer(
        help="Turns pictures back into what they show, and checks every answer.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def options(
        version: bool = typer.Option(False, "--version", help="Print the version and stop.", callback=_version),
        debug: bool = typer.Option(False, "--debug", help="Show tracebacks and the worker's own output."),
    ) -> None:
        return None

    package = importlib.import_module("redraft.cli")
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        if module.name not in NOT_COMMANDS:
            importlib.import_module(f"redraft.cli.{module.name}").register(app, run)
    for name in task_folders():
        commands = task_module(name, "commands")
        if commands is not None:
            commands.register(app, run)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit
