"""What the tests of the queue stand on: a clock that they can move, and kinds of job that need no other room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from redraft.queue.kinds import Kind, Payload, Start
from redraft.state.database import Database
from redraft.state.places import DATASETS, RUNS, new_id, place
from redraft.state.tables import Dataset, Job, Run


class MovedDatabase(Database):
    """The same database with a clock that is `offset` seconds ahead of its own: the queue asks no other."""

    offset = 0.0

    def now(self, session: Session) -> float:
        return super().now(session) + self.offset


class PlainPayload(Payload):
    note: str = ""
    uses: str | None = None
    """The id of a dataset."""
    path: str | None = None


class Plain(Kind[PlainPayload]):
    """Makes a dataset's row and a folder with a file; uses a dataset where it is given one."""

    name, title, resource = "plain", "Plain work", "light"
    local_only = frozenset({"path"})
    payload = PlainPayload

    def plan(self, session: Session, job: Job, payload: PlainPayload) -> list[str]:
        id = new_id("data")
        session.add(
            Dataset(id=id, name=payload.note or id, folder=str(place(DATASETS, id)), status="making",
                    job_id=job.id, created_at=job.created_at)
        )  # fmt: skip
        job.output = {"dataset": id}
        used = session.get(Dataset, payload.uses) if payload.uses else None
        return [used.job_id] if used is not None and used.job_id and used.status == "making" else []

    def start(self, session: Session, job: Job) -> Start:
        return Start("data.check", {"dataset": str(self.folder(job))}, self.folder(job))

    def folder(self, job: Job) -> Path:
        return place(DATASETS, job.output["dataset"])

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        self.row(session, job).status = "ready"

    def failed(self, session: Session, job: Job) -> None:
        if self.row(session, job).status == "making":
            self.row(session, job).status = "failed"

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        if not files:
            self.failed(session, job)
            return []
        session.delete(self.row(session, job))
        return [self.folder(job)]

    def row(self, session: Session, job: Job) -> Dataset:
        row = session.get(Dataset, job.output["dataset"])
        assert row is not None
        return row


class Stepwise(Kind[PlainPayload]):
    """Makes a run with checkpoints, on a device."""

    name, title, resource = "stepwise", "Work in steps", "device"
    payload = PlainPayload

    def plan(self, session: Session, job: Job, payload: PlainPayload) -> list[str]:
        id = new_id("run")
        session.add(Run(id=id, name=id, folder=str(place(RUNS, id)), recipe={}, created_at=job.created_at))
        job.output = {"run": id}
        return []

    def start(self, session: Session, job: Job) -> Start:
        return Start("train", {}, place(RUNS, job.output["run"]))

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        run = session.get(Run, job.output["run"])
        assert run is not None
        run.status = "finished"

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        run = session.get(Run, job.output["run"]) if files else None
        if run is not None:
            session.delete(run)
        return [place(RUNS, job.output["run"])] if files else []


PLAIN: Mapping[str, Kind[Any]] = {kind.name: kind for kind in (Plain(), Stepwise())}
BOTH = ["light", "device"]
