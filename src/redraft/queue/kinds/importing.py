"""The kind "import": somebody's files become a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from redraft.core.errors import Conflict, UsageError
from redraft.queue.kinds import datasets
from redraft.queue.kinds.base import LONGEST, NAME, Kind, Payload, Start
from redraft.queue.kinds.things import HUB, check_task, find_upload
from redraft.queue.kinds.whole import already
from redraft.state.tables import Job, Upload

Count = Annotated[int | None, Field(ge=0, le=100_000_000)]
PASSED_ON = (
    "importer", "task", "train", "validation", "test", "seed", "columns", "configuration", "options", "licence"
)  # fmt: skip


class ImportPayload(Payload):
    importer: str = Field(
        description="deepcad, openecad, programs, documents, tinyllava, huggingface, ...", max_length=40
    )
    name: str | None = Field(None, description="The dataset's name.", min_length=1, max_length=200)
    upload: str | None = Field(None, description="The id of a file that was sent.")
    repo: str | None = Field(
        None,
        description="A dataset on the hub.",
        pattern=rf"^{NAME}/{NAME}(/{NAME})?(@[\w./-]+)?$",
        max_length=200,
    )
    source: str | None = Field(None, description="A path; from this machine's own command line alone.")
    task: str | None = Field(None, description="The task the examples are for, where several could be meant.")
    train: Count = Field(None, description="Training examples; each importer has its default.")
    validation: Count = Field(None, description="Validation examples.")
    test: Count = Field(None, description="Test examples.")
    seed: int = Field(0, description="Decides which examples are taken.", ge=0, le=2**63 - 1)
    columns: dict[str, str] = Field({}, description="Where a column of ours is found in theirs.")
    configuration: str | None = Field(None, description="Of a repository on the hub.", max_length=200)
    options: dict[str, Any] = Field({}, description="Of the task; its page in docs/ lists them.")
    licence: str | None = Field(None, description="Whose rights the content is under.", max_length=2000)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "importer": "deepcad",
                    "upload": "upload-01k9zq3v7w3t9c5a7m2v4x8n1b",
                    "train": 1000,
                    "validation": 100,
                },
                {"importer": "huggingface", "repo": "ccdv/arxiv-summarization", "task": "summary", "train": 500},
            ]
        }
    )

    @model_validator(mode="after")
    def _one_source(self) -> ImportPayload:
        if sum(value is not None for value in (self.upload, self.repo, self.source)) != 1:
            raise ValueError("give one of upload, repo and source")
        return self


class Import(Kind[ImportPayload]):
    name = "import"
    title = "Import a dataset"
    resource = "light"
    local_only: ClassVar[frozenset[str]] = frozenset({"source"})
    payload = ImportPayload

    def label(self, payload: ImportPayload) -> str:
        return f"Import {payload.name or payload.repo or payload.importer}"[:LONGEST]

    def plan(self, session: Session, job: Job, payload: ImportPayload) -> list[str]:
        if payload.task is not None:
            check_task(payload.task)
        origin = payload.repo or payload.importer
        if payload.upload is not None:
            origin = find_upload(session, payload.upload, job.owner).name
        if payload.source is not None and not Path(payload.source).exists():
            raise UsageError("there is nothing to import", where=payload.source, remedy="Correct the path")
        datasets.begin(session, job, payload.name or origin[:200], payload.task, "imported")
        return []

    def start(self, session: Session, job: Job) -> Start:
        payload, out = self.of(job), datasets.again(session, job)
        if datasets.is_whole(out):
            return already(datasets.value_of(out), out)
        given = payload.model_dump(mode="json", include=set(PASSED_ON))
        given["name"] = given.pop("configuration")
        given["columns"] = given["columns"] or None
        return Start("data.import", {**given, "source": _source(session, payload), "out": str(out)}, out)

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        datasets.enter(session, job, value)

    def failed(self, session: Session, job: Job) -> None:
        datasets.end(session, job)

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        return datasets.remove(session, job, files)


def _source(session: Session, payload: ImportPayload) -> str:
    """What the importer reads: the one thing that an upload's folder holds, or the folder."""
    if payload.repo is not None:
        return HUB + payload.repo
    if payload.source is not None:
        return str(Path(payload.source).absolute())
    upload = session.get(Upload, payload.upload)
    folder = Path(upload.folder) if upload is not None else None
    if folder is None or not folder.exists():
        raise Conflict("the uploaded file is gone", where=str(payload.upload), remedy="Send it again")
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return str(inside[0] if len(inside) == 1 else folder)
