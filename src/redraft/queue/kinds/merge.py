"""The kind "merge": an adapter becomes part of its base model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.core.errors import Conflict
from redraft.queue.kinds.base import Kind, Payload, Start
from redraft.queue.kinds.plain import without_paths
from redraft.queue.kinds.things import dataset_folder, find_dataset, find_model, place_of_model
from redraft.queue.kinds.training_rows import read_json
from redraft.queue.kinds.whole import already
from redraft.state.lying.models import model_columns
from redraft.state.places import MODELS, new_id, place
from redraft.state.tables import Checkpoint, Job, Model, Run

OUTPUT = "model"
CONFIG = "config.json"


class MergePayload(Payload):
    checkpoint: str = Field(description="The id of a checkpoint with an adapter, or of its run.")
    name: str | None = Field(None, description="The new model's name.", min_length=1, max_length=200)
    dataset: str | None = Field(None, description="Whose examples the proof uses.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"checkpoint": "ckpt-01k9zq3v7w3t9c5a7m2v4x8n1b", "name": "parts, merged"}]
        }
    )


class Merge(Kind[MergePayload]):
    name = "merge"
    title = "Merge an adapter"
    resource = "light"
    payload = MergePayload

    def plan(self, session: Session, job: Job, payload: MergePayload) -> list[str]:
        found, needs = find_model(session, payload.checkpoint, job.owner)
        if payload.dataset is not None:
            needs = [*needs, *find_dataset(session, payload.dataset, job.owner)[1]]
        id = new_id("model")
        name = payload.name or f"{_named(session, found, payload)} merged {id[-6:]}"
        if session.scalar(select(Model).where(Model.name == name)) is not None:
            raise Conflict("there is a model of this name", where="name", remedy="Give another name")
        row = Model(
            id=id, name=name, kind="merged", status="making", folder=str(place(MODELS, id)), about={},
            job_id=job.id, owner=job.owner, created_at=job.created_at,
        )  # fmt: skip
        session.add(row)
        job.output = {**(job.output or {}), OUTPUT: id}
        return needs

    def start(self, session: Session, job: Job) -> Start:
        payload, row = self.of(job), _row(session, job)
        if row is None:
            raise Conflict("the model of this job was removed", where=job.id, remedy="Submit it again")
        row.status, out = "making", Path(str(row.folder))
        if (out / CONFIG).is_file():
            return already(_value(out), out)
        request = {
            "checkpoint": place_of_model(session, payload.checkpoint),
            "out": str(out),
            "dataset": str(dataset_folder(session, payload.dataset)) if payload.dataset is not None else None,
        }
        return Start("models.merge", request, out, resumable=False)

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        row = _row(session, job)
        if row is None:
            return
        for name, fact in model_columns(Path(str(row.folder))).items():
            if name not in ("name", "kind"):
                setattr(row, name, fact)
        row.family = value.get("family") or row.family
        job.result = without_paths(value, {str(row.folder): row.id})
        row.about = {"base": job.result.get("base"), "merged": self.of(job).checkpoint, "proof": job.result}

    def failed(self, session: Session, job: Job) -> None:
        row = _row(session, job)
        if row is not None and row.status == "making":
            row.status = "missing"

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        row = _row(session, job)
        if row is None:
            return []
        if files or row.status != "ready":
            session.delete(row)
            return [Path(str(row.folder))]
        return []


def _row(session: Session, job: Job) -> Model | None:
    id = (job.output or {}).get(OUTPUT)
    return session.get(Model, id) if id else None


def _named(session: Session, found: Checkpoint | Run | Model | None, payload: MergePayload) -> str:
    if isinstance(found, Checkpoint):
        run = session.get(Run, found.run_id)
        return f"{run.name if run is not None else found.run_id} step {found.step}"
    return found.name if found is not None else payload.checkpoint


def _value(out: Path) -> dict[str, Any]:
    """Of a model that was merged and proved before it got its name."""
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {"model": str(out), "family": read_json(out / CONFIG).get("model_type"), "bytes": size}
