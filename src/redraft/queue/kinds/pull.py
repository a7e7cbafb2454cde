"""The kind "pull": a model is fetched from a hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.queue.kinds.base import LONGEST, NAME, Kind, Payload, Start
from redraft.queue.kinds.plain import without_paths
from redraft.queue.kinds.things import HUB, pending
from redraft.state.lying.models import model_columns
from redraft.state.places import new_id
from redraft.state.tables import Job, Model

OUTPUT = "model"


class PullPayload(Payload):
    repo: str = Field(description="owner/name.", pattern=rf"^(hf:)?{NAME}/{NAME}$", max_length=200)
    revision: str | None = Field(
        None, description="A commit, tag or branch; the main one.", pattern=r"^[\w][\w./-]*$", max_length=100
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"repo": "HuggingFaceTB/SmolVLM-500M-Instruct"}]})


class Pull(Kind[PullPayload]):
    name = "pull"
    title = "Fetch a model"
    resource = "light"
    payload = PullPayload

    def label(self, payload: PullPayload) -> str:
        return f"Fetch {payload.repo.removeprefix(HUB)}"[:LONGEST]

    def plan(self, session: Session, job: Job, payload: PullPayload) -> list[str]:
        name = HUB + payload.repo.removeprefix(HUB)
        row = session.scalar(select(Model).where(Model.name == name))
        if row is None:
            row = Model(
                id=new_id("model"), name=name, kind="base", about={}, owner=job.owner, created_at=job.created_at
            )  # fmt: skip
            session.add(row)
        earlier = pending(session, row.job_id) if row.status == "pulling" else None
        row.status, row.job_id = "pulling", job.id
        job.output = {**(job.output or {}), OUTPUT: row.id}
        return [earlier] if earlier is not None else []

    def start(self, session: Session, job: Job) -> Start:
        row = _row(session, job)
        if row is not None:
            row.status = "pulling"
        payload = self.of(job)
        return Start("models.pull", {"repo": payload.repo, "revision": payload.revision})

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        row = _row(session, job)
        if row is None:
            return
        row.status, row.folder = "ready", str(value["folder"])
        row.revision = str(value["revision"])
        found = model_columns(Path(row.folder))
        row.licence = value.get("licence") or row.licence or found["licence"]
        row.bytes, row.parameters = found["bytes"] or row.bytes, row.parameters or found["parameters"]
        row.family = row.family or found["family"]
        job.result = without_paths({**value, "folder": row.id}, {})

    def failed(self, session: Session, job: Job) -> None:
        row = _row(session, job)
        if row is None or row.status != "pulling" or row.job_id != job.id:
            return
        if row.folder is not None and Path(row.folder).is_dir():
            row.status = "ready"
        else:
            row.status = "known" if row.about else "missing"


def _row(session: Session, job: Job) -> Model | None:
    id = (job.output or {}).get(OUTPUT)
    return session.get(Model, id) if id else None
