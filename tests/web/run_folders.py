"""Runs as training leaves them: rows, events.jsonl, samples and report, written by the code that writes them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image as Pictures

from redraft.core.example import Example, Image, message
from redraft.core.prediction import Prediction
from redraft.core.recipe import recipe_from_data
from redraft.core.score import Score
from redraft.core.work import Silent
from redraft.inference.judged import Judged
from redraft.inference.samples import write_samples
from redraft.state.database import Database
from redraft.state.places import RUNS, new_id, place
from redraft.state.tables import Checkpoint, Evaluation, Run
from redraft.training.events import Events

RECIPE = {"task": "cad", "dataset": "data-01k9zq3v7w3t9c5a7m2v4x8n1b", "train": {"max_steps": 200}}


def recipe(**changes: Any) -> dict[str, Any]:
    """A whole recipe; changes: of sections, such as train={"learning_rate": 1e-4}."""
    data = {**RECIPE, **{name: {**RECIPE.get(name, {}), **value} for name, value in changes.items()}}  # type: ignore[dict-item]
    return recipe_from_data(data).model_dump(mode="json")


def enter_run(database: Database, name: str, *, owner: str = "local", created: float = 1.0, **columns: Any) -> Run:
    """A run's row with its folder."""
    id = new_id("run")
    folder = place(RUNS, id)
    folder.mkdir(parents=True)
    values = {"recipe": recipe(), "task": "cad", "base": "tiny", **columns}
    run = Run(id=id, name=name, folder=str(folder), owner=owner, created_at=created, **values)
    with database.write() as session:
        session.add(run)
    return run


def enter_checkpoint(database: Database, run: Run, step: int, **columns: Any) -> str:
    id = new_id("ckpt")
    with database.write() as session:
        path = f"checkpoints/step-{step}"
        session.add(Checkpoint(id=id, run_id=run.id, step=step, path=path, created_at=float(step), **columns))
    return id


def enter_scores(database: Database, run: Run, dataset: str, mean: float, **columns: Any) -> None:
    with database.write() as session:
        session.add(
            Evaluation(
                id=new_id("eval"), run_id=run.id, model=run.id, dataset_id=dataset, split="test",
                scores={"mean": mean, "interval": [mean - 0.1, mean + 0.1]}, created_at=1.0, **columns,
            )
        )  # fmt: skip


def train(run: Run, steps: range, length: int | None = None) -> int:
    """Appends the rows of some steps, with a checkpoint at the last; the file's length in bytes."""
    events = Events(Path(run.folder), Silent(), length)
    if steps.start == 1:
        events.row("start", machine={"device": "cpu"}, dataset={"folder": run.folder})
        events.row("evaluation", step=0, split="validation", examples=4, mean=0.0, valid=0.0, loss=6.0)
    else:
        events.row("resume", step=steps.start - 1, checkpoint=f"checkpoints/step-{steps.start - 1}")
    for step in steps:
        events.row(
            "step", step=step, epoch=step / 10, loss=10.0 / step, learning_rate=1e-4, gradient_norm=float("nan"),
            examples=8, tokens=100, seconds=0.1, examples_per_second=80.0, memory_bytes=10**9,
        )  # fmt: skip
    events.row("checkpoint", step=steps.stop - 1, path=f"checkpoints/step-{steps.stop - 1}")
    written = events.sync()
    events.close()
    return written


def png(grey: int) -> bytes:
    file = io.BytesIO()
    Pictures.new("L", (4, 4), grey).save(file, "PNG")
    return file.getvalue()


class Drawing:
    """A task that draws an answer: a picture as grey as the answer says."""

    name = "drawing"

    def illustrate(self, answer: str, example: Example) -> tuple[Image, ...]:
        return (Image("answer.png", png(int(answer))),) if answer.isdigit() else ()


def add_samples(run: Run, step: int, answers: list[str], before: int | None = None) -> None:
    """The samples of an evaluation of two examples; before: the step whose answers stand beside."""
    examples = [
        Example(
            f"part-{number}",
            (Image("front.png", png(number)), Image("top.png", png(100 + number))),
            (message("user", "What is it?", 2), message("assistant", str(number))),
            {},
        )
        for number in range(2)
    ]
    scores = [Score(float(answer == str(number)), "ok") for number, answer in enumerate(answers)]
    judged = Judged(
        "run",
        [
            [Prediction(one.id, answer, "stop", 3, 0.1, -0.1)]
            for one, answer in zip(examples, answers, strict=True)
        ],
        [[score] for score in scores],
        1.0,
    )
    samples = Path(run.folder) / "samples"
    figures = {"step": step, "model": "run", "split": "validation", "examples": 2, "mean": 0.5, "says": ["Half."]}
    write_samples(
        samples / f"step-{step}", Drawing(), examples, judged, None, figures, 2,  # type: ignore[arg-type]
        samples / f"step-{before}" if before is not None else None,
    )  # fmt: skip
