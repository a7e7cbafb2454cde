"""The kind "check": every example of a dataset is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from redraft.queue.kinds.base import Kind, Payload, Start
from redraft.queue.kinds.plain import without_paths
from redraft.queue.kinds.things import dataset_folder, find_dataset, find_model, place_of_model
from redraft.state.tables import Dataset, Job

KEPT = 1000
"""Faults that a result lists; the rest are counted."""


class CheckPayload(Payload):
    dataset: str = Field(description="A dataset's id.")
    model: str | None = Field(None, description="Counts tokens as this model does.")
    max_tokens: int | None = Field(None, description="An example with more tokens is a fault.", ge=1)

    model_config = ConfigDict(json_schema_extra={"examples": [{"dataset": "data-01k9zq3v7w3t9c5a7m2v4x8n1b"}]})


class Check(Kind[CheckPayload]):
    name = "check"
    title = "Check a dataset"
    resource = "light"
    payload = CheckPayload

    def plan(self, session: Session, job: Job, payload: CheckPayload) -> list[str]:
        _, needs = find_dataset(session, payload.dataset, job.owner)
        if payload.model is not None:
            needs = [*needs, *find_model(session, payload.model, job.owner)[1]]
        return needs

    def start(self, session: Session, job: Job) -> Start:
        payload = self.of(job)
        request = {
            "dataset": str(dataset_folder(session, payload.dataset)),
            "model": place_of_model(session, payload.model) if payload.model is not None else None,
            "max_tokens": payload.max_tokens,
        }
        return Start("data.check", request, resumable=False)

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        row = session.get(Dataset, self.of(job).dataset)
        names = {row.folder: row.id} if row is not None else {}
        faults = list(value.get("faults") or ())
        job.result = without_paths({**value, "faults": faults[:KEPT]}, names)
