"""Jobs as the API takes and gives them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from redraft.queue.kinds import KINDS
from redraft.state.tables import Desired, Job, State
from redraft.web.description.documented import Documented, union_by_kind
from redraft.web.shown import shown

ID = "job-01k9zq3v7w3t9c5a7m2v4x8n1b"
RUN = "run-01k9zq3v7x5y6z8a9b0c1d2e3f"
DATASET = "data-01k9zq3v7w3t9c5a7m2v4x8n1b"

Seconds = Annotated[float, Field(description="Seconds since 1970, by the database's clock.")]
PRIORITY = 1000
"""Of a job at most, and at least with a minus."""


class Progress(BaseModel):
    """How far it is."""

    model_config = ConfigDict(extra="allow")

    stage: str | None = Field(None, description="What it does now, such as `train`.")
    done: float | None = None
    total: float | None = Field(None, description="null where it is not known.")
    note: str | None = None


class JobItem(BaseModel):
    """A job in a list."""

    id: str
    kind: str
    title: str
    state: State
    desired_state: Desired = Field(
        description="What was asked of it and is not reached yet: `pause` while it saves."
    )
    priority: int = Field(description="The greater goes first.")
    reason: Annotated[str, AfterValidator(shown)] = Field(
        description="Why it waits, paused, failed or was tried again."
    )
    progress: Progress | None
    attempt: int = Field(description="How often it was begun or gone on with.")
    output: dict[str, Any] = Field(description="Ids of what it makes: `run`, `dataset`, `model`, `evaluation`.")
    resource: str = Field(
        description="`device`: it occupies a GPU, or this machine's cores; `light`: it does not."
    )
    executor: str
    created_at: Seconds
    updated_at: Seconds
    started_at: Seconds | None
    finished_at: Seconds | None


_ITEM: dict[str, JsonValue] = {
    "id": ID,
    "kind": "train",
    "title": "quick_test on first parts",
    "state": "running",
    "desired_state": "run",
    "priority": 0,
    "reason": "",
    "progress": {"stage": "train", "done": 41, "total": 126, "note": "loss 2.1"},
    "attempt": 1,
    "output": {"run": RUN},
    "resource": "device",
    "executor": "local",
    "created_at": 1795336440.1,
    "updated_at": 1795336470.4,
    "started_at": 1795336441.0,
    "finished_at": None,
}


class JobPage(BaseModel):
    """Some jobs of a longer list."""

    items: list[JobItem]
    next: str | None = Field(None, description="Give it as `after` to get the page that follows; null: the last.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ITEM], "next": ID}]})


class JobDetail(JobItem):
    """One job with all that is known of it."""

    payload: dict[str, Any] = Field(description="What was asked for.")
    result: dict[str, Any] | None
    error: dict[str, Any] | None = Field(description="Of the last failure: kind, what, where, remedy.")
    needs: list[str] = Field(description="Ids of the jobs that have to finish before it.")
    stalled: int = Field(description="Attempts in a row that ended without a newer checkpoint.")
    worker: str | None = Field(description="Who runs it now.")
    host: str | None
    checkpoint: str | None = Field(description="The id of its newest checkpoint.")
    heartbeat_at: Seconds | None
    progress_at: Seconds | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_ITEM,
                    "payload": {"preset": "quick_test", "dataset": DATASET, "model": "tiny"},
                    "result": None,
                    "error": None,
                    "needs": [],
                    "stalled": 0,
                    "worker": "worker-01k9zq0000000000000000000",
                    "host": "bench",
                    "checkpoint": "checkpoint-01k9zq3vbq4r5s6t7u8v9w0x1y",
                    "heartbeat_at": 1795336470.4,
                    "progress_at": 1795336469.9,
                }
            ]
        }
    )


class LogLine(BaseModel):
    """Something that a job said."""

    id: int = Field(description="Of its event.")
    at: Seconds
    level: str = Field("info", description="info, warning or error.")
    message: Annotated[str, AfterValidator(shown)] = ""


class LogPage(BaseModel):
    """A part of a job's log."""

    items: list[LogLine]
    next: int = Field(description="Give it as `after` to get what follows, also what is said later.")
    more: bool = Field(description="Whether something follows already.")
    output: list[str] = Field([], description="The last lines its processes printed, where they were asked for.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"id": 812, "at": 1795336441.2, "level": "info", "message": "700 examples, 28 a token"}
                    ],
                    "next": 812,
                    "more": False,
                    "output": [],
                }
            ]
        }
    )


class ChangeJob(BaseModel):
    """What of a job can be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"priority": 10}]})

    priority: int | None = Field(None, ge=-PRIORITY, le=PRIORITY)
    title: str | None = Field(None, min_length=1, max_length=200)


class KindItem(BaseModel):
    """A kind of job."""

    name: str
    title: str
    resource: str
    payload: dict[str, Any] = Field(description="The JSON schema of its payload.")


class SubmitJob(BaseModel):
    """What is to be done. The kind says what its payload holds."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    payload: dict[str, Any] = Field({}, description="As the kind takes it.")
    title: str = Field("", max_length=200, description="For people; empty: one is made of the payload.")
    priority: int = Field(0, ge=-PRIORITY, le=PRIORITY, description="The greater goes first.")
    needs: list[Annotated[str, Field(pattern="^job-[0-9a-z]{26}$")]] = Field(
        [],
        max_length=50,
        description="Ids of jobs that have to finish before it, besides those that make its inputs.",
    )
    executor: Literal["local", "ray"] = Field(
        "local", description="Where it runs: by a worker, or on a Ray cluster."
    )


Submission = Annotated[SubmitJob, Documented(lambda: union_by_kind(SubmitJob, KINDS))]
"""The body of a submission; the API's document shows each kind with its own payload."""


def item(job: Job) -> dict[str, Any]:
    """The fields of a JobItem of a row."""
    return {name: getattr(job, name) for name in JobItem.model_fields}


def detail(job: Job, needs: list[str]) -> JobDetail:
    """Everything of a row but what is the queue's own."""
    return JobDetail(
        **item(job),
        payload=shown(job.payload),
        result=shown(job.result),
        error=shown(job.error),
        needs=needs,
        stalled=job.stalled,
        worker=job.lease_owner,
        host=job.host,
        checkpoint=job.checkpoint_id,
        heartbeat_at=job.heartbeat_at,
        progress_at=job.progress_at,
    )
