"""The kind "search": page styles are tried against a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from redraft.core.discovery import task_module
from redraft.core.errors import UsageError
from redraft.queue.kinds.base import Kind, Payload, Start
from redraft.queue.kinds.plain import without_paths
from redraft.queue.kinds.things import dataset_folder, find_dataset, find_model, place_of_model
from redraft.state.places import EVALUATIONS, new_id, place
from redraft.state.tables import Dataset, Job

OUTPUT = "search"
VERB = "search"


class SearchPayload(Payload):
    dataset: str = Field(description="The id of a dataset of documents with summaries.")
    model: str = Field(
        "default/summary", description="The id of a checkpoint, a run or a model, or default/<task>."
    )
    split: str = Field("validation", description="Of the dataset.", max_length=40)
    limit: int = Field(64, description="Documents, evenly over the split.", ge=2)
    grid: dict[str, list[Any]] | None = Field(
        None, description="Fields of a page style to the values that are tried."
    )
    trials: int = Field(24, description="Styles tried, drawn from all of these.", ge=2, le=1000)
    seed: int = Field(
        0, description="Of the styles, the order of documents and the intervals.", ge=0, le=2**63 - 1
    )
    max_new_tokens: int | None = Field(None, description="The longest summary.", ge=1)
    batch_size: int | None = Field(None, description="Documents answered at once.", ge=1, le=4096)
    loop_stop: int | None = Field(None, description="Ends an answer that repeats so many tokens; 0: never.", ge=0)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"dataset": "data-01k9zq3v7w3t9c5a7m2v4x8n1b", "trials": 8, "limit": 32}]}
    )


class Search(Kind[SearchPayload]):
    name = "search"
    title = "Search a page style"
    resource = "device"
    payload = SearchPayload

    def plan(self, session: Session, job: Job, payload: SearchPayload) -> list[str]:
        dataset, needs = find_dataset(session, payload.dataset, job.owner)
        if dataset.task is not None:
            _verb(dataset)
        _, more = find_model(session, payload.model, job.owner)
        job.output = {**(job.output or {}), OUTPUT: new_id("search")}
        return [*needs, *more]

    def start(self, session: Session, job: Job) -> Start:
        payload, out = self.of(job), place(EVALUATIONS, job.output[OUTPUT])
        folder = dataset_folder(session, payload.dataset)
        dataset = session.get(Dataset, payload.dataset)
        assert dataset is not None
        request = payload.model_dump(mode="json") | {
            "dataset": str(folder),
            "model": place_of_model(session, payload.model),
            "output": str(out),
        }
        return Start(_verb(dataset), request, out)

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        dataset = session.get(Dataset, self.of(job).dataset)
        job.result = without_paths(value, {dataset.folder: dataset.id} if dataset is not None else {})

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        id = (job.output or {}).get(OUTPUT)
        return [place(EVALUATIONS, id)] if id and files else []


def _verb(dataset: Dataset) -> str:
    """The dataset's task's own search."""
    name = f"{dataset.task}.{VERB}"
    verbs = task_module(str(dataset.task), "verbs")
    if verbs is None or name not in getattr(verbs, "VERBS", {}):
        raise UsageError(
            f"the task {dataset.task} has no page styles to search",
            where="dataset",
            remedy="Give one of documents",
        )
    return name
