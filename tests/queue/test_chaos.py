"""SIGKILLs at random: nothing is lost, run twice at once, written late, or other than undisturbed.

A few of them; `make chaos` does 1,000 with the same harness (benchmarks/chaos.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chaos_verdict import clean, verdict
from chaos_works import Stepping, Training
from chaos_world import World


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str | None:
    """Of a fresh PostgreSQL database; None for SQLite."""
    return request.getfixturevalue("postgresql").fresh() if request.param == "postgresql" else None


@pytest.mark.parametrize(
    "url",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
    indirect=True,
)
@pytest.mark.slow
def test_work_in_steps_under_a_few_kills(url: str | None, tmp_path: Path) -> None:
    with World(tmp_path, Stepping(), url, seed=5) as world:
        reference = world.undisturbed()
        world.run(6, pace=0.6)
        found = verdict(world, reference)
    print(json.dumps(found, indent=1))
    assert clean(found) and sum(found["kills"].values()) == 6


def test_a_training_outlives_server_worker_trainer_and_keeper(tmp_path: Path) -> None:
    with World(tmp_path, Training(steps=40), None, seed=3) as world:
        reference, id = world.submit(), world.submit()
        for role in ("server", "worker", "trainer", "keeper"):
            world.until_training(id)
            assert world.kill_one(role, id), role
        world.until_ended()
        found = verdict(world, reference)
    print(json.dumps(found, indent=1))
    assert clean(found) and found["attempts"] == 4 and len(found["kills"]) == 4
