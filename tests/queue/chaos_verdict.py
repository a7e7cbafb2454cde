"""What a chaos run has shown: counted from the database's events, the trainings' folders and recorded starts."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from itertools import pairwise
from typing import Any

from chaos_world import World
from sqlalchemy import select

from redraft.queue.events import after
from redraft.queue.working import NOT_BEGUN
from redraft.state.tables import Checkpoint, Event, State


def verdict(world: World, reference: str) -> dict[str, Any]:
    """reference: a job that nobody disturbed."""
    events = {job: after(world.database, 0, job=job, limit=1_000_000) for job in world.submitted}
    disturbed = [job for job in world.submitted if job != reference]
    truth = outcome(world, reference)
    starts = [json.loads(line) for line in (world.records / "starts.jsonl").read_text().splitlines()]
    return {
        "kills": dict(Counter(kill.role for kill in world.kills)),
        "jobs": len(world.submitted),
        "attempts": sum(len(of(found, "attempt")) for found in events.values()),
        "trainer_starts": len(starts),
        "lost": lost(world),
        "run_twice_at_once": [start for start in starts if start["twice"]],
        "stale_writes_tried": world.stale_tried,
        "stale_writes_done": world.stale_done + len(stale_checkpoints(world)),
        "attempts_without_a_kill": unexplained(world, events),
        "other_weights": [
            job for job in disturbed if world.work.outcome(world.home, world.jobs.get(job)) != truth
        ],
        "server_ready_seconds": spread([kill.ready for kill in world.kills if kill.ready is not None]),
        **{
            f"{role}_killed_seconds_until": {
                "handed_on": spread(until(world, events, role, "state")),
                "next_attempt": spread(until(world, events, role, "attempt")),
                "training": spread(until(world, events, role, "metric")),
            }
            for role in ("keeper", "trainer")
        },
    }


def clean(found: dict[str, Any]) -> bool:
    """Whether nothing was lost, run twice, written late or changed."""
    keys = ("lost", "run_twice_at_once", "stale_writes_done", "attempts_without_a_kill", "other_weights")
    return not any(found[key] for key in keys)


def of(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event.kind == kind]


def outcome(world: World, job: str) -> Any:
    return world.work.outcome(world.home, world.jobs.get(job))


def lost(world: World) -> list[str]:
    """Jobs that did not come to their end."""
    jobs = map(world.jobs.get, world.submitted)
    return [f"{job.id}: {job.state}, {job.reason}" for job in jobs if job.state != State.FINISHED]


def stale_checkpoints(world: World) -> list[str]:
    """Checkpoints whose files or rows are of an earlier attempt than those of a lesser step."""
    found = []
    with world.database.read() as session:
        rows = session.scalars(select(Checkpoint).order_by(Checkpoint.run_id, Checkpoint.step)).all()
    for before, row in pairwise(rows):
        if before.run_id == row.run_id and row.token < before.token:
            found.append(row.id)
    return found


def unexplained(world: World, events: dict[str, list[Event]]) -> list[str]:
    """Attempts that began though nobody had killed the one before, as when a server or a worker dies."""
    killed = {(kill.job, kill.token) for kill in world.kills if kill.job}
    found = []
    for job, said in events.items():
        never_began = False  # its worker was killed between claiming it and starting its keeper
        for event in said:
            if event.kind == "state" and event.data["state"] == "queued":
                never_began = event.data["reason"] == NOT_BEGUN
            elif event.kind == "attempt" and event.data["token"] > 1 and not never_began:
                found += [f"{job} {event.data}"] if (job, event.data["token"] - 1) not in killed else []
    return found


def until(world: World, events: dict[str, list[Event]], role: str, kind: str) -> list[float]:
    """Seconds from each kill to that event of a later attempt, except where it was killed again before."""
    found = []
    for kill in world.kills:
        if kill.role != role:
            continue
        mine = events[kill.job]
        begun = next((event for event in of(mine, "attempt") if event.data["token"] > kill.token), None)
        again = [other.at for other in world.kills if other.job == kill.job and other.at > kill.at]
        if begun is None:
            continue
        if kind == "state":  # queued again: its death was seen, and nothing of it runs any more
            wanted = next((e for e in of(mine, "state") if e.at > kill.at), None)
        elif kind == "attempt":
            wanted = begun
        else:
            wanted = next((e for e in of(mine, kind) if e.id > begun.id and e.data.get("kind") == "step"), None)
        if wanted is not None and not (again and again[0] < wanted.at):
            found.append(wanted.at - kill.at)
    return found


def spread(seconds: list[float], digits: int = 2) -> dict[str, float]:
    """Of how many, the median, the 99th percentile and the greatest."""
    if not seconds:
        return {"count": 0}
    ordered = sorted(seconds)
    return {
        "count": len(ordered),
        "median": round(statistics.median(ordered), digits),
        "p99": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], digits),
        "most": round(ordered[-1], digits),
    }
