"""The kind "evaluate": a model answers a split of a dataset, and its answers are scored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.core.errors import UsageError
from redraft.queue.kinds.base import Kind, Payload, Start
from redraft.queue.kinds.plain import without_paths
from redraft.queue.kinds.things import dataset_folder, find_dataset, find_model, place_of_model
from redraft.queue.kinds.training_rows import read_json
from redraft.queue.kinds.whole import already
from redraft.state.places import EVALUATIONS, new_id, place
from redraft.state.tables import Checkpoint, Dataset, Evaluation, Job, Run

OUTPUT = "evaluation"
FIGURES = "evaluation.json"
UNTRAINED, NONE = "untrained", "none"


class EvaluatePayload(Payload):
    model: str = Field(
        description="The id of a checkpoint, a run or a model; tiny, default/<task>, hf:<owner>/<name>."
    )
    dataset: str = Field(description="A dataset's id.")
    split: str = Field("test", description="Of the dataset.", max_length=40)
    limit: int | None = Field(None, description="Examples, evenly over the split; all where left out.", ge=1)
    against: str | None = Field(
        None,
        description="What it is compared with: untrained, another model, or none. The task decides by default.",
    )
    measures: list[str] = Field(
        [], description="Further measures of the task: NAME or NAME=SETTING.", max_length=20
    )
    samples: int = Field(1, description="Answers an example.", ge=1, le=64)
    max_new_tokens: int | None = Field(None, description="The longest answer.", ge=1)
    batch_size: int | None = Field(None, description="Answers generated at once.", ge=1, le=4096)
    temperature: float | None = Field(None, ge=0, le=10)
    seed: int = Field(0, ge=0, le=2**63 - 1)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "run-01k9zq3v7w3t9c5a7m2v4x8n1b",
                    "dataset": "data-01k9zq3v7w3t9c5a7m2v4x8n1b",
                    "limit": 100,
                }
            ]
        }
    )


class Evaluate(Kind[EvaluatePayload]):
    name = "evaluate"
    title = "Evaluate a model"
    resource = "device"
    payload = EvaluatePayload

    def read(self, data: Mapping[str, Any], *, local: bool = True) -> EvaluatePayload:
        payload = super().read(data, local=local)
        if not local and any("=" in measure for measure in payload.measures):
            raise UsageError(
                "a measure's setting may be a path or an address, taken on this machine's own command line alone",
                where="measures",
                remedy="Name the measure without a setting",
            )
        return payload

    def plan(self, session: Session, job: Job, payload: EvaluatePayload) -> list[str]:
        _, needs = find_dataset(session, payload.dataset, job.owner)
        _, more = find_model(session, payload.model, job.owner)
        needs = [*needs, *more]
        if payload.against not in (None, UNTRAINED, NONE):
            needs += find_model(session, str(payload.against), job.owner)[1]
        job.output = {**(job.output or {}), OUTPUT: new_id("eval")}
        return needs

    def start(self, session: Session, job: Job) -> Start:
        payload, out = self.of(job), _folder(session, job, self.of(job))
        if (out / FIGURES).is_file():
            return already({**read_json(out / FIGURES), "out": str(out)}, out)
        request = payload.model_dump(mode="json", exclude={"model", "against"}) | {
            "checkpoint": place_of_model(session, payload.model),
            "dataset": str(dataset_folder(session, payload.dataset)),
            "out": str(out),
            "against": payload.against,
        }
        if payload.against not in (None, UNTRAINED, NONE):
            request["against"] = place_of_model(session, str(payload.against))
        return Start("evaluate", request, out, resumable=False)

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        payload = self.of(job)
        run = _run(session, payload.model)
        dataset = session.get(Dataset, payload.dataset)
        names = {run.folder: run.id} if run is not None else {}
        names |= {dataset.folder: dataset.id} if dataset is not None else {}
        scores = without_paths({k: v for k, v in value.items() if k not in ("out", "report")}, names)
        job.result = scores
        id, folder = job.output[OUTPUT], str(_folder(session, job, payload))
        for found in session.scalars(select(Evaluation).where(Evaluation.folder == folder, Evaluation.id != id)):
            session.delete(found)  # entered by `redraft db sync` in the meantime
        if session.get(Evaluation, id) is None:
            row = Evaluation(
                id=id, run_id=run.id if run is not None else None, model=payload.model, dataset_id=payload.dataset,
                split=payload.split, scores=scores, folder=folder, job_id=job.id,
                created_at=job.updated_at,
            )  # fmt: skip
            session.add(row)

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        id = (job.output or {}).get(OUTPUT)
        if not id or not files:
            return []
        folder = _folder(session, job, self.of(job))
        row = session.get(Evaluation, id)
        if row is not None:
            session.delete(row)
        return [folder]


def _run(session: Session, model: str) -> Run | None:
    """The run that a model comes from."""
    checkpoint = session.get(Checkpoint, model)
    return session.get(Run, checkpoint.run_id if checkpoint is not None else model)


def _folder(session: Session, job: Job, payload: EvaluatePayload) -> Path:
    """Inside the run, whose report shows it, or by itself."""
    run, id = _run(session, payload.model), job.output[OUTPUT]
    return Path(run.folder) / "evaluations" / id if run is not None else place(EVALUATIONS, id)
