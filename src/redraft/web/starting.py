"""What must hold before the server begins: a free address, and beyond this machine a token and both walls."""

from __future__ import annotations

import errno
import os
import socket

from redraft.core.errors import UsageError
from redraft.queue.served import serving
from redraft.state.access.token import read_token, token_file
from redraft.web.settings import Settings

BACKLOG = 2048
OPEN_FILES = 8192
"""Wanted at once: a connection is a file, and many systems give a process 1024 where it may have more."""


def bind(settings: Settings) -> socket.socket:
    """The listening socket. UsageError where the address is taken, unknown or not allowed."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise UsageError("this address is not known", where=settings.host, remedy="Correct --host") from error
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise _not_bound(settings, error) from error
    found.set_inheritable(False)
    _allow_connections()
    return found


def check_reach(settings: Settings) -> None:
    """Nothing is served with an expired token, and beyond this machine nothing without one made on purpose and
    the whole of both walls."""
    where = f"--host {settings.host}"
    token = read_token()
    if token is not None and token.has_expired:
        raise UsageError(
            "the token has expired", where=str(token_file()), remedy="Run `redraft token --new` first"
        )
    if settings.is_local:
        return
    if token is None:
        raise UsageError(
            "the service can be reached by others, and has no token",
            where=where,
            remedy=f"Run `redraft token` first, which writes {token_file()}, or serve on 127.0.0.1",
        )
    missing = missing_walls()
    if missing:
        raise UsageError(
            f"the walls around generated programs are not whole on this machine: {missing}",
            where=where,
            remedy="Serve on 127.0.0.1, or on Linux with Landlock and seccomp; `redraft doctor` says more",
        )


def missing_walls() -> str:
    """Which of the second wall's parts this machine lacks, tried in a process of its own; "" where it is whole."""
    from redraft.queue.local import LocalProcess

    process = LocalProcess("doctor.walls", {})
    for _ in process.events():
        pass
    return str(process.result().value["missing"])


def _allow_connections() -> None:
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _not_bound(settings: Settings, error: OSError) -> UsageError:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        told = serving()
        if told is not None and told["port"] == settings.port:
            return UsageError(
                "a server of this state folder runs there already",
                where=where,
                remedy="Print a link to it with `redraft token --link`, or stop it first",
            )
        return UsageError("the port is in use", where=where, remedy="Choose another with --port")
    if error.errno in (errno.EACCES, errno.EPERM):
        return UsageError(
            "this port is not allowed to you", where=where, remedy="Choose one above 1023 with --port"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError("this machine does not have this address", where=where, remedy="Correct --host")
    return UsageError(f"cannot listen ({error.strerror})", where=where, remedy="Correct --host or --port")
