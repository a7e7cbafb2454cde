"""Several runs side by side: what differs in their settings, their curves, their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from redraft.core.recipe import Recipe
from redraft.state.database import Database
from redraft.state.tables import Dataset, Run
from redraft.web.owned import owned
from redraft.web.runs.events import RunsEvents
from redraft.web.runs.metrics import metrics
from redraft.web.runs.models import EvaluationPoint, RunItem, SeriesData
from redraft.web.runs.rows import evaluations, item
from redraft.web.shown import shown


class Setting(BaseModel):
    """A key of the recipe in which the runs differ."""

    key: str = Field(description="Such as `train.learning_rate`.")
    values: list[Any] = Field(description="One for each run, in their order; null where it is not set.")


class Score(BaseModel):
    """What each run reached on the same split of the same dataset."""

    dataset: str | None
    dataset_name: str | None
    split: str
    means: list[float | None] = Field(description="One for each run; null where it was not evaluated there.")
    intervals: list[list[float] | None]


class Compared(BaseModel):
    """A run among those that are compared."""

    run: RunItem
    series: list[SeriesData]
    evaluations: list[EvaluationPoint]


class Comparison(BaseModel):
    """Several runs side by side."""

    runs: list[Compared]
    settings: list[Setting]
    scores: list[Score]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "runs": [],
                    "settings": [{"key": "train.learning_rate", "values": [2e-5, 1e-4]}],
                    "scores": [
                        {
                            "dataset": "data-01k9zq3v7w3t9c5a7m2v4x8n1b",
                            "dataset_name": "first parts",
                            "split": "test",
                            "means": [0.61, 0.72],
                            "intervals": [[0.5, 0.72], [0.63, 0.81]],
                        }
                    ],
                }
            ]
        }
    )


def compare(
    database: Database, events: RunsEvents, ids: Sequence[str], owner: str, points: int, names: Sequence[str]
) -> Comparison:
    """The runs in the order of their ids as given; NotFound where one is not there."""
    with database.read() as session:
        runs = [owned(session, Run, id, owner) for id in ids]
        scored = [evaluations(session, id) for id in ids]
        called = {row.id: row.name for row in session.execute(select(Dataset.id, Dataset.name))}
    compared = []
    for run in runs:
        found = metrics(events, run, after=-1, points=points, names=names)
        compared.append(Compared(run=RunItem(**item(run)), series=found.series, evaluations=found.evaluations))
    return Comparison(
        runs=compared,
        settings=differences([shown(run.recipe) for run in runs]),
        scores=_scores([_by_split(one) for one in scored], called),
    )


def differences(recipes: Sequence[dict[str, Any]]) -> list[Setting]:
    """The keys in which the recipes differ, in the recipe's own order."""
    flat = [_flat(recipe) for recipe in recipes]
    keys = dict.fromkeys(key for recipe in flat for key in recipe)
    order = {name: place for place, name in enumerate(Recipe.model_fields)}
    found = [Setting(key=key, values=[recipe.get(key) for recipe in flat]) for key in keys]
    found = [one for one in found if any(value != one.values[0] for value in one.values)]
    return sorted(found, key=lambda one: order.get(one.key.partition(".")[0], len(order)))


def _flat(data: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{before}{key}.")
        else:
            found[before + key] = value
    return found


def _by_split(scored: Sequence[Any]) -> dict[tuple[str | None, str], dict[str, Any]]:
    """The newest scores of each split."""
    return {(one.dataset, one.split): one.scores for one in scored}


def _scores(runs: Sequence[dict[tuple[str | None, str], dict[str, Any]]], called: dict[str, str]) -> list[Score]:
    return [
        Score(
            dataset=dataset,
            dataset_name=called.get(dataset or ""),
            split=split,
            means=[run.get((dataset, split), {}).get("mean") for run in runs],
            intervals=[run.get((dataset, split), {}).get("interval") for run in runs],
        )
        for dataset, split in dict.fromkeys(place for run in runs for place in run)
    ]
