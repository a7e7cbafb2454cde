"""What a database holds and whether it is sound."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from redraft.state.database import Database
from redraft.state.engine import shown
from redraft.state.tables import Dataset, Event, Job, Model, Run, Table
from redraft.state.versions import version

COUNTED: dict[str, type[Table]] = {"jobs": Job, "datasets": Dataset, "runs": Run, "models": Model, "events": Event}


def status(database: Database) -> dict[str, Any]:
    """{engine, where, version, bytes, rows, damage}. damage: what the database's own check found, [] where it is
    sound; PostgreSQL looks after itself. Takes a second for each gigabyte or so."""
    with database.read() as session:
        release = session.scalar(text("SELECT sqlite_version()" if database.is_sqlite else "SHOW server_version"))
        return {
            "engine": f"{'SQLite' if database.is_sqlite else 'PostgreSQL'} {str(release).split()[0]}",
            "where": shown(database.engine.url),
            "version": version(session.connection()),
            "bytes": _bytes(session, database.is_sqlite),
            "rows": {
                name: session.scalar(select(func.count()).select_from(table)) for name, table in COUNTED.items()
            },
            "damage": _damage(session) if database.is_sqlite else [],
        }


def _bytes(session: Session, is_sqlite: bool) -> int:
    if not is_sqlite:
        return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    pages, size = (session.scalar(text(f"PRAGMA {name}")) or 0 for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _damage(session: Session) -> list[str]:
    found = [str(row[0]) for row in session.execute(text("PRAGMA quick_check(20)"))]
    return [] if found == ["ok"] else found
