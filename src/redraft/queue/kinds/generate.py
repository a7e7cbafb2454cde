"""The kind "generate": a task draws a dataset of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from redraft.queue.kinds import datasets
from redraft.queue.kinds.base import Kind, Payload, Start
from redraft.queue.kinds.things import check_task
from redraft.queue.kinds.whole import already
from redraft.state.tables import Job

Count = Annotated[int, Field(ge=0, le=10_000_000)]


class GeneratePayload(Payload):
    task: str = Field(description="The task whose data is drawn, such as cad.", max_length=40)
    name: str | None = Field(None, description="The dataset's name.", min_length=1, max_length=200)
    train: Count = Field(0, description="Training examples.")
    validation: Count = Field(0, description="Validation examples.")
    test: Count = Field(0, description="Test examples.")
    seed: int = Field(0, description="The same seed draws the same examples.", ge=0, le=2**63 - 1)
    options: dict[str, Any] = Field({}, description="Of the task; its page in docs/ lists them.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"task": "cad", "name": "first parts", "train": 1000, "validation": 100, "seed": 1},
                {"task": "cad", "train": 64, "validation": 8, "options": {"level": "simple", "grid": 64}},
            ]
        }
    )

    @model_validator(mode="after")
    def _not_empty(self) -> GeneratePayload:
        if not self.train + self.validation + self.test:
            raise ValueError("no example is asked for: give train, and validation and test, from 1 up")
        return self


class Generate(Kind[GeneratePayload]):
    name = "generate"
    title = "Draw a dataset"
    resource = "light"
    payload = GeneratePayload

    def label(self, payload: GeneratePayload) -> str:
        return f"Draw {payload.train + payload.validation + payload.test:,} {payload.task} examples"

    def plan(self, session: Session, job: Job, payload: GeneratePayload) -> list[str]:
        check_task(payload.task)
        total = payload.train + payload.validation + payload.test
        name = payload.name or f"{payload.task} {total:,} seed {payload.seed}"
        datasets.begin(session, job, name, payload.task, "generated")
        return []

    def start(self, session: Session, job: Job) -> Start:
        payload, out = self.of(job), datasets.again(session, job)
        if datasets.is_whole(out):
            return already(datasets.value_of(out), out)
        request = {
            "task": payload.task,
            "out": str(out),
            "count": payload.train,
            "validation": payload.validation,
            "test": payload.test,
            "seed": payload.seed,
            "options": payload.options,
            **({"spread": "ray"} if job.executor == "ray" else {}),  # by all nodes, not the keeper's alone
        }
        return Start("data.generate", request, out, resumable=False)

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        datasets.enter(session, job, value)

    def failed(self, session: Session, job: Job) -> None:
        datasets.end(session, job)

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        return datasets.remove(session, job, files)
