"""Hostile programs, texts and files have no effect: what comes back is a reason code, and the pool goes on."""

from __future__ import annotations

import math
import os
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile_programs import plate, programs, step_files, texts

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects import DIALECTS, read_program, write_program
from redraft.tasks.cad.kernel.outcome import REASONS
from redraft.tasks.cad.kernel.pool import KernelPool
from redraft.tasks.cad.program import codec

VOLUME = 40 * 30 * 8 - math.pi * 25 * 8 + 10 * 12 * 5 - 3 * (4 * 4 + math.pi * 4)


@dataclass
class World:
    """What must not change: an empty folder, a listener without callers, this process's own surroundings."""

    mark: Path
    listener: socket.socket

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def check(self) -> None:
        assert list(self.mark.iterdir()) == []
        self.listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            self.listener.accept()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    mark, here = tmp_path / "mark", tmp_path / "here"
    mark.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # which changes by itself

    def surroundings() -> tuple[object, ...]:
        return Path.cwd(), dict(os.environ), sorted(tmp_path.rglob("*"))

    before = surroundings()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        world = World(mark, listener)
        yield world
        world.check()
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    assert surroundings() == before


@pytest.fixture(scope="module")
def pool() -> Iterator[KernelPool]:
    with KernelPool(timeout=5, memory_mb=1024) as pool:
        yield pool


def _still_right(pool: KernelPool) -> None:
    outcome = pool.call("measure", {"program": codec.to_data(plate())}, timeout=60)
    assert outcome.ok and outcome.value["valid"] and outcome.value["volume_mm3"] == pytest.approx(VOLUME, rel=1e-9)


def _run_texts(pool: KernelPool, world: World, seed: int, count: int) -> Counter[str]:
    """Reads hostile texts, each by its content and by the dialect it pretends to be; builds what could be read."""
    bases = {dialect: write_program(plate(), dialect) for dialect in DIALECTS}
    found: Counter[str] = Counter()
    survivors = []
    for dialect, text in texts(seed, count, bases, str(world.mark), world.port):
        for asked in (None, dialect):
            try:
                program, _ = read_program(text, asked)
            except Refusal as refusal:
                assert refusal.code in REASONS and refusal.code != "ok" and "\n" not in refusal.what[:200]
                found[refusal.code] += 1
            else:
                survivors.append({"program": codec.to_data(program)})
        world.check()
    for outcome in pool.map("measure", survivors):
        assert outcome.reason in REASONS
        found[f"built: {outcome.reason}"] += 1
    return found


def _run_kernel(pool: KernelPool, payloads: Iterator[dict[str, object]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for outcome in pool.map("measure", payloads):
        assert outcome.reason in REASONS and (outcome.ok or outcome.detail)
        found[outcome.reason] += 1
    return found


def _sound_step(pool: KernelPool) -> bytes:
    outcome = pool.call("export", {"program": codec.to_data(plate()), "formats": ["step"]}, timeout=60)
    assert outcome.ok, outcome.detail
    return bytes(outcome.value["step"])


def _everything(pool: KernelPool, world: World, seed: int, count: int) -> None:
    found = _run_texts(pool, world, seed, count)
    print("texts", dict(found))
    assert found["refused"] and found["parse"] and found["limit"]
    found = _run_kernel(pool, ({"program": data} for data in programs(seed, count)))
    print("programs", dict(found))
    assert found["ok"] and found["parse"]
    base = _sound_step(pool)
    found = _run_kernel(pool, ({"step": data} for data in step_files(seed, count, base)))
    print("steps", dict(found))
    assert found["parse"]
    _still_right(pool)


def test_three_hundred_hostile_inputs_have_no_effect(pool: KernelPool, world: World) -> None:
    _everything(pool, world, seed=1, count=100)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_hostile_inputs_have_no_effect(pool: KernelPool, world: World) -> None:
    _everything(pool, world, seed=2, count=3334)
