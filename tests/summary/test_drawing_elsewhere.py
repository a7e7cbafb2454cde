"""Whole splits drawn in other processes: the same pages in order, and their errors, whatever becomes of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from importing import rows, take, write_lines

from redraft.core.errors import InputError
from redraft.datasets.drawers import FEWEST, Drawer, DrawerLost, Drawers
from redraft.datasets.drawing import Drawing
from redraft.tasks.summary.task import TASK


def test_a_split_read_whole_has_the_pages_of_its_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    count = FEWEST + 4
    split = take(write_lines(tmp_path / "s.jsonl", rows(count)), tmp_path / "d", train=count).dataset.split(
        "train"
    )
    used: list[int] = []
    draw = Drawers.draw
    monkeypatch.setattr(Drawers, "draw", lambda self, *given: used.append(1) or draw(self, *given))
    whole = list(split)
    assert len(used) == count and [example.id for example in whole] == split.ids
    assert all(example == split[index] for index, example in enumerate(whole))
    assert len(used) == count  # one at a time is drawn here
    list(split.evenly(3))
    assert len(used) == count


def test_errors_come_back_and_a_lost_process_is_made_up_for() -> None:
    options = TASK.options({})
    truth = {"text": "Some words.", "format": "text", "summary": "s"}
    drawers = Drawers("summary", options, most=1)
    try:
        drawn = drawers.draw(truth, 1)
        assert drawn == TASK.draw(truth, 1, options)
        with pytest.raises(InputError, match="the document has no text"):
            drawers.draw({"text": " ", "summary": "s"}, 1)
        drawers._all[-1]._process.kill()
        drawers._all[-1]._process.wait()
        with pytest.raises(DrawerLost):
            drawers.draw(truth, 1)
        assert drawers.draw(truth, 1) == drawn
    finally:
        drawers.close()
    assert all(drawer._process.poll() is not None for drawer in drawers._all)


def test_where_processes_fail_it_is_drawn_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)

    def lost(self: Drawer, *_: object) -> None:
        raise DrawerLost("gone")

    monkeypatch.setattr(Drawers, "draw", lost)
    made = take(write_lines(tmp_path / "s.jsonl", rows(1)), tmp_path / "d", train=1)
    example = made.dataset.split("train").example(0, draw=False)
    drawing = Drawing(TASK, made.dataset.options)
    assert drawing.elsewhere(example) == drawing(example) and drawing(example).images
