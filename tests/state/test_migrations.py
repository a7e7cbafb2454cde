"""The migrations make the tables that the code knows, on both databases, and one process at a time runs them."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, select, text

from databases import WAYS, PostgreSQL
from redraft.core.errors import StateError
from redraft.state import versions
from redraft.state.database import VARIABLE, Database
from redraft.state.tables import Job, Table

CONSTRAINTS = """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace"""
COLUMNS = """SELECT table_name, column_name, data_type, is_nullable, character_maximum_length
    FROM information_schema.columns WHERE table_schema = 'public'"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
OBJECTS = "SELECT type, name, sql FROM sqlite_master"


@pytest.fixture(params=WAYS)
def empty_url(request: pytest.FixtureRequest, state_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a database without any table; it is this test's state."""
    if request.param == "sqlite":
        yield f"sqlite:///{state_home / 'redraft.sqlite'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.fresh(empty=True)
    monkeypatch.setenv(VARIABLE, url)
    yield url
    server.drop(url)


def engine_of(url: str) -> Engine:
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def described(connection: Connection) -> set[tuple[object, ...]]:
    """Every table, column, index and constraint as the database itself tells it."""
    if connection.dialect.name == "sqlite":
        # the parts between the brackets in any order: a migration writes constraints in another one
        return {
            (
                kind,
                name,
                *sorted(part.strip() for part in (sql or "()").partition("(")[2].rpartition(")")[0].split(", \n")),
            )
            for kind, name, sql in map(tuple, connection.execute(text(OBJECTS)))
            if versions.VERSION_TABLE not in name
        }
    rows = [tuple(row) for sql in (CONSTRAINTS, COLUMNS, INDEXES) for row in connection.execute(text(sql))]
    return {row for row in rows if versions.VERSION_TABLE not in str(row)}


def test_migrations_make_the_tables_of_the_code(empty_url: str) -> None:
    Database.open(empty_url).close()
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        migrated = described(connection)
        Table.metadata.drop_all(connection)
        assert not any("job" in str(row) for row in described(connection))
        Table.metadata.create_all(connection)
        assert migrated == described(connection)
    engine.dispose()


def test_alembic_sees_no_difference(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": versions.VERSION_TABLE})
        assert compare_metadata(context, Table.metadata) == []


def test_the_version_is_that_of_the_newest_migration(database: Database) -> None:
    newest = max(path.name[:4] for path in (versions.MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    with database.engine.connect() as connection:
        assert versions.version(connection) == newest == versions.HEAD


def test_processes_that_open_a_new_database_at_once(empty_url: str, state_home: Path) -> None:
    code = "from redraft.state.database import Database; Database.open().close()"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in started] == [("", 0)] * 3
    database = Database.open(empty_url)
    with database.read() as session:
        assert session.scalars(select(Job)).all() == []
    database.close()


def test_a_newer_database_is_refused_and_left_as_it_is(empty_url: str) -> None:
    database = Database.open(empty_url)
    with database.write() as session:
        session.execute(text(f"UPDATE {versions.VERSION_TABLE} SET version_num = '0999'"))
    database.close()
    with pytest.raises(StateError, match=r"version 0999, and this redraft knows up to .*Install the newer"):
        Database.open(empty_url)
    engine = engine_of(empty_url)
    with engine.connect() as connection:
        assert versions.version(connection) == "0999"
    engine.dispose()


def test_tables_of_somebody_else_are_refused(empty_url: str) -> None:
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE job (mine INTEGER)"))
    with pytest.raises(StateError, match="a table 'job' that redraft did not make"):
        Database.open(empty_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM job")) == 0
    engine.dispose()


NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0900"
down_revision = "{head}"


def upgrade() -> None:
    with op.batch_alter_table("job") as job:
        job.add_column(sa.Column("colour", sa.String(12), server_default="red", nullable=False))
        job.alter_column("title", type_=sa.String(300))
    {last}
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this redraft one whose tables are a version further: a column more, and a wider one."""

    def write(last: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(versions.MIGRATIONS, folder)
        (folder / "versions" / "0900_next.py").write_text(NEXT.format(head=versions.HEAD, last=last))
        monkeypatch.setattr(versions, "MIGRATIONS", folder)
        monkeypatch.setattr(versions, "HEAD", "0900")

    return write


def test_an_older_database_is_brought_up_with_its_rows(
    database: Database, next_version: Callable[[str], None], state_home: Path
) -> None:
    before = versions.HEAD
    with database.write() as session:
        session.add(Job(id="job-1", kind="check", title="old", payload={}, created_at=1.0, updated_at=1.0))
    database.close()
    next_version("pass")
    newer = Database.open()
    with newer.read() as session:
        assert session.execute(text("SELECT title, colour FROM job")).all() == [("old", "red")]
    newer.close()
    if database.is_sqlite:
        saved = sqlite3.connect(state_home / f"redraft.sqlite.{before}.saved")
        assert saved.execute("SELECT version_num FROM redraft_version").fetchall() == [(before,)]
        assert saved.execute("SELECT title FROM job").fetchall() == [("old",)]
        saved.close()


def test_a_migration_that_fails_changes_nothing(database: Database, next_version: Callable[[str], None]) -> None:
    before = versions.HEAD
    next_version("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        Database.open()
    with database.engine.connect() as connection:
        assert versions.version(connection) == before
        assert "colour" not in str(connection.execute(text("SELECT * FROM job")).keys())
