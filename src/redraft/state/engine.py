"""Connections: to a SQLite file, or to a PostgreSQL server by URL.

Writes on SQLite take the write lock at their beginning (BEGIN IMMEDIATE), so that a transaction that has read
never fails when it writes; every commit is flushed to the disk (synchronous FULL, journal WAL).
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from pydantic_core import from_json  # several times as fast on small documents, of which rows are full
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from redraft.core.errors import StateError
from redraft.core.home import home
from redraft.state.documents import as_text
from redraft.state.places import DATABASE

VARIABLE = "REDRAFT_DATABASE"
"""Holds the URL of a PostgreSQL database. Its password goes to no log, row or argument."""
POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")
CLOCK = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT extract(epoch from clock_timestamp())",
}
"""Asks a database for the seconds since 1970 by its own clock; by dialect."""
DOCUMENTS: dict[str, Any] = {"json_serializer": as_text, "json_deserializer": from_json}
"""How JSON columns are written and read."""
CONNECT_TIMEOUT = 10
"""Seconds to wait for a PostgreSQL server to answer, unless the URL says otherwise."""


def find_url(url: str | None = None) -> URL:
    """The URL given, that of REDRAFT_DATABASE, or the SQLite file in the state folder, which is made.

    StateError for a URL of another kind of database, or a folder that cannot be made.
    """
    text = url or os.environ.get(VARIABLE, "").strip()
    if not text:
        _make(home())
        return URL.create("sqlite", database=str(home() / DATABASE))
    try:
        found = make_url(text)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        found = None
    # The URL itself may hold a password: the error never repeats it.
    if found is None or found.drivername not in (*POSTGRESQL, "sqlite") or (not found.database):
        raise StateError(
            "this is no URL of a database that redraft uses",
            where=VARIABLE,
            remedy="Give postgresql://USER:PASSWORD@HOST:5432/NAME, or unset it for a file in the state folder",
        )
    return found.set(drivername="postgresql+psycopg") if found.drivername in POSTGRESQL else found


def make_engine(url: URL, patience: float) -> Engine:
    """patience: seconds that a write waits for another writer of a SQLite file."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, pool_size=10, max_overflow=30, connect_args={"timeout": patience}, **DOCUMENTS)
        event.listen(engine, "connect", lambda connection, record: _set_up(connection, patience))
        event.listen(engine, "begin", _begin)
        return engine
    settings: dict[str, Any] = {"application_name": "redraft"}
    if "connect_timeout" not in url.query:
        settings["connect_timeout"] = CONNECT_TIMEOUT
    return create_engine(url, pool_size=5, max_overflow=15, pool_pre_ping=True, connect_args=settings, **DOCUMENTS)


def shown(url: URL) -> str:
    """Where a database is, for an error: never a password, which may stand in a URL's query too."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or url.query.get("host") or "the local socket"
    return f"PostgreSQL database '{url.database}' at {host}" + (f":{url.port}" if url.port else "")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the state folder cannot be made ({error.strerror})",
            where=str(folder),
            remedy="Set REDRAFT_HOME to a folder that you may write to",
        ) from None


def _set_up(connection: sqlite3.Connection, patience: float) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
    _write_ahead(connection, patience)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Switches a new file to the write-ahead log; the file remembers it."""
    deadline = time.monotonic() + patience
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
            if mode != "wal":
                mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            # Two processes that open a new file at once: SQLite does not wait here, whatever its busy timeout.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    if mode != "wal":
        raise StateError(
            "the state folder lies on a file system on which SQLite cannot share a database",
            remedy=f"Set REDRAFT_HOME to a folder on a local disk, or {VARIABLE} to a PostgreSQL database",
        )


def _begin(connection: Any) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
