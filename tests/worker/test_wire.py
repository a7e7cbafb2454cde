"""What a keeper says to a worker's process on its standard input, and how the process ends by it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from redraft.core.errors import Interrupted
from redraft.queue.local import LocalProcess

TASKS = Path(__file__).parent / "tasks"
SOON = 30.0
"""Seconds, on a machine that does much else."""


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., LocalProcess]]:
    monkeypatch.setenv("REDRAFT_TASKS", str(TASKS))
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    begun: list[LocalProcess] = []

    def start(first: tuple[dict[str, Any], ...] = (), **request: Any) -> LocalProcess:
        begun.append(LocalProcess("patient.wait", {"folder": str(tmp_path), **request}, first=first))
        return begun[-1]

    yield start
    for process in begun:
        process.stop(hard=True)


def working(process: LocalProcess) -> Iterator[dict[str, Any]]:
    """Its events, once it works."""
    events = process.events()
    assert next(events)["event"] == "progress"
    return events


def ends(events: Iterator[dict[str, Any]]) -> float:
    """Seconds until it has ended because it was stopped."""
    started = time.monotonic()
    with pytest.raises(Interrupted):
        for _ in events:
            assert time.monotonic() - started < SOON
    return time.monotonic() - started


@pytest.mark.parametrize("why", ["pause", "cancel", "lost"])
def test_a_word_stops_any_verb(why: str, begin: Callable[..., LocalProcess], tmp_path: Path) -> None:
    process = begin()
    events = working(process)
    process.send({"stop": why})
    ends(events)
    assert (tmp_path / "cleared").exists()


def test_one_wish_from_many_sides_does_not_break_off_the_clearing_up(
    begin: Callable[..., LocalProcess], tmp_path: Path
) -> None:
    process = begin(clearing=1.0)
    events = working(process)
    process.send({"stop": "pause"})
    while not (tmp_path / "clearing").exists():
        time.sleep(0.01)
    process.send({"stop": "pause"})
    for _ in range(3):
        os.kill(process.pid, signal.SIGTERM)
        time.sleep(0.1)
    ends(events)
    assert (tmp_path / "cleared").exists()


def test_the_end_of_the_wire_stops_it(begin: Callable[..., LocalProcess], tmp_path: Path) -> None:
    process = begin()
    events = working(process)
    assert process._process.stdin is not None
    process._process.stdin.close()
    ends(events)
    assert (tmp_path / "cleared").exists()


def test_lines_of_no_meaning_are_passed_over(begin: Callable[..., LocalProcess]) -> None:
    process = begin(first=({"lease": {"token": "41", "seconds": 30.0}},), seconds=1.0)
    events = working(process)
    assert process._process.stdin is not None
    for line in (b"\n", b"{}\n", b"[1, 2]\n", b"\xff\xfe\n", b'{"answer": 9, "granted": true}\n', b'{"half": '):
        process._process.stdin.write(line)
        process._process.stdin.flush()
    for _ in events:
        pass
    assert process.result().value == {"token": "41"}


def test_work_without_a_keeper_has_no_token(begin: Callable[..., LocalProcess]) -> None:
    process = begin(seconds=0.1)
    for _ in process.events():
        pass
    assert process.result().value == {"token": None}


@pytest.mark.parametrize("try_", range(3))
def test_a_word_that_comes_with_the_request_stops_it_as_well(
    try_: int, begin: Callable[..., LocalProcess]
) -> None:
    process = begin(first=({"stop": "pause"},))
    ends(process.events())
