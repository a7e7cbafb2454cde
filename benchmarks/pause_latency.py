"""How soon a pause is passed on to the work, and how soon the job rests: pause_latency.json and pause_latency.md.

A job of light work in steps of 30 ms is paused and resumed again and again, each time in the middle of its steps,
on SQLite and PostgreSQL; no step may be left out or done twice. Times are from the moment before the wish is
written until the event that the work was asked, and until the job is paused.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests" / "queue"), str(HERE.parent / "tests")]

from chaos_verdict import spread  # noqa: E402
from chaos_works import Stepping  # noqa: E402
from chaos_world import World  # noqa: E402

from databases import PostgreSQL  # noqa: E402
from redraft.queue.events import after  # noqa: E402


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pauses", type=int, default=100)
    options.add_argument("--out", type=Path, default=HERE)
    asked = options.parse_args()
    found = {way: run(asked.pauses, way) for way in ("sqlite", "postgresql")}
    asked.out.mkdir(parents=True, exist_ok=True)
    data = {**found, "load": os.getloadavg()[0], "cores": os.cpu_count(), "date": time.strftime("%Y-%m-%d")}
    (asked.out / "pause_latency.json").write_text(json.dumps(data, indent=2) + "\n")
    (asked.out / "pause_latency.md").write_text(table(data))
    print(table(data))
    return 0


def run(pauses: int, way: str) -> dict[str, Any]:
    server = PostgreSQL() if way == "postgresql" else None
    try:
        url = server.fresh() if server else None
        with (
            tempfile.TemporaryDirectory(prefix="redraft-pause-", ignore_cleanup_errors=True) as folder,
            World(Path(folder), Long(pauses), url, 1, slots=1) as world,
        ):
            return measure(world, pauses)
    finally:
        if server is not None:
            server.remove()


class Long(Stepping):
    """Enough steps for so many pauses."""

    def __init__(self, pauses: int) -> None:
        self.steps = 100 * pauses

    def prepare(self, jobs: Any) -> dict[str, Any]:
        return {"request": {"steps": self.steps, "seconds": 0.03, "save_every": 1_000_000}}


def measure(world: World, pauses: int) -> dict[str, Any]:
    id = world.submit()
    passed_on, resting = [], []
    for _ in range(pauses):
        last = newest(world, id)
        until(lambda last=last: any(e.kind == "metric" for e in after(world.database, last, job=id)))  # type: ignore[misc]
        last, began = newest(world, id), time.time()
        world.jobs.pause(id)
        until(lambda: world.jobs.get(id).state == "paused")
        events = after(world.database, last, job=id)
        passed_on.append(next(e.at for e in events if "asked to save" in str(e.data.get("message"))) - began)
        resting.append(next(e.at for e in events if e.data.get("state") == "paused") - began)
        world.jobs.resume(id)
    world.jobs.cancel(id)
    world.until_ended(60)
    steps = [e.data["step"] for e in after(world.database, 0, job=id, limit=10**6) if e.kind == "metric"]
    assert steps == list(range(1, len(steps) + 1)), "a step was left out or done twice"
    return {"pauses": pauses, "steps": len(steps), "asked": spread(passed_on, 3), "paused": spread(resting, 3)}


def newest(world: World, id: str) -> int:
    return max((event.id for event in after(world.database, 0, job=id, limit=10**6)), default=0)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def table(data: dict[str, Any]) -> str:
    lines = ["# Pause", "", (__doc__ or "").split("\n\n")[1].replace("\n", " ").strip(), ""]
    lines += ["| | the work was asked | the job is paused |", "|---|---|---|"]
    for way in ("sqlite", "postgresql"):
        cells = [
            f"median {figures['median'] * 1000:.0f} ms, p99 {figures['p99'] * 1000:.0f} ms, "
            f"at most {figures['most'] * 1000:.0f} ms"
            for figures in (data[way]["asked"], data[way]["paused"])
        ]
        lines.append(
            f"| {way}, {data[way]['pauses']} pauses in {data[way]['steps']:,} steps | {' | '.join(cells)} |"
        )
    lines += ["", f"{data['cores']} cores, load {data['load']:.1f}, {data['date']}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
