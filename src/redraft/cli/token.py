"""`redraft token`: the token of this state folder, and links that open a browser's session."""

from __future__ import annotations

from collections.abc import Callable

import typer

from redraft.core.errors import UsageError


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def token(
        new: bool = typer.Option(
            False, "--new", help="Replace it. Sessions of browsers and clients end with the old one."
        ),
        days: float | None = typer.Option(
            None, "--days", help="With --new: days until it expires. Default: never."
        ),
        link: bool = typer.Option(
            False, "--link", help="Print a link that signs one browser in, once, within 15 minutes."
        ),
        url: str = typer.Option(
            "", "--url", help="With --link: the address of the service as the browser knows it."
        ),
    ) -> None:
        """Print the token of the service, which API clients send. Makes it where there is none yet."""
        from redraft.queue.served import serving
        from redraft.state.access.codes import issue_code
        from redraft.state.access.token import ensure_token, make_token

        if days is not None and (not new or days <= 0):
            raise UsageError("a life is given to a new token, in days above 0", where="--days", remedy="Add --new")
        if url and not link:
            raise UsageError("an address belongs to a link", where="--url", remedy="Add --link")
        found = make_token(days=days) if new else ensure_token()
        if found.has_expired:
            raise UsageError("the token has expired", remedy="Make a new one with `redraft token --new`")
        if not link:
            typer.echo(found.value)
            return
        told = serving()
        if told is None and not url:
            typer.echo(
                "No server of this state folder runs on this machine now; the link is for its usual address.",
                err=True,
            )
        base = url or (told["url"] if told else "http://127.0.0.1:7001")
        typer.echo(f"{base.rstrip('/')}/?code={issue_code()}")
