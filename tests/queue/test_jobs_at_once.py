"""Many who work on the queue at the same time: threads and processes, on both databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from plain_work import BOTH, PLAIN

from redraft.core.errors import Conflict, LeaseLost, NotFound
from redraft.queue.events import after, append, last_id
from redraft.queue.jobs import Jobs
from redraft.state.database import Database

WORKER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from plain_work import BOTH, PLAIN
from redraft.queue.jobs import Jobs
from redraft.state.database import Database
jobs, mine = Jobs(Database.open(), PLAIN), []
print("ready", flush=True)
sys.stdin.readline()
while (job := jobs.claim(sys.argv[2], BOTH, host=sys.argv[2])) is not None:
    jobs.heartbeat(job.id, job.lease_token, progress={"by": sys.argv[2]})
    jobs.finish(job.id, job.lease_token, {"by": sys.argv[2]})
    mine.append(job.id)
print(json.dumps(mine))
"""


def together(*works: Callable[[], None]) -> None:
    """Runs them in threads of their own and raises the first error of any."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:  # a thread would swallow it
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "they wait for one another"
    if errors:
        raise errors[0]


def test_threads_share_the_jobs_out_and_none_is_taken_twice(database: Database) -> None:
    jobs = Jobs(database, PLAIN)
    ids = [jobs.submit("plain", {}).id for _ in range(60)]
    taken: list[str] = []

    def work(name: str) -> Callable[[], None]:
        def run() -> None:
            while (job := jobs.claim(name, BOTH, host="h")) is not None:
                taken.append(job.id)

        return run

    together(*(work(f"w{n}") for n in range(6)))
    assert Counter(taken) == Counter(ids)


def test_processes_share_the_jobs_out_and_each_result_is_its_own(database: Database) -> None:
    jobs = Jobs(database, PLAIN)
    ids = [jobs.submit("plain", {}).id for _ in range(40)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(Path(__file__).parent), f"w{n}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ),
        )
        for n in range(2)
    ]  # fmt: skip
    try:
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        done = []
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for n, worker in enumerate(workers):
            out, _ = worker.communicate(timeout=120)
            assert worker.returncode == 0
            done += [(id, f"w{n}") for id in json.loads(out)]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert sorted(id for id, _ in done) == ids
    for id, name in done:
        job = jobs.get(id)
        assert (job.state, job.attempt, job.result, job.host) == ("finished", 1, {"by": name}, name)


def test_a_reader_that_remembers_the_last_id_misses_no_event(database: Database) -> None:
    jobs = Jobs(database, PLAIN)
    held = []
    for _ in range(4):
        jobs.submit("plain", {})
        job = jobs.claim("w", BOTH, host="h")
        assert job is not None
        held.append(job)
    seen: list[tuple[str, int]] = []
    ids: list[int] = []
    writing = threading.Event()

    def write(job_id: str, token: int) -> Callable[[], None]:
        def run() -> None:
            for n in range(40):
                jobs.record(job_id, token, [("metric", {"n": 2 * n}), ("metric", {"n": 2 * n + 1})])

        return run

    def read() -> None:
        last = start
        while True:
            over = writing.is_set()
            batch = after(database, last, kinds=["metric"], limit=7)
            for event in batch:
                seen.append((str(event.job_id), event.data["n"]))
                ids.append(event.id)
                last = event.id
            if over and not batch:
                return

    start = last_id(database)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        together(*(write(job.id, job.lease_token) for job in held))
    finally:
        writing.set()
        reader.join(60)
    assert ids == sorted(set(ids))
    for job in held:
        assert [n for id, n in seen if id == job.id] == list(range(80)), "a reader missed or mixed up events"


def test_events_are_there_with_their_transaction_or_not_at_all(database: Database) -> None:
    before = last_id(database)
    with pytest.raises(Conflict), database.write() as session:
        append(session, None, "log", {"message": "never"})
        raise Conflict("undone")
    with database.write() as session:
        append(session, "job-1", "log", {"message": "one"})
        append(session, "job-2", "metric", {"message": "two"})
    assert [event.data["message"] for event in after(database, before)] == ["one", "two"]
    assert [event.job_id for event in after(database, before, kinds=["metric"])] == ["job-2"]
    assert [event.job_id for event in after(database, before, job="job-1")] == ["job-1"]
    assert len(after(database, before, limit=1)) == 1
    assert after(database, last_id(database)) == []


def test_wishes_while_workers_end_jobs_never_deadlock_and_leave_sound_states(database: Database) -> None:
    jobs = Jobs(database, PLAIN)
    ids: list[str] = []
    for n in range(24):
        ids.append(jobs.submit("plain", {}, needs=ids[-2:] if n % 3 == 2 else []).id)

    def work(name: str) -> Callable[[], None]:
        def run() -> None:
            for n in range(40):
                job = jobs.claim(name, BOTH, host="h")
                if job is None:
                    continue
                try:
                    wanted = jobs.heartbeat(job.id, job.lease_token)
                    if wanted in ("cancel", "delete"):
                        jobs.ended(job.id, job.lease_token)
                    elif wanted == "pause":
                        jobs.paused(job.id, job.lease_token, "asked for", asked=True)
                    elif n % 4 == 3:
                        jobs.rescue(job.id, job.lease_token, "killed")
                    else:
                        jobs.finish(job.id, job.lease_token, {})
                except Conflict:
                    jobs.released(job.id, job.lease_token, "given back")

        return run

    def wish(*asked: Callable[[str], object]) -> Callable[[], None]:
        def run() -> None:
            for id in ids:
                for ask in asked:
                    try:
                        ask(id)
                    except (Conflict, NotFound):
                        continue

        return run

    together(
        work("w1"),
        work("w2"),
        wish(jobs.pause, jobs.resume),
        wish(jobs.cancel, jobs.resume),
        wish(lambda id: jobs.delete(id) if id in ids[::5] else None),
    )
    for job in jobs.running():
        jobs.rescue(job.id, job.lease_token, "the end of the test")
    for job in jobs.page(limit=100).items:
        unmet = [need for need in jobs.needs(job.id) if jobs.get(need).state != "finished"]
        assert (job.state == "waiting") <= bool(unmet), f"{job.id} waits for nothing"
        assert (job.state == "queued") <= (not unmet), f"{job.id} is queued before what it needs"
    with pytest.raises(LeaseLost):
        jobs.heartbeat(ids[0], 0)
