"""Runs the server until it is asked to stop."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator

import uvicorn

from redraft.core.errors import UsageError
from redraft.core.home import home
from redraft.queue.served import forget_serving, note_serving
from redraft.state.access.codes import issue_code
from redraft.state.access.token import ensure_token
from redraft.state.database import Database
from redraft.web.app import create_app
from redraft.web.logs import set_up_logs
from redraft.web.service import Service
from redraft.web.settings import Settings
from redraft.web.starting import bind, check_reach

KEEP_ALIVE = 75
"""Seconds that an idle connection stays open; longer than those of usual proxies."""
MOST_AT_ONCE = 4000
"""Connections; further ones are answered 503."""


def serve(
    settings: Settings,
    *,
    say: Callable[[str], None],
    browser: bool = False,
    json_logs: bool | None = None,
    show_link: bool = True,
) -> None:
    """Checks everything that can be wrong, then serves until SIGTERM or Ctrl-C.

    say: gets each line for a person. browser: open one when the server answers. show_link: tell a link that
    signs a browser in, which no log should keep. Raises UsageError or StateError before anything has begun.
    """
    check_reach(settings)
    listening = bind(settings)
    with contextlib.closing(listening):
        settings = dataclasses.replace(settings, port=listening.getsockname()[1])
        ensure_token()
        Database.open(settings.database).close()
        set_up_logs(as_json=json_logs)
        app = create_app(settings)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(settings.drain),
            limit_concurrency=MOST_AT_ONCE,
            ws="none",
        )
        url = address(settings)
        server = _Server(
            config, lambda: _announce(settings, url, say, browser, show_link), lambda: app.state.service
        )
        try:
            with _ends_in_order():
                server.run(sockets=[listening])
        finally:
            forget_serving()
        if not server.was_ready:
            raise UsageError("the server did not start", where=url, remedy="Its last log lines say why")


def address(settings: Settings) -> str:
    """The URL that a browser on this machine opens."""
    host = settings.host
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1" if host != "::" else "::1"
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def link(url: str) -> str:
    """A link that opens a session in one browser, once."""
    return f"{url}/?code={issue_code()}"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], service: Callable[[], Service]) -> None:
        super().__init__(config)
        self._ready, self._service = ready, service
        self.was_ready = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.was_ready = True
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams end themselves first: the server waits for open answers before it ends the application."""
        if self.was_ready:
            self._service().stopping.set()
        await super().shutdown(sockets=sockets)


def _announce(settings: Settings, url: str, say: Callable[[str], None], browser: bool, show_link: bool) -> None:
    note_serving(url, settings.host, settings.port)
    say(f"redraft serves {home()} at {url}")
    if show_link:
        say(f"Open it in a browser, once, within 15 minutes: {link(url)}")
    another = "Another link" if show_link else "A link that opens it in a browser"
    say(f"{another}: redraft token --link. Ctrl-C stops the server; jobs that run go on.")
    if browser:
        threading.Thread(target=webbrowser.open, args=[link(url)], daemon=True).start()


@contextlib.contextmanager
def _ends_in_order() -> Iterator[None]:
    """The server ends its answers when it is asked to stop, and raises the signal again when it has: that one only
    says what is known, so the command ends well."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.stderr.flush()
