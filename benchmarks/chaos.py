"""SIGKILLs of server, worker, keepers and trainers at random, on SQLite and PostgreSQL: chaos.json and chaos.md.

`python benchmarks/chaos.py --kills 500` does 500 on each database. Everything is real: `redraft serve`, the worker
that it starts, trainings of the tiny model; with `--work stepping` a worker and light work in steps. It ends with
code 1 where anything was lost, run twice at once, written late, or came out other than undisturbed; see
docs/workers.md for how it is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests" / "queue"), str(HERE.parent / "tests")]

from chaos_verdict import clean, verdict  # noqa: E402
from chaos_works import Stepping, Training  # noqa: E402
from chaos_world import World  # noqa: E402

from databases import PostgreSQL  # noqa: E402

WORKS = {"training": Training, "stepping": Stepping}
ROWS = {
    "kills": "SIGKILLs",
    "jobs": "jobs",
    "attempts": "attempts",
    "lost": "jobs lost",
    "run_twice_at_once": "run twice at once",
    "stale_writes_tried": "stale writes tried",
    "stale_writes_done": "stale writes done",
    "attempts_without_a_kill": "attempts that no kill explains",
    "other_weights": "jobs with other results than undisturbed",
    "server_ready_seconds": "server killed: API ready again after",
    "keeper_killed_seconds_until": "keeper killed",
    "trainer_killed_seconds_until": "trainer killed",
    "minutes": "minutes",
    "cores": "cores",
    "load": "processes that wanted them (the load of 15 minutes)",
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=500, help="on each database")
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--work", choices=list(WORKS), default="training")
    options.add_argument("--pace", type=float, default=1.0, help="mean seconds between two kills")
    options.add_argument("--minutes", type=float, default=60.0, help="no kill after so many, on each database")
    options.add_argument("--slots", type=int, default=2, help="jobs at once")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=HERE)
    asked = options.parse_args()
    well = True
    for way in ["sqlite", "postgresql"] if asked.database == "both" else [asked.database]:
        found = run(asked, way)
        well &= clean(found)
        write(asked.out, f"{asked.work} on {way}", found)
        print(json.dumps(found, indent=2))
    return 0 if well else 1


def run(asked: argparse.Namespace, way: str) -> dict[str, Any]:
    server = PostgreSQL() if way == "postgresql" else None
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="redraft-chaos-", ignore_cleanup_errors=True) as folder:
            url = server.fresh() if server else None
            with World(Path(folder), WORKS[asked.work](), url, asked.seed, slots=asked.slots) as world:
                reference = world.undisturbed()
                world.run(asked.kills, asked.pace, seconds=asked.minutes * 60)
                found = verdict(world, reference)
    finally:
        if server is not None:
            server.remove()
    minutes = round((time.monotonic() - began) / 60, 1)
    return {**found, "minutes": minutes, "seed": asked.seed, "cores": os.cpu_count(), "load": os.getloadavg()[2]}


def write(folder: Path, name: str, found: dict[str, Any]) -> None:
    """Puts these figures beside those of the other ways."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "chaos.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known[name] = {**found, "date": time.strftime("%Y-%m-%d"), "python": platform.python_version()}
    path.write_text(json.dumps(known, indent=2) + "\n")
    lines = ["# SIGKILLs at random", "", (__doc__ or "").split("\n\n")[1].replace("\n", " "), ""]
    lines += ["| | " + " | ".join(known) + " |", "|---" * (len(known) + 1) + "|"]
    lines += [
        f"| {title} | " + " | ".join(shown(key, figures.get(key)) for figures in known.values()) + " |"
        for key, title in ROWS.items()
    ]
    (folder / "chaos.md").write_text("\n".join(lines) + "\n")


def shown(key: str, value: Any) -> str:
    if key == "kills":
        return f"{sum(value.values()):,} (" + ", ".join(f"{role} {count}" for role, count in value.items()) + ")"
    if isinstance(value, list):
        return str(len(value))
    if isinstance(value, dict):
        parts = value if "handed_on" in value else {"": value}
        return "<br>".join(
            f"{part.replace('_', ' ')} {_spread(figures)}".strip() for part, figures in parts.items()
        )
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


def _spread(figures: dict[str, float]) -> str:
    if not figures["count"]:
        return "none"
    return f"{figures['median']} s, p99 {figures['p99']} s, at most {figures['most']} s ({figures['count']})"


if __name__ == "__main__":
    sys.exit(main())
