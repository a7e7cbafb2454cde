"""The tables. Times are seconds since 1970 by the database's own clock; JSON columns hold plain data.

The database refuses impossible states itself: every rule that a row can break alone is a constraint here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraints have names, so that a migration can find them again."""


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    """It needs other jobs that have not finished."""
    QUEUED = "queued"
    """It can be taken by any worker."""
    RUNNING = "running"
    """A worker holds its lease."""
    PAUSED = "paused"
    """Asked for, or for want of disk: it goes on from its last checkpoint when it is resumed."""
    FINISHED = "finished"
    """Its result is there."""
    FAILED = "failed"
    """It cannot go on; the reason says why. Resuming tries again."""
    CANCELLED = "cancelled"
    """Ended at somebody's wish; what it had made so far is kept."""


ENDED = (State.FINISHED, State.FAILED, State.CANCELLED)


class Desired(StrEnum):
    """What its owner wants of a job; a worker sees to it."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"
    DELETE = "delete"
    """End it if it runs, then remove its row and, where asked (`delete_files`), its files."""


def one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class Table(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    # None is kept as SQL's NULL, so that `column.is_(None)` finds it
    type_annotation_map: ClassVar[Mapping[Any, Any]] = {
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
    }


class Job(Table):
    """One piece of durable work. The lease columns are written by the queue alone."""

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    """A name in queue.kinds: generate, import, pull, train, evaluate, search, merge, push, ..."""
    title: Mapped[str] = mapped_column(String(200), default="")
    payload: Mapped[dict[str, Any]]
    """What was asked for, as its kind's model says; never a secret."""
    resource: Mapped[str] = mapped_column(String(20), default="light")
    """What it occupies while it runs: "device" (one at a time for each slot of a worker) or "light"."""
    executor: Mapped[str] = mapped_column(String(20), default="local")
    state: Mapped[str] = mapped_column(String(12), default=State.QUEUED)
    desired_state: Mapped[str] = mapped_column(String(12), default=Desired.RUN)
    delete_files: Mapped[bool] = mapped_column(Boolean, default=False)
    priority: Mapped[int] = mapped_column(Integer, default=0)
    """The greater goes first; equal ones in the order of their ids."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it waits, paused, failed or was tried again: one sentence for people."""
    error: Mapped[dict[str, Any] | None]
    """`RedraftError.as_data()` of the last failure."""
    result: Mapped[dict[str, Any] | None]
    progress: Mapped[dict[str, Any] | None]
    """The last {stage, done, total, note}."""

    attempt: Mapped[int] = mapped_column(Integer, default=0)
    """How often it was claimed."""
    stalled: Mapped[int] = mapped_column(Integer, default=0)
    """Attempts in a row that ended without a newer checkpoint."""
    not_before: Mapped[float] = mapped_column(Float, default=0.0)
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    """The worker (its id) that claimed it."""
    lease_token: Mapped[int] = mapped_column(BigInteger, default=0)
    """Grows by one at every claim: the fencing token."""
    lease_expires_at: Mapped[float | None] = mapped_column(Float)
    heartbeat_at: Mapped[float | None] = mapped_column(Float)
    progress_at: Mapped[float | None] = mapped_column(Float)
    host: Mapped[str | None] = mapped_column(String(120))
    process: Mapped[dict[str, Any] | None]
    """Of the keeper and of its child: {"keeper": {pid, started, boot}, "child": {...}}; see queue.liveness."""
    handle: Mapped[dict[str, Any] | None]
    """How the executor finds it again."""
    checkpoint_id: Mapped[str | None] = mapped_column(String(40))

    output: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Ids that were given to what it makes when it was submitted: {"dataset": "data-..."}, {"run": "run-..."}."""
    owner: Mapped[str] = mapped_column(String(80), default="local")
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None] = mapped_column(Float)
    finished_at: Mapped[float | None] = mapped_column(Float)

    __table_args__ = (
        CheckConstraint(one_of("state", State), name="state"),
        CheckConstraint(one_of("desired_state", Desired), name="desired_state"),
        CheckConstraint("(state = 'running') = (lease_owner IS NOT NULL)", name="running_is_leased"),
        CheckConstraint("(lease_owner IS NULL) = (lease_expires_at IS NULL)", name="lease_expires"),
        CheckConstraint("lease_token >= attempt AND attempt >= 0", name="token_grows"),
        CheckConstraint("state <> 'finished' OR finished_at IS NOT NULL", name="finished_at"),
        Index("ix_job_claim", "state", "resource", priority.desc(), "id"),
        Index("uq_job_idempotency", "owner", "idempotency_key", unique=True),
        Index("ix_job_listing", "owner", "id"),
        Index("ix_job_states", "owner", "state", "id"),
    )


class Needs(Table):
    """A job needs another one to have finished."""

    __tablename__ = "needs"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    needs_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True, index=True)


class Event(Table):
    """Append-only; ids grow in the order in which rows become visible, so a reader never misses one."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    job_id: Mapped[str | None] = mapped_column(String(40))
    """No foreign key: the event that a job was deleted outlives the job."""
    kind: Mapped[str] = mapped_column(String(20))
    """state, progress, log, metric, left_out, checkpoint, attempt, deleted."""
    data: Mapped[dict[str, Any]]
    at: Mapped[float] = mapped_column(Float)

    __table_args__ = (Index("ix_event_job", "job_id", "id"), {"sqlite_autoincrement": True})


class WorkerRow(Table):
    """A worker that claims jobs, so that others can see whether it lives."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    host: Mapped[str] = mapped_column(String(120))
    process: Mapped[dict[str, Any]]
    slots: Mapped[dict[str, Any]]
    """{"device": 1, "light": 2}."""
    started_at: Mapped[float] = mapped_column(Float)
    heartbeat_at: Mapped[float] = mapped_column(Float)


class Dataset(Table):
    __tablename__ = "dataset"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    folder: Mapped[str] = mapped_column(Text, unique=True)
    status: Mapped[str] = mapped_column(String(12), default="ready")
    """making, ready, missing (its folder is gone), failed."""
    origin: Mapped[str] = mapped_column(String(20), default="found")
    """generated, imported, uploaded, mixed, found."""
    task: Mapped[str | None] = mapped_column(String(40))
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fingerprint: Mapped[str | None] = mapped_column(String(80))
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    licence: Mapped[str | None] = mapped_column(Text)
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """From its manifest: seed, options, source, versions, left out."""
    job_id: Mapped[str | None] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80), default="local")
    created_at: Mapped[float] = mapped_column(Float)


class Run(Table):
    __tablename__ = "run"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    folder: Mapped[str] = mapped_column(Text, unique=True)
    task: Mapped[str | None] = mapped_column(String(40))
    base: Mapped[str | None] = mapped_column(Text)
    recipe: Mapped[dict[str, Any]]
    dataset_id: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(12), default="new")
    """new, running, paused, finished, failed, missing."""
    steps: Mapped[int] = mapped_column(Integer, default=0)
    result: Mapped[dict[str, Any] | None]
    job_id: Mapped[str | None] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80), default="local")
    created_at: Mapped[float] = mapped_column(Float)


class Checkpoint(Table):
    __tablename__ = "checkpoint"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    step: Mapped[int] = mapped_column(Integer)
    path: Mapped[str] = mapped_column(Text)
    """Relative to the run's folder."""
    token: Mapped[int] = mapped_column(BigInteger, default=0)
    """The fencing token under which it was published; 0 for one that no queue handed out."""
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    latest: Mapped[bool] = mapped_column(Boolean, default=False)
    removed: Mapped[bool] = mapped_column(Boolean, default=False)
    """Pruned by its run, or gone from the disk."""
    created_at: Mapped[float] = mapped_column(Float)

    __table_args__ = (Index("uq_checkpoint_step", "run_id", "step", unique=True),)


class Evaluation(Table):
    __tablename__ = "evaluation"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"), index=True)
    model: Mapped[str] = mapped_column(Text)
    """What was evaluated, by name or by the id of a checkpoint or model."""
    dataset_id: Mapped[str | None] = mapped_column(String(40))
    split: Mapped[str] = mapped_column(String(40))
    scores: Mapped[dict[str, Any]]
    folder: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[float] = mapped_column(Float)


class Model(Table):
    """A base model of the catalogue, one that was pulled or made here, or both."""

    __tablename__ = "model"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    """What a recipe's `model.base` and `--model` take: a hub repository or a local name."""
    kind: Mapped[str] = mapped_column(String(12))
    """base, adapter, merged, imported."""
    status: Mapped[str] = mapped_column(String(12), default="known")
    """known (in the catalogue only), pulling, ready, missing."""
    family: Mapped[str | None] = mapped_column(String(60))
    licence: Mapped[str | None] = mapped_column(Text)
    parameters: Mapped[int | None] = mapped_column(BigInteger)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    revision: Mapped[str | None] = mapped_column(String(80))
    folder: Mapped[str | None] = mapped_column(Text)
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Of the catalogue: title, memory to train (bytes), tasks it suits, recipe."""
    job_id: Mapped[str | None] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80), default="local")
    created_at: Mapped[float] = mapped_column(Float)


class Upload(Table):
    """A file that somebody sent, until a job has used it."""

    __tablename__ = "upload"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    folder: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(String(80), default="local")
    created_at: Mapped[float] = mapped_column(Float)
