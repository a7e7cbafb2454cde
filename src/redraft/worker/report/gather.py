"""Reads a run folder for its report. What is not there yet is left empty; what cannot be read is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from redraft.core.errors import InputError


@dataclass(frozen=True)
class Evaluation:
    """One folder that `inference.samples` wrote. base is where its samples' paths start."""

    base: Path
    figures: dict[str, Any]
    samples: list[dict[str, Any]]

    @property
    def step(self) -> int | None:
        return self.figures.get("step")


@dataclass(frozen=True)
class Run:
    """A run folder, read. steps: the events that hold a training loss, by step, later ones win after a resume."""

    folder: Path
    recipe: dict[str, Any]
    result: dict[str, Any]
    events: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    evaluations: list[Evaluation]
    finals: list[Evaluation]
    notes: list[str] = field(default_factory=list)

    @property
    def last(self) -> Evaluation | None:
        """The evaluation that speaks for the run: one made after training, else the last one during it."""
        return next(reversed(self.finals or self.evaluations), None)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("kind") == kind]


def gather(folder: Path) -> Run:
    """Everything the report needs of folder. A folder that is no run is an InputError."""
    notes: list[str] = []
    events = list(_events(folder / "events.jsonl", notes))
    recipe = _recipe(folder)
    if not recipe and not events:
        raise InputError("this folder is no run", where=str(folder), remedy="Give a folder that training wrote")
    steps = {e["step"]: e for e in events if _is_step(e)}
    return Run(
        folder=folder,
        recipe=recipe,
        result=_json(folder / "result.json", notes),
        events=events,
        steps=[steps[step] for step in sorted(steps)],
        evaluations=sorted(
            _evaluations(folder / "samples", notes), key=lambda e: -1 if e.step is None else e.step
        ),
        finals=sorted(_evaluations(folder / "evaluations", notes), key=_written),
        notes=notes,
    )


def _written(evaluation: Evaluation) -> float:
    return (evaluation.base / "evaluation.json").stat().st_mtime


def _is_step(event: dict[str, Any]) -> bool:
    measured = isinstance(event.get("step"), int) and isinstance(event.get("loss"), int | float)
    return measured and event.get("kind") == "step"


def _events(path: Path, notes: list[str]) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    unreadable = 0
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            unreadable += 1
            continue
        if isinstance(event, dict):
            yield event
    if unreadable:
        notes.append(f"{unreadable} of {len(lines)} lines of {path.name} cannot be read (a cut-off write).")


def _recipe(folder: Path) -> dict[str, Any]:
    for name in ("recipe.yaml", "recipe.json"):
        if (folder / name).is_file():
            try:
                data = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
            except (ValueError, yaml.YAMLError):
                raise InputError(
                    "the run's recipe cannot be read", where=str(folder / name), remedy="Train the run again"
                ) from None
            return data if isinstance(data, dict) else {}
    return {}


def _json(path: Path, notes: list[str]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        notes.append(f"{path.name} cannot be read.")
        return {}
    return data if isinstance(data, dict) else {}


def _evaluations(folder: Path, notes: list[str]) -> Iterator[Evaluation]:
    for path in sorted(folder.glob("*/evaluation.json")):
        figures = _json(path, notes)
        if figures:
            samples = _json(path.with_name("samples.json"), notes).get("samples", [])
            yield Evaluation(path.parent, figures, samples)
