"""Live events: every listener gets every event of its own once and in order, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

import pytest
from sqlalchemy import select, text

from redraft.queue.events import append
from redraft.queue.jobs import Jobs
from redraft.state.database import Database
from redraft.state.tables import Event, Job
from redraft.web.live import listeners
from redraft.web.live import streams as module
from redraft.web.live.frames import Wanted
from redraft.web.live.streams import Streams

JOBS = 4
LAST = "that was all"


def new_job(database: Database, **more: Any) -> str:
    return Jobs(database).submit("generate", {"task": "cad", "train": 1}, **more).id


def write(database: Database, events: Iterable[tuple[str, dict[str, Any]]], kind: str = "log") -> None:
    with database.write() as session:
        for job, data in events:
            append(session, job, kind, data)


def parsed(wire: bytes) -> list[dict[str, str]]:
    """The blocks of a stream as a browser reads them."""
    blocks = []
    for block in wire.decode().split("\n\n"):
        if block:
            blocks.append(dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")))
    return blocks


async def blocks(
    streams: Streams, wanted: Wanted, after: int, **more: Any
) -> AsyncGenerator[dict[str, str], None]:
    async with aclosing(streams.open(wanted, after, **more)) as stream:
        async for wire in stream:
            for block in parsed(wire):
                yield block


async def listen(streams: Streams, wanted: Wanted, source: random.Random, slow: bool) -> list[int]:
    """The ids of the events that somebody gets who leaves and comes back now and then, up to the last event."""
    seen: list[int] = []
    after = 0
    while True:
        stays = source.randrange(1, 12)
        async with aclosing(blocks(streams, wanted, after)) as stream:
            async for block in stream:
                if "data" not in block:
                    continue
                seen.append(int(block["id"]))
                after = seen[-1]
                if json.loads(block["data"])["data"].get("message") == LAST:
                    return seen
                if slow:
                    await asyncio.sleep(0.002)
                stays -= 1
                if stays < 0:
                    break


@pytest.mark.parametrize(("seed", "recent"), [(1, 3), (2, 60)])
def test_nothing_is_missed_and_nothing_comes_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int, recent: int
) -> None:
    monkeypatch.setattr(listeners, "QUEUE", 7)
    monkeypatch.setattr(listeners, "RECENT", recent)
    monkeypatch.setattr(module, "PAGE", 5)
    monkeypatch.setattr(module, "INTERVAL", 0.005)
    jobs = [new_job(database) for _ in range(JOBS)]

    def work(number: int) -> None:
        source = random.Random(seed * 100 + number)
        for count in range(25):
            batch = [source.choice(jobs) for _ in range(source.randrange(1, 6))]
            write(database, [(job, {"message": f"{number}-{count}"}) for job in batch])

    async def run() -> list[tuple[Wanted, list[int]]]:
        streams = Streams(database, asyncio.Event())
        wanted = [Wanted("local", job) for job in jobs] * 2 + [Wanted("local", kinds=frozenset({"log"}))] * 2
        source = random.Random(seed)
        listeners = [
            asyncio.create_task(listen(streams, one, random.Random(source.random()), slow=number % 2 == 0))
            for number, one in enumerate(wanted)
        ]
        writers = [threading.Thread(target=work, args=[number]) for number in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            await asyncio.to_thread(writer.join)
        await asyncio.to_thread(write, database, [(job, {"message": LAST}) for job in jobs])
        async with asyncio.timeout(100):
            heard = await asyncio.gather(*listeners)
        return list(zip(wanted, heard, strict=True))

    for wanted, heard in asyncio.run(run()):
        with database.read() as session:
            query = select(Event.id).order_by(Event.id)
            if wanted.job is not None:
                query = query.where(Event.job_id == wanted.job)
            if wanted.kinds:
                query = query.where(Event.kind == "log")
            expected = list(session.scalars(query))
        if wanted.job is None:
            # The last event of the first job ends this listener: those of the other jobs come after it.
            expected = expected[: -(JOBS - 1)]
        assert heard == expected


def heard(database: Database, wanted: Wanted, after: int = 0, follow: bool = True, **more: Any) -> list[Any]:
    """(kind, id) of all blocks of a stream that ends by itself."""

    async def run() -> list[Any]:
        streams = Streams(database, asyncio.Event(), **more)
        async with asyncio.timeout(60):
            found = [block async for block in blocks(streams, wanted, after, follow=follow)]
        assert streams.listeners == 0
        return [(block.get("event"), int(block["id"])) for block in found]

    return asyncio.run(run())


def test_the_stream_of_a_job_ends_with_it(database: Database) -> None:
    jobs = Jobs(database)
    id = new_job(database)
    claimed = jobs.claim("w", ["light"], host="here")
    assert claimed is not None

    async def run() -> list[str]:
        streams = Streams(database, asyncio.Event())
        kinds = []
        async with asyncio.timeout(60):
            async for block in blocks(streams, Wanted("local", id), 0):
                kinds.append(block.get("event", ""))
                if kinds[-1] == "attempt":
                    await asyncio.to_thread(jobs.record, id, claimed.lease_token, [("log", {"message": "x"})])
                    await asyncio.to_thread(jobs.fail, id, claimed.lease_token, {"what": "no"}, retry=False)
        return kinds

    kinds = asyncio.run(run())
    assert kinds[0] == "" and kinds[1] == "state" and kinds[-3:] == ["log", "state", "end"]


def test_it_ends_also_for_one_who_does_not_want_states(database: Database) -> None:
    id = new_job(database)
    write(database, [(id, {"message": "hello"})])
    jobs = Jobs(database)

    async def run() -> list[str]:
        streams = Streams(database, asyncio.Event())
        kinds = []
        async with asyncio.timeout(60):
            async for block in blocks(streams, Wanted("local", id, frozenset({"log"})), 0):
                kinds.append(block.get("event", ""))
                if kinds[-1] == "log":
                    await asyncio.to_thread(jobs.cancel, id)
        return kinds

    assert asyncio.run(run()) == ["", "log", "end"]


def test_a_job_that_was_tried_again_does_not_end_its_stream_early(database: Database) -> None:
    jobs = Jobs(database)
    id = new_job(database)
    jobs.cancel(id)
    jobs.resume(id)
    states = heard(database, Wanted("local", id), follow=False)
    assert [kind for kind, _ in states[1:]] == ["state"] * 3
    jobs.cancel(id)
    assert [kind for kind, _ in heard(database, Wanted("local", id))[1:]] == ["state"] * 4 + ["end"]


def test_others_jobs_are_not_told_of(database: Database) -> None:
    mine, other = new_job(database), new_job(database, owner="somebody else")
    write(database, [(mine, {"message": "mine"}), (other, {"message": "other"})])
    with database.read() as session:
        ids = list(session.scalars(select(Event.id).where(Event.job_id == mine).order_by(Event.id)))
    found = heard(database, Wanted("local"), follow=False)
    assert [id for kind, id in found if kind] == ids


def test_comments_come_while_nothing_happens(database: Database) -> None:
    id = new_job(database)

    async def run() -> list[bytes]:
        streams = Streams(database, asyncio.Event(), heartbeat=0.05)
        found = []
        async with asyncio.timeout(60), aclosing(streams.open(Wanted("local", id), 10**6)) as stream:
            async for wire in stream:
                found.append(wire)
                if len(found) == 4:
                    return found
        return found

    assert asyncio.run(run())[1:] == [b": beat\n\n"] * 3


def test_streams_end_when_the_server_stops(database: Database) -> None:
    id = new_job(database)

    async def run() -> int:
        stopping = asyncio.Event()
        streams = Streams(database, stopping)

        async def drain() -> None:
            async for _ in streams.open(Wanted("local", id), 0):
                pass

        tasks = [asyncio.create_task(drain()) for _ in range(5)]
        await asyncio.sleep(0.3)
        assert streams.listeners == 5
        stopping.set()
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
        return streams.listeners

    assert asyncio.run(run()) == 0


def test_streams_go_on_when_the_database_was_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    id = new_job(database)

    def rename(old: str, new: str) -> None:
        with database.engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    async def run() -> list[str]:
        streams = Streams(database, asyncio.Event())
        messages = []
        async with asyncio.timeout(60):
            async for block in blocks(streams, Wanted("local", id, frozenset({"log", "state"})), 0):
                if block.get("event") == "state":
                    await asyncio.to_thread(rename, "event", "event_away")
                    await asyncio.sleep(0.3)
                    await asyncio.to_thread(rename, "event_away", "event")
                    await asyncio.to_thread(write, database, [(id, {"message": "again"})])
                elif block.get("event") == "log":
                    messages.append(json.loads(block["data"])["data"]["message"])
                    return messages
        return messages

    assert asyncio.run(run()) == ["again"]


def test_who_goes_leaves_nothing_behind(database: Database) -> None:
    id = new_job(database)

    async def run() -> tuple[int, int, list[Any]]:
        streams = Streams(database, asyncio.Event())
        gone, sent = asyncio.Event(), []

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "asgi": {"spec_version": "2.3"}}
        answer = streams.response(Wanted("local", id), 0)
        task = asyncio.create_task(answer(scope, receive, send))
        while len(sent) < 3:
            await asyncio.sleep(0.01)
        before = streams.listeners
        gone.set()
        async with asyncio.timeout(30):
            await task
        return before, streams.listeners, sent

    before, after, sent = asyncio.run(run())
    assert (before, after) == (1, 0)
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"x-accel-buffering"] == b"no"


def test_a_removed_job_ends_its_stream(database: Database) -> None:
    jobs = Jobs(database)
    id = new_job(database)

    async def run() -> list[str]:
        streams = Streams(database, asyncio.Event())
        kinds = []
        async with asyncio.timeout(60):
            async for block in blocks(streams, Wanted("local", id), 0):
                kinds.append(block.get("event", ""))
                if kinds == ["", "state"]:
                    await asyncio.to_thread(jobs.delete, id)
        return kinds

    assert asyncio.run(run()) == ["", "state", "state", "deleted", "end"]
    with database.read() as session:
        assert session.get(Job, id) is None
