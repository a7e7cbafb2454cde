"""The database: SQLite in the state folder, or PostgreSQL by URL (REDRAFT_DATABASE).

Writes on SQLite take the write lock at their beginning (BEGIN IMMEDIATE), so that a transaction that has read
never fails when it writes; every commit is flushed to the disk (synchronous FULL, journal WAL).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session

from redraft.core.home import home
from redraft.state.places import DATABASE
from redraft.state.tables import Table

VARIABLE = "REDRAFT_DATABASE"
"""Holds the URL of a PostgreSQL database. Its password goes to no log, row or argument."""
PATIENCE = 10.0
"""Seconds to wait for another writer of a SQLite database."""


class Database:
    """Open it once a process; it is safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"

    @classmethod
    def open(cls, url: str | None = None) -> Database:
        """The database of `url`, of REDRAFT_DATABASE, or of the state folder; a new or empty one gets its tables.

        StateError where it cannot be reached, is damaged, or is of another version than this redraft's.
        """
        url = url or os.environ.get(VARIABLE)
        if not url:
            home().mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{home() / DATABASE}"
        if url.startswith("postgresql://"):
            url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if engine.dialect.name == "sqlite":
            _set_up_sqlite(engine)
        Table.metadata.create_all(engine)
        return cls(engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent state; nothing is written."""
        with Session(self.engine, expire_on_commit=False, info={"database": self}) as session:
            yield session
            session.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are durable when the block ends well, and undone when it does not."""
        with Session(self.engine, expire_on_commit=False, info={"database": self}) as session:
            if self.is_sqlite:
                session.connection(execution_options={"immediate": True})
            yield session
            session.commit()

    def now(self, session: Session) -> float:
        """Seconds since 1970 by the database's own clock."""
        clock = (
            "(julianday('now') - 2440587.5) * 86400.0"
            if self.is_sqlite
            else "extract(epoch from clock_timestamp())"
        )
        return float(session.scalar(text(f"SELECT {clock}")) or 0.0)

    def close(self) -> None:
        self.engine.dispose()


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def settings(connection, record) -> None:  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={int(PATIENCE * 1000)}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection) -> None:  # type: ignore[no-untyped-def]
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
