"""A state folder as a busy year leaves it, and a writer that makes events as keepers do."""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from redraft.queue.events import append
from redraft.state.database import Database
from redraft.state.places import RUNS, new_id, place
from redraft.state.tables import Event, Job, Run

STATES = {"finished": 82, "failed": 8, "cancelled": 4, "paused": 1, "queued": 5}
STEPS = 20_000
"""Steps of the run whose curves are read."""


def fill(jobs: int, events: int) -> dict[str, str]:
    """Jobs with their results, events, and a run with a long record; some ids of them."""
    source, now = random.Random(1), time.time()
    rows = [_job(source, now, number) for number in range(jobs)]
    log = [
        {"job_id": source.choice(rows)["id"], "kind": "log", "data": {"message": f"line {number}"}, "at": now}
        for number in range(events)
    ]
    log += [
        {"job_id": rows[-1]["id"], "kind": "log", "data": {"message": f"line {number}"}, "at": now}
        for number in range(500)
    ]
    database = Database.open()
    with database.write() as session:
        session.execute(insert(Job), rows)
        session.execute(insert(Event), log)
        run = _run(now)
        session.add(run)
    database.close()
    return {"job": rows[-1]["id"], "middle": rows[len(rows) // 2]["id"], "run": run.id}


def _job(source: random.Random, now: float, number: int) -> dict[str, Any]:
    state = source.choices(list(STATES), list(STATES.values()))[0]
    ended = state in ("finished", "failed", "cancelled")
    return {
        "id": new_id("job"), "kind": source.choice(["generate", "train", "evaluate"]), "title": f"job {number}",
        "payload": {"preset": "quick_test", "dataset": new_id("data"), "overrides": ["train.epochs=3"] * 3},
        "state": state, "desired_state": "run", "delete_files": False, "priority": 0, "reason": "", "attempt": 1,
        "stalled": 0, "not_before": 0.0, "lease_token": 1, "resource": "device", "executor": "local",
        "output": {"run": new_id("run")}, "owner": "local", "created_at": now + number, "updated_at": now + number,
        "started_at": now, "finished_at": now if ended else None,
        "progress": {"stage": "train", "done": 126, "total": 126, "note": "loss 0.4"},
        "result": {"steps": 126, "scores": {"mean": 0.5, "details": {str(place): place for place in range(60)}}},
    }  # fmt: skip


def _run(now: float) -> Run:
    id = new_id("run")
    folder = place(RUNS, id)
    folder.mkdir(parents=True)
    with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
        for step in range(1, STEPS + 1):
            row = {
                "kind": "step", "step": step, "epoch": step / 100, "loss": 5.0 / step, "learning_rate": 1e-4,
                "gradient_norm": 1.0, "examples": 8, "tokens": 900, "seconds": 0.4, "examples_per_second": 20.0,
                "memory_bytes": 2**30,
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
    return Run(
        id=id, name="long", folder=str(folder), task="cad", base="tiny", recipe={"task": "cad"}, status="finished",
        steps=STEPS, created_at=now,
    )  # fmt: skip


def write_events(jobs: list[str], rate: float, seconds: float, commits: float) -> int:
    """`rate` events a second for each job, in `commits` commits a second, evenly; how many each got."""
    database = Database.open()
    rounds, parts = int(rate * seconds), max(1, round(commits / rate))
    begin = time.perf_counter()
    late = 0.0
    for number in range(rounds):
        for part in range(parts):
            due = begin + (number + part / parts) / rate
            late = max(late, time.perf_counter() - due)
            time.sleep(max(0.0, due - time.perf_counter()))
            with database.write() as session:
                for job in jobs[part::parts]:
                    append(session, job, "metric", {"step": number, "loss": 1.0, "n": number, "sent": time.time()})
    database.close()
    print(json.dumps({"last": rounds - 1, "late_seconds": round(late, 3)}))
    return rounds


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    write_events(given["jobs"], given["rate"], given["seconds"], given["commits"])
