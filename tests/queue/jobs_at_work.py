"""Does jobs one after the other as keepers do, in this process: the heavy work runs in workers of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redraft.core.errors import RedraftError
from redraft.queue.jobs import Jobs
from redraft.queue.kinds import KINDS, Start
from redraft.queue.local import LocalProcess
from redraft.state.tables import Job

Heard = Callable[[dict[str, Any], LocalProcess], None]


def nothing(event: dict[str, Any], process: LocalProcess) -> None:
    return None


def begin(jobs: Jobs, job: Job) -> Start:
    with jobs.database.write() as session:
        row = session.get(Job, job.id)
        assert row is not None
        return KINDS[row.kind].start(session, row)


def work(jobs: Jobs, heard: Heard = nothing, *, enter: bool = True) -> Job | None:
    """Does the next job that can be done, and enters how it ended; None where there is none. heard: told of each
    event. enter: False leaves the job as a keeper does that is killed once its work is whole."""
    job = jobs.claim("worker", ["device", "light"], host="here")
    if job is None:
        return None
    start = begin(jobs, job)
    lease = {"lease": {"token": str(job.lease_token), "seconds": 600.0}}
    process = LocalProcess(start.verb, start.request, first=[lease])
    try:
        for event in process.events():
            heard(event, process)
            if event["event"] == "ask":
                if event["kind"] == "checkpoint":
                    values = event["values"]
                    jobs.published(job.id, job.lease_token, run_id=job.output["run"], **values)
                process.send({"answer": event["id"], "granted": True})
        if enter:
            jobs.finish(job.id, job.lease_token, process.result().value)
        else:
            jobs.rescue(job.id, job.lease_token, "its keeper was killed")
    except RedraftError as error:
        jobs.fail(job.id, job.lease_token, error.as_data(), retry=False)
    finally:
        process.stop(hard=True)
    return jobs.get(job.id)
