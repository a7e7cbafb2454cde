"""Runs as the API gives them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from redraft.web.jobs.models import DATASET, ID, RUN, Seconds

_CHECKPOINT: dict[str, JsonValue] = {
    "id": "checkpoint-01k9zq3vbq4r5s6t7u8v9w0x1y",
    "run": RUN,
    "run_name": "quick_test on first parts",
    "task": "cad",
    "base": "tiny",
    "step": 100,
    "bytes": 13_000_000,
    "latest": True,
    "removed": False,
    "created_at": 1795336470.4,
}
_RUN: dict[str, JsonValue] = {
    "id": RUN,
    "name": "quick_test on first parts",
    "task": "cad",
    "base": "tiny",
    "dataset": DATASET,
    "job": ID,
    "status": "running",
    "steps": 100,
    "train_loss": None,
    "score": None,
    "created_at": 1795336440.1,
}


class CheckpointItem(BaseModel):
    """A saved state of a run, from which it can go on and with which one can answer."""

    id: str
    run: str
    run_name: str
    task: str | None
    base: str | None = Field(description="The model that the run began from.")
    step: int
    bytes: int | None
    latest: bool
    removed: bool = Field(description="Pruned by its run, or gone from the disk.")
    created_at: Seconds

    model_config = ConfigDict(json_schema_extra={"examples": [_CHECKPOINT]})


class CheckpointPage(BaseModel):
    """Some checkpoints of a longer list."""

    items: list[CheckpointItem]
    next: str | None = Field(None, description="Give it as `after` to get the page that follows; null: the last.")


class EvaluationItem(BaseModel):
    """What a model reached on a split of a dataset."""

    id: str
    model: str
    dataset: str | None
    split: str
    scores: dict[str, Any]
    job: str | None
    created_at: Seconds


class RunItem(BaseModel):
    """A run in a list."""

    id: str
    name: str
    task: str | None
    base: str | None
    dataset: str | None
    job: str | None
    status: str = Field(description="new, running, paused, finished, failed, missing.")
    steps: int = Field(description="Optimiser steps that are saved.")
    train_loss: float | None = Field(description="Of its last epoch, once it has ended.")
    score: float | None = Field(description="The mean score of its last evaluation, once it has ended.")
    created_at: Seconds


class RunPage(BaseModel):
    """Some runs of a longer list."""

    items: list[RunItem]
    next: str | None = Field(None, description="Give it as `after` to get the page that follows; null: the last.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_RUN], "next": None}]})


class RunDetail(RunItem):
    """One run with its recipe, checkpoints and evaluations."""

    recipe: dict[str, Any]
    result: dict[str, Any] | None
    checkpoints: list[CheckpointItem]
    evaluations: list[EvaluationItem]
    report: bool = Field(description="Whether /report.html of the run is there.")


class SeriesData(BaseModel):
    """One figure over the steps it was measured at."""

    name: str
    step: list[int]
    value: list[float] = Field(description="The mean over the steps that are put together.")
    low: list[float] | None = Field(description="The least of them; null where every step stands for itself.")
    high: list[float] | None


class EvaluationPoint(BaseModel):
    """An evaluation during training."""

    step: int
    split: str | None = None
    examples: int | None = None
    mean: float | None = Field(None, description="Score from 0 to 1.")
    interval: list[float] | None = Field(None, description="95 % interval of the mean.")
    valid: float | None = Field(None, description="The part of answers that are valid.")
    valid_interval: list[float] | None = None
    loss: float | None = None
    loss_shuffled: float | None = Field(None, description="With the images of other examples.")
    blind: bool | None = Field(None, description="Whether nothing shows that the model uses its images.")


class Metrics(BaseModel):
    """What a run has measured, as far as it is."""

    run: str
    status: str
    step: int = Field(description="The last one measured; give it as `after` to get what follows.")
    steps: int | None = Field(description="The last there will be, where it is known.")
    series: list[SeriesData]
    evaluations: list[EvaluationPoint]
    checkpoints: list[int] = Field(description="Steps that were saved.")
    resumed: list[int] = Field(description="Steps from which it went on after it had stopped.")
    unreadable: int = Field(description="Lines of its record that cannot be read.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run": RUN,
                    "status": "running",
                    "step": 4,
                    "steps": 126,
                    "series": [
                        {
                            "name": "loss",
                            "step": [2, 4],
                            "value": [6.3, 5.9],
                            "low": [6.2, 5.8],
                            "high": [6.4, 6.0],
                        }
                    ],
                    "evaluations": [{"step": 0, "split": "validation", "examples": 32, "mean": 0.0, "valid": 0.0}],
                    "checkpoints": [],
                    "resumed": [],
                    "unreadable": 0,
                }
            ]
        }
    )
