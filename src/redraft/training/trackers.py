"""Metrics to TensorBoard, MLflow, Weights & Biases and Trackio, through accelerate's trackers.

events.jsonl stays the only truth: what a tracker has missed can be sent again from it, so a tracker that fails
is said once, left out from then on, and never stops a run. Where each one keeps its data, and whether it is
offline, is its own affair (MLFLOW_TRACKING_URI, WANDB_MODE, ...); TensorBoard writes into the run's folder.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from redraft.core.atomic import write_json
from redraft.core.errors import RecipeError
from redraft.core.recipe import Recipe
from redraft.core.work import Work

FOLDER = "tensorboard"
IDENTITY = "trackers.json"
"""In the run: the names under which services know it, so that a resumed run goes on there."""
KINDS = {"step": "train", "evaluation": "evaluation"}
"""Kinds of events that are reported, and what their figures are called: "train/loss"."""
UNTOLD = ("kind", "step")


def check_trackers(names: tuple[str, ...]) -> None:
    """A RecipeError where a tracker is not installed, with the command that installs it."""
    from accelerate.tracking import get_available_trackers

    there = {str(tracker) for tracker in get_available_trackers()}
    missing = [name for name in names if name not in there]
    if missing:
        raise RecipeError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            where="train.trackers",
            remedy=f"Run `pip install {' '.join(missing)}`, or remove {'it' if len(missing) == 1 else 'them'}",
        )


class Trackers:
    """The trackers of a run, told of each event; used as a context. In a process that is not the main one, and
    without names, it does nothing."""

    def __init__(self, recipe: Recipe, run: Path, work: Work, main: bool = True, step: int = 0) -> None:
        """step: of the checkpoint that the run goes on from; what was reported behind it is done again."""
        self._work, self._run, self._step = work, run, step
        self._open: dict[str, Any] = {}
        self._names = recipe.train.trackers if main else ()
        if self._names:
            self._begin(recipe)

    def __enter__(self) -> Trackers:
        return self

    def __exit__(self, *_: object) -> None:
        for name, tracker in list(self._open.items()):
            self._safely(name, tracker.finish)
            self._open.pop(name, None)

    def event(self, row: Mapping[str, Any]) -> None:
        """Reports a row of events.jsonl; other kinds than steps and evaluations are passed over."""
        prefix = KINDS.get(str(row.get("kind")))
        if prefix is None or not self._open:
            return
        values = {f"{prefix}/{name}": value for name, value in flat(row).items() if name not in UNTOLD}
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        for name in list(self._open):
            self._safely(name, partial(self._open[name].log, numbers, step=row["step"]))

    def _begin(self, recipe: Recipe) -> None:
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        kept = _identity(self._run)
        config = {name: _plain(value) for name, value in flat(recipe.model_dump(mode="json")).items()}
        for name in self._names:

            def begin(name: str = name) -> None:
                kind, settings = LOGGER_TYPE_TO_CLASS[name], _settings(name, self._run, kept, self._step)
                tracker = kind(f"redraft-{recipe.task}" if name != "tensorboard" else FOLDER, **settings)
                tracker.start()
                self._open[name] = tracker
                if name == "mlflow":
                    kept["mlflow"] = tracker.tracker.info.run_id
                # A resumed run has said its settings; some services refuse to hear them twice.
                if not kept.get("resumed"):
                    tracker.store_init_configuration(config)

            self._safely(name, begin)
        with suppress(Exception):
            write_json(self._run / IDENTITY, {**kept, "resumed": True})

    def _safely(self, name: str, do: Callable[[], Any]) -> None:
        try:
            do()
        except (Exception, SystemExit) as error:
            tracker: Any = self._open.pop(name, None)
            with suppress(Exception):  # what it took until now may still be kept
                tracker.finish()
            said = str(error).strip().splitlines() or [""]
            self._work.log(
                f"{name} is left out from here on ({type(error).__name__}: {said[0]}); events.jsonl has all of it",
                "warning",
            )


def _settings(name: str, run: Path, kept: Mapping[str, Any], step: int) -> dict[str, Any]:
    """What a tracker's first call takes besides the project."""
    if name == "tensorboard":
        # Its files are named by the second: a run that goes on within it would write over what it reported.
        again = {"purge_step": step + 1, "filename_suffix": f".from-{step}"} if step else {}
        return {"logging_dir": str(run), **again}
    if name == "mlflow":
        return {"run_name": run.name, "run_id": kept.get("mlflow")}
    again = {"resume": "allow"}
    if name == "wandb":
        return {"name": run.name, "id": kept["id"], "dir": str(run), **again}
    return {"name": f"{run.name}-{kept['id']}", **again}


def _identity(run: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return dict(json.loads((run / IDENTITY).read_text(encoding="utf-8")))
    return {"id": secrets.token_hex(4)}


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _plain(value: Any) -> Any:
    """A setting as every tracker takes it: numbers, truths and texts."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)
