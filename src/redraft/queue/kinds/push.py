"""The kind "push": a model or a dataset goes to a hub. The token is the worker's own (HF_TOKEN)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from redraft.core.errors import UsageError
from redraft.queue.kinds.base import LONGEST, NAME, Kind, Payload, Start
from redraft.queue.kinds.plain import without_paths
from redraft.queue.kinds.things import dataset_folder, find_dataset, find_model, place_of_model
from redraft.state.tables import Job


class PushPayload(Payload):
    checkpoint: str | None = Field(None, description="The id of a checkpoint, a run or a model.")
    dataset: str | None = Field(None, description="The id of a dataset, in its place.")
    repo: str = Field(description="owner/name on the hub.", pattern=rf"^{NAME}/{NAME}$", max_length=200)
    public: bool = Field(False, description="A new repository is private otherwise.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"checkpoint": "ckpt-01k9zq3v7w3t9c5a7m2v4x8n1b", "repo": "someone/parts"}]
        }
    )

    @model_validator(mode="after")
    def _one_thing(self) -> PushPayload:
        if (self.checkpoint is None) == (self.dataset is None):
            raise ValueError("give either a checkpoint or a dataset")
        return self


class Push(Kind[PushPayload]):
    name = "push"
    title = "Upload to a hub"
    resource = "light"
    payload = PushPayload

    def label(self, payload: PushPayload) -> str:
        return f"Upload to {payload.repo}"[:LONGEST]

    def plan(self, session: Session, job: Job, payload: PushPayload) -> list[str]:
        if payload.dataset is not None:
            return find_dataset(session, payload.dataset, job.owner)[1]
        found, needs = find_model(session, str(payload.checkpoint), job.owner)
        if found is None:
            raise UsageError("only what lies here is uploaded", where="checkpoint", remedy="Give an id")
        return needs

    def start(self, session: Session, job: Job) -> Start:
        payload = self.of(job)
        request = {"repo": payload.repo, "public": payload.public}
        if payload.dataset is not None:
            return Start("data.push", {**request, "dataset": str(dataset_folder(session, payload.dataset))})
        return Start("models.push", {**request, "checkpoint": place_of_model(session, str(payload.checkpoint))})

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        job.result = without_paths(value, {})
