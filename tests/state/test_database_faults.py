"""What is wrong with a database is one sentence that says where and what to do, and never a password."""

from __future__ import annotations

import os
import pwd
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from databases import PostgreSQL
from redraft.core.errors import OutputError, StateError, UsageError
from redraft.state.database import VARIABLE, Database
from redraft.state.places import DATABASE
from redraft.state.tables import Event, Job, Model


def sentence(error: pytest.ExceptionInfo[Exception]) -> str:
    told = str(error.value)
    assert "\n" not in told and "sqlalche" not in told and "Traceback" not in told
    return told


def job(**values: object) -> Job:
    return Job(**{"id": "job-1", "kind": "check", "payload": {}, "created_at": 1.0, "updated_at": 1.0, **values})


def test_a_file_that_is_no_database(state_home: Path) -> None:
    (state_home / DATABASE).write_text("This was a letter to somebody.\n" * 200)
    with pytest.raises(StateError) as error:
        Database.open()
    assert "no database of redraft. Move it away, then run `redraft db sync`" in sentence(error)
    assert (state_home / DATABASE).read_text().startswith("This was a letter"), "it is left as it is"


def test_a_damaged_database(sqlite_database: Database, state_home: Path) -> None:
    with sqlite_database.write() as session:
        session.add_all(job(id=f"job-{n}", title="x" * 190) for n in range(200))
    sqlite_database.close()
    path = state_home / DATABASE
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)  # all but the first page
    path.write_bytes(data)
    with pytest.raises(StateError, match="the database is damaged"):
        Database.open()


def test_a_cut_database(sqlite_database: Database, state_home: Path) -> None:
    with sqlite_database.write() as session:
        session.add_all(job(id=f"job-{n}", title="x" * 190) for n in range(200))
    sqlite_database.close()
    path = state_home / DATABASE
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StateError, match="the database is damaged"):
        Database.open()


def test_damage_that_only_a_reader_meets(sqlite_database: Database, state_home: Path) -> None:
    with sqlite_database.write() as session:
        session.add_all(job(id=f"job-{n}", title="x" * 190) for n in range(200))
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'job'"
        page = session.scalar(text(sql))
    sqlite_database.close()
    path = state_home / DATABASE
    data = bytearray(path.read_bytes())
    data[4096 * (page - 1) : 4096 * page] = b"\xa5" * 4096
    path.write_bytes(data)
    database = Database.open()
    with pytest.raises(StateError, match="the database is damaged"), database.read() as session:
        session.scalars(select(Job)).all()
    database.close()


def test_a_locked_database_is_waited_for_and_then_said(sqlite_database: Database, state_home: Path) -> None:
    other = sqlite3.connect(state_home / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    impatient = Database.open(patience=0.2)
    with impatient.read() as session:
        assert session.scalars(select(Model.id)).first(), "reading goes on while another writes"
    with pytest.raises(StateError) as error, impatient.write():
        pass
    assert "another process has locked the database" in sentence(error)
    other.execute("COMMIT")
    with impatient.write() as session:
        session.add(job())
    impatient.close()
    other.close()


def test_a_database_that_is_locked_as_a_whole(sqlite_database: Database, state_home: Path) -> None:
    sqlite_database.close()
    other = sqlite3.connect(state_home / DATABASE, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("UPDATE model SET owner = owner")
    with pytest.raises(StateError, match="another process has locked the database"):
        Database.open(patience=0.2)
    other.close()


def test_a_home_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(StateError, match=r"the state folder cannot be made.*Set REDRAFT_HOME"):
        Database.open()


@pytest.fixture
def folder_of_another() -> Iterator[Path]:
    """A folder that may be looked into, but not written to, by the user of `as_nobody`."""
    folder = Path(tempfile.mkdtemp(prefix="redraft-", dir="/tmp"))
    yield folder
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


class as_nobody:
    """Where the tests run as root, which may write everywhere, the block runs as another user."""

    def __enter__(self) -> None:
        if os.geteuid() == 0:
            os.seteuid(pwd.getpwnam("nobody").pw_uid)

    def __exit__(self, *_: object) -> None:
        if os.getuid() == 0:
            os.seteuid(0)


def test_a_folder_that_is_not_writable(folder_of_another: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    folder_of_another.chmod(0o555)
    monkeypatch.setenv("REDRAFT_HOME", str(folder_of_another))
    with as_nobody(), pytest.raises(StateError) as error:
        Database.open()
    assert "cannot be opened or made. Set REDRAFT_HOME to a folder that you may write to" in sentence(error)
    monkeypatch.setenv("REDRAFT_HOME", str(folder_of_another / "deeper"))
    with as_nobody(), pytest.raises(StateError, match="the state folder cannot be made"):
        Database.open()


def test_a_database_that_is_not_writable(folder_of_another: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("REDRAFT_HOME", str(folder_of_another))
    Database.open().close()
    (folder_of_another / DATABASE).chmod(0o444)
    folder_of_another.chmod(0o555)
    with as_nobody(), pytest.raises(StateError) as error:
        database = Database.open()
        with database.write() as session:
            session.add(job())
    assert "Set REDRAFT_HOME to a folder that you may write to" in sentence(error)


def test_a_full_disk_undoes_the_whole_and_is_said(sqlite_database: Database) -> None:
    with sqlite_database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
    sqlite_database.close()

    limited = Database.open()
    with pytest.raises(OutputError) as error, limited.write() as session:
        session.connection().exec_driver_sql(f"PRAGMA max_page_count={pages + 4}")  # as a disk with so much room
        session.add_all(job(id=f"job-{n}", title="x" * 190) for n in range(400))
    assert "the disk of the database is full. Free some space" in sentence(error)
    limited.close()
    database = Database.open()
    with database.write() as session:
        assert session.scalars(select(Job.id)).all() == []
        session.add(job())
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@host/name",
        "postgresql://me:secret@host",
        "postgresql://me:secret@host:port/name",
        "secret",
        "sqlite://",
        "postgresql+asyncpg://me:secret@host/name",
    ],
)
def test_a_url_of_no_database_of_ours(url: str, state_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(StateError) as error:
        Database.open()
    assert "REDRAFT_DATABASE" in sentence(error) and "secret" not in sentence(error)


@pytest.mark.postgresql
def test_a_wrong_password(postgresql: PostgreSQL, state_home: Path) -> None:
    postgresql.sql("DROP ROLE IF EXISTS locked")
    postgresql.sql("CREATE ROLE locked LOGIN PASSWORD 'right'")
    url = postgresql.fresh(empty=True).replace("redraft@", "locked:wrong-one@")
    for wrong in (url, url.replace(":wrong-one@", "@") + "&password=wrong-one"):
        with pytest.raises(StateError) as error:
            Database.open(wrong)
        assert "refuses this user or password. Correct the URL in REDRAFT_DATABASE" in sentence(error)
        assert "wrong-one" not in sentence(error)
    with pytest.raises(StateError, match="this user may not use the database"):
        Database.open(url.replace("wrong-one", "right"))  # since version 15 others may not make tables in `public`
    postgresql.drop(url)


@pytest.mark.postgresql
def test_a_database_or_server_that_is_not_there(postgresql: PostgreSQL, state_home: Path) -> None:
    with pytest.raises(StateError, match="the server knows no such database or user"):
        Database.open(postgresql.url("absent"))
    for nowhere in ("postgresql://me:secret@127.0.0.1:9/x", "postgresql://me:secret@/x?host=/nowhere"):
        with pytest.raises(StateError) as error:
            Database.open(nowhere)
        assert "cannot be reached" in sentence(error) and "secret" not in sentence(error)


@pytest.mark.postgresql
def test_a_server_that_goes_and_comes_back(postgresql: PostgreSQL, postgresql_database: Database) -> None:
    with postgresql_database.write() as session:
        session.add(job())
    with pytest.raises(StateError), postgresql_database.write() as session:
        session.scalars(select(Job)).all()
        postgresql.server.send_signal(signal.SIGINT)  # its fast end: connections are cut
        postgresql.server.wait(30)
        session.add(job(id="job-2"))
    try:
        with pytest.raises(StateError, match="cannot be reached"), postgresql_database.read() as session:
            session.scalars(select(Job)).all()
    finally:
        postgresql.server = postgresql.start()
    with postgresql_database.read() as session:
        assert session.scalars(select(Job.id)).all() == ["job-1"], "what was committed, and no more"


@pytest.mark.postgresql
def test_a_database_without_all_characters(postgresql: PostgreSQL, state_home: Path) -> None:
    postgresql.sql("CREATE DATABASE narrow ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(StateError, match="cannot hold all characters"):
        Database.open(postgresql.url("narrow"))
    postgresql.drop(postgresql.url("narrow"))


@pytest.mark.parametrize("title", ["half \ud83d", "a\x00b"])
def test_text_that_no_database_keeps(database: Database, title: str) -> None:
    if database.is_sqlite and "\x00" in title:
        with database.write() as session:
            session.add(job(title=title))
        with database.read() as session:
            assert session.scalar(select(Job.title)) == title
        return
    with pytest.raises(UsageError), database.write() as session:
        session.add(job(title=title))


def test_a_mistake_of_ours_is_no_fault_of_the_database(database: Database) -> None:
    with pytest.raises(Exception, match=r"no such table|does not exist") as error, database.read() as session:
        session.execute(text("SELECT * FROM nothing_of_the_kind"))
    assert not isinstance(error.value, StateError)


def test_no_writer_is_lost_among_processes(database: Database) -> None:
    code = """if True:
        from redraft.state.database import Database
        from redraft.state.tables import Event
        database = Database.open()
        for number in range(25):
            with database.write() as session:
                last = session.query(Event).count()
                session.add(Event(kind="log", data={"last": last}, at=1.0))
        """
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(process.communicate(timeout=120)[1], process.returncode) for process in started] == [("", 0)] * 2
    with database.read() as session:
        seen = [data["last"] for data in session.scalars(select(Event.data).order_by(Event.id))]
    assert len(seen) == 50
    if database.is_sqlite:
        assert seen == list(range(50)), "each saw all that were before it"
