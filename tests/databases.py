"""The databases that tests run on: SQLite in a folder, and a PostgreSQL server that is started for them.

`database` gives each test a fresh one of either kind, with the catalogue of base models as its only rows and
REDRAFT_HOME in a folder of its own, so that processes which the test starts find the same. The server listens on a
socket in its own folder alone, and it ends with the process that runs the tests, also when that is killed.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import psycopg
import pytest

from redraft.state.database import VARIABLE, Database
from redraft.state.places import DATABASE
from redraft.state.tables import Table

WAYS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
FOLDERS = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt")
SETTINGS = {
    "listen_addresses": "",  # the socket alone: no port to collide with
    "fsync": "off",  # these tests kill our processes, never the machine
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "timezone": "UTC",
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "postgresql: needs the PostgreSQL server's programs (make setup installs them)"
    )


def programs() -> Path:
    """The folder of `initdb` and `postgres`; the newest version where there are several."""
    found = shutil.which("postgres")
    folders = [path.parent for root in FOLDERS for path in Path(root).glob("*/bin/postgres")]
    if found and Path(found).with_name("initdb").exists():
        folders.append(Path(found).parent)
    if not folders:
        pytest.fail(
            "the tests of the state start a PostgreSQL server, and its programs are not here. Run `make setup`, "
            "or install the package postgresql; `-m 'not postgresql'` leaves these tests out.",
            pytrace=False,
        )
    return max(
        folders,
        key=lambda folder: [int(part) for part in folder.parent.name.split("-")[-1].split(".") if part.isdigit()],
    )


class PostgreSQL:
    """A server of our own with trust for everybody on its socket, but a password for the user `locked`."""

    def __init__(self) -> None:
        # Short, since the path of a socket has at most 107 bytes; and not under pytest's folder, which is closed
        # to the user that the server must run as where we are root.
        self.folder = Path(tempfile.mkdtemp(prefix="redraft-pg-", dir="/tmp"))
        self.count = itertools.count(1)
        self.as_user: dict[str, object] = {}
        if os.geteuid() == 0:
            names = [user.pw_name for user in pwd.getpwall()]
            user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.data = self.folder / "data"
        self._run(
            "initdb", "-D", self.data, "-U", "redraft", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"
        )
        (self.data / "pg_hba.conf").write_text("local all locked scram-sha-256\nlocal all all trust\n")
        self.server = self.start()

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [programs() / program, *map(str, arguments)],
            cwd="/",
            capture_output=True,
            text=True,
            **self.as_user,  # type: ignore[arg-type]
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> subprocess.Popen[bytes]:
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            server = subprocess.Popen(
                [programs() / "postgres", "-D", self.data, "-k", self.folder, *options],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,
                **self.as_user,  # type: ignore[arg-type]
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return server
            except psycopg.OperationalError:
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail((self.folder / "log").read_text(), pytrace=False)
                time.sleep(0.02)

    def url(self, name: str, user: str = "redraft") -> str:
        return f"postgresql://{user}@/{name}?host={self.folder}"

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    @cached_property
    def template(self) -> str:
        """A database with our tables and no rows; a copy of it takes a hundredth of a second."""
        self.sql("CREATE DATABASE template_redraft")
        Database.open(self.url("template_redraft")).close()
        return "template_redraft"

    def fresh(self, *, empty: bool = False) -> str:
        """The URL of a new database: with our tables, or `empty` of everything."""
        name = f"test_{next(self.count)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {'template1' if empty else self.template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.split("@/")[1].split("?")[0]
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        self.server.send_signal(signal.SIGQUIT)  # at once; there is nothing to keep
        self.server.wait(30)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def end_with_parent() -> None:
    """On Linux the server ends at once when the process that runs the tests does, however that happens."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The server. Tests that stop it must start it again: `postgresql.server = postgresql.start()`."""
    server = PostgreSQL()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables and no rows."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    Database.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own, named by REDRAFT_HOME."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("REDRAFT_HOME", str(folder))
    monkeypatch.delenv(VARIABLE, raising=False)
    return folder


@pytest.fixture
def make_database(
    request: pytest.FixtureRequest, state_home: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Database]]:
    """make_database("sqlite" or "postgresql") opens a fresh one, which is then this test's state."""
    ends: list[Callable[[], None]] = []

    def make(way: str) -> Database:
        if way == "sqlite":
            shutil.copyfile(sqlite_template, state_home / DATABASE)
        else:
            server: PostgreSQL = request.getfixturevalue("postgresql")
            url = server.fresh()
            ends.append(lambda: server.drop(url))
            monkeypatch.setenv(VARIABLE, url)
        database = Database.open()
        ends.append(database.close)
        return database

    yield make
    for end in reversed(ends):
        end()


@pytest.fixture(params=WAYS)
def database(request: pytest.FixtureRequest, make_database: Callable[[str], Database]) -> Database:
    """A fresh database: this test runs once on SQLite and once on PostgreSQL."""
    return make_database(request.param)


@pytest.fixture
def sqlite_database(make_database: Callable[[str], Database]) -> Database:
    """A fresh SQLite database, for tests in which the kind of database makes no difference."""
    return make_database("sqlite")


@pytest.fixture
def postgresql_database(make_database: Callable[[str], Database]) -> Database:
    """A fresh PostgreSQL database."""
    return make_database("postgresql")


def emptied(database: Database) -> Database:
    """The same database without a row: for the many examples of one property."""
    with database.write() as session:
        for table in reversed(Table.metadata.sorted_tables):
            session.execute(table.delete())
    return database
