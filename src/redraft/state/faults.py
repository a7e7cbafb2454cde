"""What a database's errors mean to a person: one sentence each, and what to do.

What is a mistake in a statement of ours stays as it is; it is a bug.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from redraft.core.errors import Paused, RedraftError, StateError, UsageError
from redraft.state.engine import VARIABLE, shown

FULL = "Free some space; what was saved before is whole"
OTHER_HOME = "Set REDRAFT_HOME to a folder that you may write to"
SQLITE = {
    sqlite3.SQLITE_BUSY: ("another process has locked the database", "Try again; end the process that holds it"),
    sqlite3.SQLITE_LOCKED: ("another process has locked the database", "Try again; end the process that holds it"),
    sqlite3.SQLITE_NOTADB: ("this file is no database of redraft", "Move it away, then run `redraft db sync`"),
    sqlite3.SQLITE_CORRUPT: (
        "the database is damaged",
        "Copy a saved one back, or move it away and run `redraft db sync`",
    ),
    sqlite3.SQLITE_READONLY: ("the database is not writable", OTHER_HOME),
    sqlite3.SQLITE_PERM: ("the database is not writable", OTHER_HOME),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened or made", OTHER_HOME),
    sqlite3.SQLITE_IOERR: ("the disk of the database fails", "Look at the disk; then start again"),
}
"""By the primary result code of SQLite (the low byte): what happened, and the remedy."""
POSTGRESQL = (
    ("password", "the server refuses this user or password", f"Correct the URL in {VARIABLE}"),
    ("authentication", "the server refuses this user or password", f"Correct the URL in {VARIABLE}"),
    ("does not exist", "the server knows no such database or user", "Make it (`createdb`), or correct the URL"),
    ("too many", "the server has no connection left", "Raise its max_connections, or try again"),
    ("permission denied", "this user may not use the database", "Give it the right to make tables there"),
    ("starting up", "the server is starting", "Try again in a moment"),
)
"""By a part of the server's message (a connection that was refused has no code): what happened, and the remedy."""


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turns a database's errors inside the block into StateError, Paused (the disk is full) or UsageError
    (a value that it cannot keep). Broken constraints (IntegrityError) pass through: the caller judges them."""
    try:
        yield
    except PoolTimeout:
        raise StateError(
            "all connections to the database are in use", where=shown(url), remedy="Try again in a moment"
        ) from None
    except DBAPIError as error:
        meant = explain(error.orig, url)
        if meant is None and isinstance(error, DataError):
            meant = UsageError("a text or number here cannot be kept", remedy="Leave out what is no character")
        if meant is None:
            raise
        raise meant from error
    except UnicodeEncodeError as error:
        raise UsageError(
            "a text holds half a character (a lone surrogate)", remedy="Send the text as valid Unicode"
        ) from error


def locked(url: URL) -> StateError:
    """For a wait for the database's lock that was given up."""
    what, remedy = SQLITE[sqlite3.SQLITE_BUSY]
    return StateError(what, where=shown(url), remedy=remedy)


def explain(error: BaseException | None, url: URL) -> RedraftError | None:
    """None where it is no fault of the database's own."""
    if isinstance(error, sqlite3.DatabaseError):
        return _of_sqlite(error, url)
    if url.get_backend_name() == "sqlite":
        return None
    import psycopg  # loaded already: the error is one of its own

    if isinstance(error, psycopg.errors.DiskFull):
        return Paused("the disk of the database is full", where=shown(url), remedy=FULL)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.InsufficientPrivilege):
        return _of_postgresql(error, url)
    return None


def _of_sqlite(error: sqlite3.DatabaseError, url: URL) -> RedraftError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return Paused("the disk of the database is full", where=shown(url), remedy=FULL)
    if code in SQLITE:
        what, remedy = SQLITE[code]
        return StateError(what, where=shown(url), remedy=remedy)
    return None


def _of_postgresql(error: Exception, url: URL) -> RedraftError:
    message = str(error)
    for part, what, remedy in POSTGRESQL:
        if part in message:
            return StateError(what, where=shown(url), remedy=remedy)
    first = (message.splitlines() or ["no reason given"])[0].strip()
    return StateError(
        f"the database cannot be reached ({first})",
        where=shown(url),
        remedy=f"Start the server, or correct the URL in {VARIABLE}",
    )
