"""Things for the fuzzer to find: a job, a dataset, a run, a model and an upload that exist when wanted."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from redraft.core.home import home
from redraft.state.places import new_id
from redraft.state.tables import Checkpoint, Dataset, Model, Run, Table, Upload
from redraft.web.callers import OWNER
from redraft.web.service import Service


class Things:
    """`of(path)` names one for the parameters of a path. Their folders are empty or gone, as may happen."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._ids: dict[str, str] = {}

    def of(self, path: str) -> dict[str, str] | None:
        """The value of `id`; a new thing where the one before was deleted. None: the path names none of them."""
        room = path.split("/")[2] if path.count("/") > 1 else ""
        if "{id}" not in path or room not in ("jobs", "datasets", "runs", "models", "uploads"):
            return None
        service: Service = self._app.state.service
        if room == "jobs":
            return {"id": self._job(service)}
        kind = {"datasets": Dataset, "runs": Run, "models": Model, "uploads": Upload}[room]
        with service.database.write() as session:
            if room in self._ids and session.get(kind, self._ids[room]) is not None:
                return {"id": self._ids[room]}
            id = new_id({"datasets": "data"}.get(room, room.rstrip("s")))
            folder = home() / room / id
            folder.mkdir(parents=True)
            row = self._row(kind, id, str(folder))
            session.add(row)
            if kind is Run:
                session.flush()
                session.add(
                    Checkpoint(
                        id=new_id("checkpoint"), run_id=id, step=5, path="checkpoints/step-5", created_at=1.0
                    )
                )
        self._ids[room] = id
        return {"id": id}

    def _job(self, service: Service) -> str:
        job = service.jobs.page(owner=OWNER, limit=1).items
        if job and job[0].state == "queued":
            return str(job[0].id)
        return str(service.jobs.submit("pull", {"repo": "someone/model"}, owner=OWNER).id)

    def _row(self, kind: type[Table], id: str, folder: str) -> Table:
        fields: dict[str, Any] = {"id": id, "name": id, "folder": folder, "owner": OWNER, "created_at": 1.0}
        more: dict[type[Table], dict[str, Any]] = {
            Dataset: {"counts": {"train": 3}, "about": {}, "task": "cad"},
            Run: {"recipe": {"task": "cad"}, "task": "cad", "steps": 5, "status": "finished", "result": {}},
            Model: {"kind": "base", "about": {}, "status": "ready"},
            Upload: {"bytes": 3, "sha256": "0" * 64},
        }
        return kind(**fields, **more[kind])
