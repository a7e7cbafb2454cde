"""The database keeps what a transaction has written whole, and nothing of one that failed; on both kinds."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from redraft.state import catalogue
from redraft.state.database import Database
from redraft.state.places import new_id
from redraft.state.status import status
from redraft.state.tables import Event, Job
from redraft.state.versions import HEAD


def a_job(**values: object) -> Job:
    return Job(id=new_id("job"), kind="check", payload={}, created_at=1.0, updated_at=1.0, **values)


def test_what_is_written_is_there_for_another(database: Database) -> None:
    with database.write() as session:
        session.add(a_job(title="Prüfung ✓"))
    other = Database.open()
    with other.read() as session:
        assert session.scalars(select(Job.title)).all() == ["Prüfung ✓"]
    other.close()


def test_a_failed_block_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(a_job())
        session.flush()
        1 / 0  # noqa: B018
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "asleep"},
        {"state": "running"},
        {"lease_owner": "w", "lease_expires_at": 2.0},
        {"state": "finished"},
        {"desired_state": "explode"},
        {"attempt": 2, "lease_token": 1},
    ],
)
def test_the_database_refuses_impossible_states(database: Database, wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(a_job(**wrong))


def test_the_clock_is_the_databases_own(database: Database) -> None:
    with database.write() as session:
        first = database.now(session)
        time.sleep(0.05)
        second = database.now(session)
    assert abs(first - time.time()) < 5
    assert 0.03 < second - first < 5, "also inside one transaction"


def test_ids_of_events_are_not_given_twice(database: Database) -> None:
    with database.write() as session:
        session.add(Event(kind="log", data={}, at=1.0))
    with database.write() as session:
        first = session.scalar(select(func.max(Event.id)))
        session.delete(session.get_one(Event, first))
    with database.write() as session:
        session.add(Event(kind="log", data={}, at=2.0))
    with database.read() as session:
        assert session.scalar(select(func.max(Event.id))) > first


def test_a_session_leads_back_to_its_database(database: Database) -> None:
    with database.write() as session:
        assert session.info["database"] is database
    with database.read() as session:
        assert session.info["database"] is database


def test_status_tells_what_a_database_holds(database: Database) -> None:
    with database.write() as session:
        session.add(a_job())
    told = status(database)
    assert told["engine"].split()[0] == ("SQLite" if database.is_sqlite else "PostgreSQL")
    assert (told["version"], told["damage"]) == (HEAD, [])
    assert told["rows"] == {
        "jobs": 1,
        "datasets": 0,
        "runs": 0,
        "models": len(catalogue.entries()),
        "events": 0,
    }
    assert told["bytes"] > 100_000
