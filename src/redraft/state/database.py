"""The database: SQLite in the state folder, or PostgreSQL by URL (REDRAFT_DATABASE)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from redraft.state.engine import CLOCK, VARIABLE, find_url, make_engine
from redraft.state.faults import explained, locked
from redraft.state.versions import bring_up

__all__ = ["PATIENCE", "VARIABLE", "Database"]

PATIENCE = 10.0
"""Seconds to wait for another writer of a SQLite database."""


class Database:
    """Open it once a process; it is safe to use from several threads."""

    def __init__(self, engine: Engine, patience: float = PATIENCE) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._patience, self._line = patience, threading.Lock()

    @classmethod
    def open(cls, url: str | None = None, *, patience: float = PATIENCE) -> Database:
        """The database of `url`, of REDRAFT_DATABASE, or of the state folder.

        A new or empty one gets its tables and the catalogue of base models; one of an older version is brought
        up to this one. StateError where it cannot be reached, is locked for longer than `patience` seconds, is
        damaged, not writable, or of a newer version.
        """
        found = find_url(url)
        engine = make_engine(found, patience)
        try:
            with explained(found):
                bring_up(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, patience)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent state; nothing is written."""
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with explained(self.engine.url), self._session() as session:
            session.connection(execution_options=options)
            yield session
            session.expunge_all()  # what was read stays readable; a rollback would forget it
            session.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are durable when the block ends well, and undone when it does not.

        On SQLite there is one writer at a time: keep the block short, and do no other work in it.
        """
        options = {"immediate": True} if self.is_sqlite else {}
        with explained(self.engine.url), self._in_line(), self._session() as session:
            session.connection(execution_options=options)
            yield session
            session.commit()

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        """SQLite's writers ask for its one lock again and again, and an unlucky one never gets it. Those of one
        process stand in line here before, and wake each other."""
        if not self.is_sqlite:
            yield
            return
        if not self._line.acquire(timeout=self._patience):
            raise locked(self.engine.url)
        try:
            yield
        finally:
            self._line.release()

    def _session(self) -> Session:
        # `info` leads from a session back to its database, and so to the database's clock
        return Session(self.engine, expire_on_commit=False, info={"database": self})

    def now(self, session: Session) -> float:
        """Seconds since 1970 by the database's own clock, to the millisecond; it goes on inside a transaction."""
        return float(session.scalar(text(CLOCK[self.engine.dialect.name])) or 0.0)

    def close(self) -> None:
        self.engine.dispose()
