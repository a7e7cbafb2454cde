"""`redraft serve`: the service of this state folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated
from urllib.parse import urlsplit

import typer

from redraft.core.errors import UsageError


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def serve(
        host: str = typer.Option(
            "127.0.0.1", "--host", help="Address to listen on. Others than this machine's own need a token first."
        ),
        port: int = typer.Option(7001, "--port", min=0, max=65535, help="Port to listen on; 0: any free one."),
        no_worker: bool = typer.Option(False, "--no-worker", help="Start no worker: jobs wait for one elsewhere."),
        allow_host: Annotated[
            list[str] | None, typer.Option(help="A further name by which the service may be called.")
        ] = None,
        database: str = typer.Option(
            "", "--database", help="URL of the database; one with a password goes into REDRAFT_DATABASE instead."
        ),
        browser: Annotated[
            bool | None,
            typer.Option("--open/--no-open", help="Open a browser. Default: on a terminal with a screen."),
        ] = None,
        show_link: bool = typer.Option(
            True,
            "--link/--no-link",
            help="Print a link that signs a browser in. Not where logs are kept.",
        ),
        log: str = typer.Option("auto", "--log", help="json, lines, or auto: lines on a terminal."),
    ) -> None:
        """Serve the API and the pages of this state folder, and start a worker for its jobs."""
        if log not in ("auto", "json", "lines"):
            raise UsageError(
                "this form of log is not known", where=f"--log {log}", remedy="Give json, lines or auto"
            )
        if database and urlsplit(database).password:
            raise UsageError(
                "a password must not stand in a command's arguments, which others can read",
                where="--database",
                remedy="Put the URL into the variable REDRAFT_DATABASE",
            )
        names = [*(allow_host or []), *os.environ.get("REDRAFT_ALLOWED_HOSTS", "").replace(",", " ").split()]
        # By name: the web room and the command line stand side by side.
        settings = import_module("redraft.web.settings").Settings(
            host=host, port=port, worker=not no_worker, allowed_hosts=tuple(names), database=database or None
        )
        import_module("redraft.web.serving").serve(
            settings,
            say=lambda line: typer.echo(line, err=True),
            browser=_has_screen() if browser is None else browser,
            json_logs=None if log == "auto" else log == "json",
            show_link=show_link,
        )


def _has_screen() -> bool:
    """Whether a person sits before this terminal, and a browser would open on their screen."""
    if not sys.stderr.isatty() or os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))
