"""Which version a database's tables have, and the way up to this redraft's.

The version stands in a table of its own, `redraft_version`, so that a PostgreSQL database may hold other tables.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from redraft.core.errors import StateError
from redraft.state.engine import CLOCK, shown
from redraft.state.tables import Table

HEAD = "0001"
"""The version of tables.py. Tests hold it against the newest migration, and the migrations against the tables."""
VERSION_TABLE = "redraft_version"
MIGRATIONS = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x72656472616674
"""PostgreSQL's lock by number under which one process at a time changes the tables: "redraft" in ASCII."""


def bring_up(engine: Engine) -> str | None:
    """Gives an empty database its tables and the catalogue, and brings an older one up to this version.

    The version it had before: None for an empty one. A SQLite file of an older version is copied first, to
    <name>.<version>.saved beside it. StateError for a newer version, or tables that are not ours.
    """
    with engine.connect() as connection:
        if version(connection) == HEAD:
            return HEAD
        connection.rollback()
    with engine.connect().execution_options(immediate=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        before = version(connection)  # another process may have been first
        if before != HEAD:
            from redraft.state.catalogue import fill  # what a database that has its tables never loads

            _check(connection, engine, before)
            _upgrade(connection)
            fill(connection, float(connection.scalar(text(CLOCK[engine.dialect.name])) or 0.0))
        return before


def version(connection: Connection) -> str | None:
    """The version of a database's tables; None where it holds none of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return str(connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")))


def _check(connection: Connection, engine: Engine, before: str | None) -> None:
    where = shown(engine.url)
    if before is None:
        foreign = sorted(set(inspect(connection).get_table_names()) & set(Table.metadata.tables))
        if foreign:
            raise StateError(
                f"the database holds a table '{foreign[0]}' that redraft did not make",
                where=where,
                remedy="Give a database of its own",
            )
        if engine.dialect.name == "postgresql" and connection.scalar(text("SHOW server_encoding")) != "UTF8":
            raise StateError(
                "this database cannot hold all characters",
                where=where,
                remedy="Make it anew: createdb --encoding UTF8 --template template0 NAME",
            )
    elif before not in _known():
        raise StateError(
            f"the database has version {before}, and this redraft knows up to {HEAD}",
            where=where,
            remedy="Install the newer redraft again, or set REDRAFT_HOME to another folder",
        )
    elif engine.dialect.name == "sqlite":
        _save(Path(str(engine.url.database)), before)


def _known() -> set[str]:
    return {path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py")}


def _save(path: Path, before: str) -> None:
    """A copy as of now; a second reader beside the write lock that is held sees the last committed state."""
    source, target = sqlite3.connect(path), sqlite3.connect(path.with_name(f"{path.name}.{before}.saved"))
    with source, target:
        source.backup(target)
    source.close()
    target.close()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
