"""Training under a lease: no step and no checkpoint without it, the token in the names, stops at any place."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from killing import losses, same_checkpoint
from leased import LEASE, Leased, Question
from toy_run import go

from redraft.core.errors import Interrupted, LeaseLost
from redraft.training import run
from redraft.training.events import read
from redraft.training.stopping import StopRequest
from toy_parts import toy_recipe

OVER = {"lease": {"token": "7", "seconds": 0.0}}


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def recipe(**more: Any) -> Any:
    return toy_recipe(**{"max_steps": 6, "epochs": 99, "save_every": 2, **more})


def test_each_checkpoint_is_asked_before_it_has_its_name_and_told_after(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    lying: list[list[str]] = []

    def answer(question: Question) -> bool:
        assert question["values"]["path"] == f"checkpoints/step-{question['values']['step']}"
        lying.append(checkpoints(folder))
        return True

    work = Leased(answer)
    go(folder, recipe(keep=9), 8, work=work)
    steps = (2, 4, 6)
    assert work.asked == [(kind, step) for step in steps for kind in ("publish", "checkpoint")]
    assert lying[:2] == [[".step-2.7.tmp"], ["step-2"]]
    assert lying[2:4] == [[".step-4.7.tmp", "step-2"], ["step-2", "step-4"]]
    assert checkpoints(folder) == ["step-2", "step-4", "step-6"]
    manifest = json.loads((folder / "checkpoints" / "step-4" / "manifest.json").read_text())
    assert manifest["token"] == "7"


@pytest.mark.parametrize("kind", ["publish", "checkpoint"])
def test_a_refused_checkpoint_leaves_nothing(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "run"
    work = Leased(lambda question: (question["kind"], question["values"]["step"]) != (kind, 4))
    with pytest.raises(LeaseLost):
        go(folder, recipe(), 8, work=work)
    assert checkpoints(folder) == ["step-2"]
    assert run.result_of(folder) == {} and losses(folder)[-1][0] == 4


def test_no_step_is_done_once_the_lease_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    work = Leased(at_step=lambda step: work.lease.hear({"stop": "lost"}) if step == 3 else None)
    with pytest.raises(LeaseLost):
        go(folder, recipe(), 8, work=work)
    assert [step for step, _ in losses(folder)] == [1, 2, 3]
    assert checkpoints(folder) == ["step-2"] and run.result_of(folder) == {}
    assert ("publish", 4) not in work.asked


def test_a_lease_that_is_renewed_late_changes_no_bit(tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    waited: list[float] = []

    def run_out(step: int) -> None:
        if step == 3:
            work.lease.hear(OVER)
            waited.append(time.monotonic())
            threading.Timer(0.5, work.lease.hear, args=(LEASE,)).start()
        elif step == 4:
            waited.append(time.monotonic())

    work = Leased(at_step=run_out)
    result = go(folder, recipe(), 8, work=work)
    go(whole, recipe(), 8)
    assert waited[1] - waited[0] >= 0.5 and any("waiting for its renewal" in line for line in work.logs)
    assert losses(folder) == losses(whole)
    same_checkpoint(folder / "checkpoints" / "step-6", whole / "checkpoints" / "step-6")
    seconds = [row["seconds"] for row in read(folder) if row["kind"] == "step"]
    assert sum(seconds) <= result["train_seconds"] + 0.01 and max(seconds[3:]) < 0.5 + min(seconds)


def test_who_was_left_alone_saves_and_ends_while_its_lease_lasts(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def leave(step: int) -> None:
        if step == 3:
            work.lease.left_alone()
            os.kill(os.getpid(), signal.SIGTERM)

    work = Leased(at_step=leave)
    with pytest.raises(Interrupted, match="saved at step 3"):
        go(folder, recipe(), 8, work=work)
    assert checkpoints(folder) == ["step-2", "step-3"] and ("publish", 3) not in work.asked


def stopping(place: str) -> Leased:
    """Asks to stop many times at once, as several who see to an end would: after a step, or while it saves."""

    def stop(here: str) -> None:
        if here == place:
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGTERM)

    def answer(question: Question) -> bool:
        stop(f"{question['kind']} {question['values']['step']}")
        return True

    return Leased(answer, lambda step: stop(f"step {step}"))


@pytest.mark.parametrize(("place", "step"), [("step 3", 3), ("publish 4", 5), ("checkpoint 4", 5)])
def test_wishes_from_many_sides_break_off_no_saving(tmp_path: Path, place: str, step: int) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Interrupted, match=f"saved at step {step}"):
        go(folder, recipe(), 8, work=stopping(place))
    assert run.result_of(folder)["status"] == "paused"
    assert checkpoints(folder)[-1] == f"step-{step}"


def scored(folder: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["mean"]) for row in read(folder) if row["kind"] == "evaluation"]


@pytest.mark.parametrize("place", ["before", "within", "at the end"])
def test_an_evaluation_that_a_pause_came_before_is_done_when_the_run_goes_on(tmp_path: Path, place: str) -> None:
    """A pause does not wait for an evaluation, and none is lost by it."""
    settings = recipe(evaluate_every=2, evaluate_first=False)
    last = 6 if place == "at the end" else 4
    asked = False

    def stop(step: int) -> None:
        nonlocal asked
        if step == last and not asked:
            asked = True
            os.kill(os.getpid(), signal.SIGTERM)

    def evaluate(step: int) -> dict[str, Any]:
        if place != "before":
            stop(step)
        return {"mean": 1.0 / (1 + abs(step - 4))}

    go(tmp_path / "whole", settings, 8, lambda step: {"mean": 1.0 / (1 + abs(step - 4))}, Leased())
    folder = tmp_path / "run"
    with pytest.raises(Interrupted, match=f"saved at step {last}"):
        go(folder, settings, 8, evaluate, Leased(at_step=stop if place == "before" else lambda step: None))
    assert scored(folder)[-1][0] == last - 2
    result = go(folder, settings, 8, evaluate, Leased())
    assert result["status"] == "finished" and result["best_checkpoint"] == "checkpoints/step-4"
    assert scored(folder) == scored(tmp_path / "whole") and losses(folder) == losses(tmp_path / "whole")
    same_checkpoint(folder / "checkpoints" / "step-6", tmp_path / "whole" / "checkpoints" / "step-6")


def test_the_second_interrupt_of_the_keyboard_ends_at_once() -> None:
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
