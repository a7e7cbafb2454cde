"""Lists of jobs on both databases: any filter in pages of any size gives what a plain search would."""

from __future__ import annotations

import itertools
import random

from sqlalchemy import insert

from redraft.queue.events import append
from redraft.state.database import Database
from redraft.state.places import new_id
from redraft.state.tables import Job
from redraft.web.jobs.rows import Filter, counts, log_lines, page

STATES, KINDS = ("queued", "paused", "failed", "cancelled"), ("generate", "train", "evaluate")


def fill(database: Database, count: int) -> list[dict[str, str]]:
    """The newest first."""
    source = random.Random(3)
    rows = [
        {
            "id": new_id("job"), "kind": source.choice(KINDS), "owner": source.choice(["local", "local", "other"]),
            "state": source.choices(STATES, [20, 1, 8, 4])[0], "payload": {}, "created_at": 1.0, "updated_at": 1.0,
            "output": {"run": f"run-{number}"}, "progress": {"stage": "train"},
        }
        for number in range(count)
    ]  # fmt: skip
    with database.write() as session:
        session.execute(insert(Job), rows)
    return sorted(rows, key=lambda row: row["id"], reverse=True)  # type: ignore[return-value, arg-type]


def test_every_filter_in_pages_gives_what_a_search_gives(database: Database) -> None:
    rows = fill(database, 120)
    filters = [
        Filter("local", states, kinds)
        for states in ((), ("paused",), ("failed", "paused"), STATES, ("running",))
        for kinds in ((), ("train",), ("train", "generate"))
    ]
    for wanted, limit in itertools.product(filters, (1, 7, 500)):
        expected = [
            row["id"]
            for row in rows
            if row["owner"] == wanted.owner
            and (not wanted.states or row["state"] in wanted.states)
            and (not wanted.kinds or row["kind"] in wanted.kinds)
        ]
        found: list[str] = []
        after = None
        for _ in range(len(expected) // limit + 1):
            items, after = page(database, wanted, after, limit)
            assert len(items) <= limit
            found += [item["id"] for item in items]
            if after is None:
                break
        assert (found, after) == (expected, None), (wanted, limit)


def test_an_item_has_what_its_row_has(database: Database) -> None:
    rows = fill(database, 3)
    for row in rows:
        items, _ = page(database, Filter(row["owner"]), None, 3)
        (item,) = (item for item in items if item["id"] == row["id"])
        assert {name: item[name] for name in ("kind", "state", "output", "progress")} == {
            name: row[name] for name in ("kind", "state", "output", "progress")
        }


def test_states_are_counted_for_their_owner(database: Database) -> None:
    rows = fill(database, 60)
    for owner in ("local", "other"):
        mine = [row["state"] for row in rows if row["owner"] == owner]
        assert counts(database, owner) == {state: mine.count(state) for state in set(mine)}


def test_a_log_from_its_beginning_and_from_its_end(database: Database) -> None:
    first, second = (row["id"] for row in fill(database, 2))
    with database.write() as session:
        for number in range(10):
            append(session, first, "log", {"message": str(number)})
            append(session, second, "log", {"message": "other"})
            append(session, first, "metric", {"step": number})
    start, more = log_lines(database, first, 0, 4, tail=False)
    assert [line["message"] for line in start] == ["0", "1", "2", "3"] and more
    rest, more = log_lines(database, first, start[-1]["id"], 6, tail=False)
    assert [line["message"] for line in rest] == ["4", "5", "6", "7", "8", "9"] and not more
    end, _ = log_lines(database, first, 0, 2, tail=True)
    assert [line["message"] for line in end] == ["8", "9"]
