"""Jobs as the commands print them in JSON: by the names that the API uses."""

from __future__ import annotations

from typing import Any

from redraft.queue.kinds import Kind
from redraft.state.tables import Job

SUMMARY = (
    "id", "kind", "title", "state", "desired_state", "priority", "reason", "progress", "attempt", "output",
    "resource", "executor", "created_at", "updated_at", "started_at", "finished_at",
)  # fmt: skip
MORE = ("payload", "result", "error", "stalled", "host", "heartbeat_at", "progress_at")


def summary(job: Job) -> dict[str, Any]:
    """A job in a list."""
    return {name: getattr(job, name) for name in SUMMARY}


def detail(job: Job, needs: list[str]) -> dict[str, Any]:
    """All that is known of one, but what is the queue's own."""
    more = {name: getattr(job, name) for name in MORE}
    return {**summary(job), **more, "needs": needs, "worker": job.lease_owner, "checkpoint": job.checkpoint_id}


def kind_data(kind: Kind[Any]) -> dict[str, Any]:
    """A kind of job with the JSON schema of its payload."""
    return {
        "name": kind.name,
        "title": kind.title,
        "resource": kind.resource,
        "payload": kind.payload.model_json_schema(),
    }
