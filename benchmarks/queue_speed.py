"""What the queue costs with 10,000 jobs in it, on SQLite and on PostgreSQL, every commit flushed to the disk.

    python benchmarks/queue_speed.py

Starts a PostgreSQL server of its own, as the tests do. Writes queue_speed.json and queue_speed.md.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import insert, select

from redraft.queue.events import after, last_id
from redraft.queue.jobs import Jobs
from redraft.state.database import Database
from redraft.state.tables import Job, State

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "tests" / "queue")]

from plain_work import BOTH, PLAIN  # noqa: E402

import databases  # noqa: E402

JOBS = 10_000
STATES = (
    [State.FINISHED] * 90 + [State.FAILED] * 4 + [State.CANCELLED] * 2 + [State.PAUSED] * 2 + [State.WAITING] * 2
)
THREADS = 4


def fill(jobs: Jobs) -> None:
    """JOBS rows that are copies of one, most of them finished."""
    one = jobs.submit("plain", {"note": "a job among many"})
    jobs.cancel(one.id)
    columns = {column.key: getattr(jobs.get(one.id), column.key) for column in Job.__table__.columns}
    rows = []
    for n in range(JOBS):
        state = STATES[n * 37 % 100]
        rest = {State.PAUSED: "pause", State.CANCELLED: "cancel"}.get(state, "run")
        rows.append({**columns, "id": f"job-{n:026d}", "state": state, "desired_state": rest, "finished_at": 1.0})
    with jobs.database.write() as session:
        session.execute(insert(Job), rows)


def timed(work: Callable[[int], object], repeats: int) -> dict[str, float]:
    """Median and 99th percentile in milliseconds, and how often a second."""
    work(0)
    took = []
    for n in range(1, repeats + 1):
        started = time.perf_counter()
        work(n)
        took.append(time.perf_counter() - started)
    return {
        "median_ms": round(1000 * statistics.median(took), 3),
        "p99_ms": round(1000 * statistics.quantiles(took, n=100)[98], 3),
        "a_second": round(len(took) / sum(took), 1),
    }


def side_by_side(jobs: Jobs, each: int) -> float:
    """Jobs a second that THREADS workers claim and finish at the same time."""
    for _ in range(each * THREADS):
        jobs.submit("plain", {})

    def work() -> None:
        while (job := jobs.claim("w", BOTH, host="h")) is not None:
            jobs.finish(job.id, job.lease_token, {})

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(each * THREADS / (time.perf_counter() - started), 1)


def measure(database: Database) -> dict[str, Any]:
    jobs = Jobs(database, PLAIN)
    fill(jobs)
    result: dict[str, Any] = {}
    result["submit"] = timed(lambda n: jobs.submit("plain", {"note": str(n)}), 300)
    held = [jobs.claim("w", BOTH, host="h") for _ in range(2)]
    result["claim"] = timed(lambda n: held.append(jobs.claim("w", BOTH, host="h")), 280)
    job = held[0]
    assert job is not None and all(held)
    progress = {"stage": "train", "done": 1, "total": 2, "note": "loss 2.1"}
    result["heartbeat"] = timed(
        lambda n: jobs.heartbeat(job.id, job.lease_token, progress=progress, progressed=True), 300
    )
    batch = [("metric", {"kind": "train", "step": n, "loss": 2.1, "seconds": 0.4}) for n in range(20)]
    result["record 20 events"] = timed(lambda n: jobs.record(job.id, job.lease_token, batch), 200)
    result["finish"] = timed(lambda n: jobs.finish(held[n + 1].id, held[n + 1].lease_token, {}), 250)
    for id in [job.id for job in jobs.page(state="queued", limit=1000).items]:
        jobs.cancel(id)
    result["claim with nothing to do"] = timed(lambda n: jobs.claim("w", BOTH, host="h"), 500)
    result["desired state"] = timed(lambda n: jobs.desired(job.id, job.lease_token), 500)
    result["list the newest 50"] = timed(lambda n: jobs.page(limit=50), 300)
    deep = f"job-{JOBS // 2:026d}"
    result["list 50 from the middle"] = timed(lambda n: jobs.page(limit=50, after=deep), 300)
    result["list 50 that failed"] = timed(lambda n: jobs.page(limit=50, state="failed"), 300)
    last = last_id(database)
    result["read the last 500 events"] = timed(lambda n: after(database, last - 500, limit=500), 100)
    result["read when there is no new event"] = timed(lambda n: after(database, last), 500)
    result["claimed_and_finished_a_second"] = side_by_side(jobs, 50)
    with database.read() as session:
        assert len(list(session.scalars(select(Job.id)))) > JOBS
    return result


def main() -> int:
    databases.SETTINGS.update(fsync="on", full_page_writes="on")
    load = os.getloadavg()[0]
    result: dict[str, Any] = {"jobs": JOBS, "threads": THREADS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["REDRAFT_HOME"] = folder
        database = Database.open(f"sqlite:///{folder}/redraft.sqlite")
        result["sqlite"] = measure(database)
        database.close()
        server = databases.PostgreSQL()
        try:
            database = Database.open(server.fresh())
            with database.read() as session:
                version = str(session.scalar(select(sqlalchemy.func.version()))).split()[1]
            result["postgresql"] = measure(database)
            database.close()
        finally:
            server.remove()
    result["machine"] = ", ".join(
        [
            platform.machine(),
            f"{os.cpu_count()} cores",
            f"load {load:.1f} before and {os.getloadavg()[0]:.1f} after",
            f"Python {platform.python_version()}",
            f"SQLAlchemy {sqlalchemy.__version__}",
            f"SQLite {sqlite3.sqlite_version}",
            f"PostgreSQL {version}",
        ]
    )
    (HERE / "queue_speed.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (HERE / "queue_speed.md").write_text(page_of(result), encoding="utf-8")
    print(page_of(result))
    return 0


def page_of(result: dict[str, Any]) -> str:
    rows = []
    for name, lite in result["sqlite"].items():
        if isinstance(lite, dict):
            post = result["postgresql"][name]
            rows.append(
                f"| {name} | {lite['median_ms']:.2f} | {lite['p99_ms']:.2f} | {post['median_ms']:.2f} | "
                f"{post['p99_ms']:.2f} |"
            )
    lite, post = (result[way]["claimed_and_finished_a_second"] for way in ("sqlite", "postgresql"))
    return f"""# The queue with {result["jobs"]:,} jobs in it

Milliseconds of one call, its transaction and its commit flushed to the disk included. Made by
`benchmarks/queue_speed.py`.

| | SQLite, median | p99 | PostgreSQL, median | p99 |
|---|---|---|---|---|
{chr(10).join(rows)}

{result["threads"]} workers at once claim and finish {lite:,.0f} jobs a second on SQLite,
{post:,.0f} on PostgreSQL.
A job that runs costs a heartbeat every few seconds and at most one batch of events a second.

{result["machine"]}.
"""


if __name__ == "__main__":
    sys.exit(main())
