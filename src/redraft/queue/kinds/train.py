"""The kind "train": a recipe becomes a run, or a run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from redraft.core.errors import Conflict, UsageError
from redraft.core.recipe import override, recipe_from_data
from redraft.queue.kinds.base import Kind, Payload, Start
from redraft.queue.kinds.plain import without_paths
from redraft.queue.kinds.things import HUB, check_task, find_dataset, find_model, place_of_model
from redraft.queue.kinds.training_rows import enter_scores, match_checkpoints, read_json
from redraft.queue.presets import find_recipe
from redraft.state.lying.runs import RECIPE, RESULT, result_of
from redraft.state.places import RUNS, new_id, place
from redraft.state.tables import Dataset, Job, Run, State

OUTPUT = "run"
"""The key of `Job.output` that holds the run's id."""
OURS = "data-"
"""How ids of datasets begin."""
TINY = "tiny"
"""The model that comes with redraft; it has no weights before it is trained."""


class TrainPayload(Payload):
    recipe: dict[str, Any] | None = Field(None, description="A recipe's keys; docs/recipes.md lists them.")
    preset: str | None = Field(None, description="A recipe that comes with redraft, in place of one's own.")
    overrides: list[str] = Field([], description="key=value, such as train.epochs=3.", max_length=200)
    dataset: str | None = Field(None, description="A dataset's id; else the recipe names one on a hub.")
    model: str | None = Field(
        None,
        description="What to begin from: tiny, hf:<owner>/<name>, or a checkpoint's, run's or model's id.",
    )
    name: str | None = Field(None, description="The run's name.", min_length=1, max_length=200)
    processes: Annotated[int, Field(ge=1, le=64, description="That train it together on one machine.")] = 1

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"preset": "quick_test", "dataset": "data-01k9zq3v7w3t9c5a7m2v4x8n1b", "model": "tiny"},
                {
                    "recipe": {
                        "task": "cad",
                        "model": {"base": "tiny", "freeze": []},
                        "train": {"max_steps": 100},
                    },
                    "dataset": "data-01k9zq3v7w3t9c5a7m2v4x8n1b",
                    "overrides": ["train.save_every=20"],
                },
            ]
        }
    )

    @model_validator(mode="after")
    def _one_recipe(self) -> TrainPayload:
        if (self.recipe is None) == (self.preset is None):
            raise ValueError("give either a recipe or a preset")
        return self


class Train(Kind[TrainPayload]):
    name = "train"
    title = "Train a model"
    resource = "device"
    payload = TrainPayload

    def label(self, payload: TrainPayload) -> str:
        return payload.name or f"Train {payload.preset or 'a recipe'}"

    def plan(self, session: Session, job: Job, payload: TrainPayload) -> list[str]:
        data, dataset, needs = recipe_of(session, payload, job.owner)
        id = new_id("run")
        folder = place(RUNS, id)
        row = Run(
            id=id,
            name=payload.name or _name(payload, dataset),
            folder=str(folder),
            task=data["task"],
            base=data["model"]["base"],
            recipe=data,
            dataset_id=dataset.id if dataset is not None else None,
            status="new",
            job_id=job.id,
            owner=job.owner,
            created_at=job.created_at,
        )
        session.add(row)
        job.output = {**(job.output or {}), OUTPUT: id}
        return needs

    def start(self, session: Session, job: Job) -> Start:
        run = _row(session, job)
        if run is None:
            raise Conflict("the run of this job was removed", where=job.id, remedy="Submit it again")
        folder, processes = Path(run.folder), self.of(job).processes
        data = opened(session, run)
        match_checkpoints(session, run, job.updated_at)
        run.status = "running"
        if (folder / RECIPE).is_file():
            request: dict[str, Any] = {"resume": str(folder), "dataset": data["dataset"]}
        else:
            request = {"recipe": data, "out": str(folder)}
        if processes > 1:
            request["processes"] = processes  # the worker starts them by torchrun
        return Start("train", request, folder, processes)

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        run = _row(session, job)
        if run is None:
            return
        dataset = session.get(Dataset, run.dataset_id) if run.dataset_id else None
        names = {run.folder: run.id} | ({dataset.folder: dataset.id} if dataset is not None else {})
        run.status, run.steps = "finished", int(value.get("steps") or 0)
        run.result = job.result = without_paths(result_of(value), names)
        enter_scores(session, run, job, match_checkpoints(session, run, job.updated_at), job.updated_at)

    def failed(self, session: Session, job: Job) -> None:
        self._ended(session, job, "failed")

    def paused(self, session: Session, job: Job) -> None:
        self._ended(session, job, "paused")

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        run = _row(session, job)
        if run is None:
            return []
        if not files:
            self._ended(session, job, "failed")
            return []
        session.delete(run)
        return [Path(run.folder)]

    def _ended(self, session: Session, job: Job, status: str) -> None:
        run = _row(session, job)
        if run is None or run.status == "finished":
            return
        rows = match_checkpoints(session, run, job.updated_at)
        # What a run has saved can be gone on with, unless it was its own fault that it ended.
        run.status = "paused" if rows and job.state != State.FAILED else status
        result = read_json(Path(run.folder) / RESULT)
        run.steps = max(rows, default=0)
        run.result = without_paths(result_of(result), {run.folder: run.id}) if result else run.result


def recipe_of(
    session: Session, payload: TrainPayload, owner: str | None = None
) -> tuple[dict[str, Any], Dataset | None, list[str]]:
    """The whole recipe, with the dataset and the base by their ids or names, the dataset's row, and the jobs that
    make what it needs. What does not fit is told before anything is queued."""
    data = deepcopy(
        dict(payload.recipe if payload.recipe is not None else find_recipe(str(payload.preset)).recipe)
    )
    dataset: Dataset | None = None
    needs: list[str] = []
    named = payload.dataset or (data.get("dataset") if str(data.get("dataset")).startswith(OURS) else None)
    if named is not None:
        dataset, needs = find_dataset(session, named, owner)
        data["dataset"] = dataset.id
        if payload.preset is not None and dataset.task is not None:
            data["task"] = dataset.task  # a preset is for any task
    if payload.model is not None:
        given_model = data.get("model")
        data["model"] = {**(given_model if isinstance(given_model, dict) else {}), "base": payload.model}
        if payload.preset is not None and payload.model == TINY:
            # It starts from nothing, so a preset trains all of it, and has no features of a frozen part to keep.
            data["model"] = {"base": TINY, "freeze": []}
            data["train"] = {**data.get("train", {}), "feature_cache": "auto"}
    for text in payload.overrides:
        override(data, text)
    recipe = recipe_from_data(data)
    check_task(recipe.task)
    if recipe.model.base == TINY and recipe.model.adapter is not None:
        raise UsageError(
            "the tiny model starts from random weights, so an adapter alone would train on noise",
            where="model.adapter",
            remedy="Leave model.adapter out, or name another model",
        )
    if recipe.output is not None:
        raise UsageError("a job's run lies in the state folder", where="output", remedy="Leave this key out")
    if dataset is None and not recipe.dataset.startswith(HUB):
        raise UsageError(
            "a job's dataset is named by its id",
            where="dataset",
            remedy="Give dataset: an id of `redraft db sync` or the API, or hf:<owner>/<name> in the recipe",
        )
    if dataset is not None and dataset.task is not None and dataset.task != recipe.task:
        raise UsageError(
            f"this dataset was made for the task '{dataset.task}'",
            where="task",
            remedy=f"Give task: {dataset.task}, or another dataset",
        )
    if recipe.model.base.startswith("default/"):
        raise UsageError("a task's default is no base to train", where="model.base", remedy="Give a model's id")
    _, more = find_model(session, recipe.model.base, owner)
    return recipe.model_dump(mode="json"), dataset, [*needs, *more]


def opened(session: Session, run: Run) -> dict[str, Any]:
    """A run's recipe with the folders that its ids mean. A RecipeError or Conflict where it no longer holds."""
    data = recipe_from_data(run.recipe, where=f"the recipe of {run.id}").model_dump(mode="json")
    if run.dataset_id is not None:
        row = session.get(Dataset, run.dataset_id)
        if row is None or not Path(row.folder).is_dir():
            raise Conflict(
                "the dataset of this run has been removed",
                where=run.dataset_id,
                remedy="Put its folder back and resume the job, or train on another one",
            )
        data["dataset"] = row.folder
    data["model"]["base"] = place_of_model(session, data["model"]["base"])
    return data


def _row(session: Session, job: Job) -> Run | None:
    id = (job.output or {}).get(OUTPUT)
    return session.get(Run, id) if id else None


def _name(payload: TrainPayload, dataset: Dataset | None) -> str:
    return f"{payload.preset or 'a recipe'} on {dataset.name if dataset is not None else 'the hub'}"[:200]
