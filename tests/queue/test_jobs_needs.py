"""Jobs that need one another: data, then training, then evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_work import BOTH, PLAIN
from sqlalchemy import insert

from redraft.core.errors import Conflict, NotFound
from redraft.queue.jobs import Jobs
from redraft.state.database import Database
from redraft.state.places import DATASETS, place
from redraft.state.tables import Dataset, Job, Needs

BOOM = {"kind": "InputError", "what": "the file is empty", "where": "", "remedy": "", "exit_code": 1}


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, PLAIN)


def chain(jobs: Jobs, count: int = 3) -> list[str]:
    """Jobs of which each needs the one before it."""
    ids: list[str] = []
    for _ in range(count):
        ids.append(jobs.submit("plain", {}, needs=ids[-1:]).id)
    return ids


def claim(jobs: Jobs) -> Job:
    job = jobs.claim("w", BOTH, host="h")
    assert job is not None
    return job


def states(jobs: Jobs, ids: list[str]) -> list[str]:
    return [jobs.get(id).state for id in ids]


def test_each_waits_for_the_one_before_it(jobs: Jobs) -> None:
    ids = chain(jobs)
    assert jobs.get(ids[1]).reason == f"waits for {ids[0]}"
    assert jobs.needs(ids[2]) == [ids[1]]
    for done, id in enumerate(ids):
        assert states(jobs, ids) == ["finished"] * done + ["queued"] + ["waiting"] * (2 - done)
        job = claim(jobs)
        assert job.id == id
        assert jobs.claim("w", BOTH, host="h") is None
        jobs.finish(id, job.lease_token, {})
    assert states(jobs, ids) == ["finished"] * 3


def test_nobody_learns_of_another_owners_jobs_by_needing_them(jobs: Jobs) -> None:
    anns = jobs.submit("plain", {}, owner="ann")
    with pytest.raises(NotFound, match="no such job"):
        jobs.submit("plain", {}, needs=[anns.id], owner="bob")
    assert jobs.submit("plain", {}, needs=[anns.id], owner="ann").state == "waiting"
    assert jobs.submit("plain", {}, needs=[anns.id], local=True).state == "waiting"


def test_one_that_needs_several_waits_for_the_last(jobs: Jobs) -> None:
    first, second = jobs.submit("plain", {}), jobs.submit("plain", {})
    last = jobs.submit("plain", {}, needs=[first.id, second.id, first.id])
    assert jobs.needs(last.id) == [first.id, second.id]
    jobs.finish(claim(jobs).id, 1, {})
    assert jobs.get(last.id).state == "waiting"
    jobs.finish(claim(jobs).id, 1, {})
    assert jobs.get(last.id).state == "queued"
    assert jobs.submit("plain", {}, needs=[first.id, second.id]).state == "queued"


def test_what_a_payload_names_is_needed_when_it_is_still_being_made(jobs: Jobs) -> None:
    maker = jobs.submit("plain", {})
    user = jobs.submit("plain", {"uses": maker.output["dataset"]})
    assert (user.state, jobs.needs(user.id)) == ("waiting", [maker.id])


@pytest.mark.parametrize(("how", "what"), [("fail", "failed"), ("cancel", "was cancelled"), ("stall", "failed")])
def test_when_one_ends_without_a_result_all_after_it_fail_at_once_and_open_again_with_it(
    jobs: Jobs, how: str, what: str
) -> None:
    ids = chain(jobs, 4)
    jobs.pause(ids[2])
    for token in range(1, 4 if how == "stall" else 2):
        with jobs.database.write() as session:
            session.get(Job, ids[0]).not_before = 0.0  # type: ignore[union-attr]
        claim(jobs)
        if how == "fail":
            jobs.fail(ids[0], token, BOOM, retry=False)
        elif how == "stall":
            jobs.rescue(ids[0], token, "killed")
        else:
            jobs.cancel(ids[0])
            assert states(jobs, ids[1:]) == ["waiting", "paused", "waiting"], "it has not ended yet"
            jobs.ended(ids[0], token)
    assert states(jobs, ids[1:]) == ["failed"] * 3
    assert jobs.get(ids[1]).reason == f"it needs {ids[0]}, which {what}"
    assert jobs.get(ids[3]).reason == f"it needs {ids[2]}, which failed"
    assert jobs.get(ids[1]).error["remedy"] == f"Resume {ids[0]}"  # type: ignore[index]
    with jobs.database.read() as session:
        assert session.get(Dataset, jobs.get(ids[3]).output["dataset"]).status == "failed"  # type: ignore[union-attr]
    with pytest.raises(Conflict, match=f"it needs {ids[0]}, which {what}. Resume {ids[0]}"):
        jobs.resume(ids[1])
    with pytest.raises(Conflict, match="which failed"):
        jobs.submit("plain", {}, needs=[ids[1]])
    jobs.resume(ids[0])
    assert states(jobs, ids) == ["queued", "waiting", "waiting", "waiting"]
    assert jobs.get(ids[3]).error is None


def test_a_job_with_two_lost_needs_opens_again_with_the_last_of_them(jobs: Jobs) -> None:
    first, second = jobs.submit("plain", {}), jobs.submit("plain", {})
    last = jobs.submit("plain", {}, needs=[first.id, second.id])
    jobs.cancel(first.id)
    jobs.cancel(second.id)
    jobs.resume(first.id)
    assert jobs.get(last.id).state == "failed"
    jobs.resume(second.id)
    assert jobs.get(last.id).state == "waiting"


def test_what_somebody_cancelled_or_what_failed_by_itself_does_not_open_with_its_need(jobs: Jobs) -> None:
    ids = chain(jobs)
    jobs.cancel(ids[2])
    jobs.cancel(ids[0])
    jobs.resume(ids[0])
    assert states(jobs, ids) == ["queued", "waiting", "cancelled"]


def test_what_needed_a_deleted_job_says_so_and_cannot_be_opened(jobs: Jobs) -> None:
    ids = chain(jobs)
    gone = jobs.submit("plain", {}, needs=[ids[0]])
    jobs.cancel(gone.id)
    jobs.delete(ids[0])
    assert jobs.get(ids[1]).reason == f"it needs {ids[0]}, which was deleted"
    for id in (ids[1], gone.id):
        with pytest.raises(Conflict, match=r"which was deleted\. Submit it again"):
            jobs.resume(id)
    assert states(jobs, ids[1:]) == ["failed", "failed"]


def test_a_finished_job_may_be_deleted_under_those_that_need_it_but_not_with_its_files(jobs: Jobs) -> None:
    ids = chain(jobs)
    jobs.finish(claim(jobs).id, 1, {})
    by_name = jobs.submit("plain", {"uses": jobs.get(ids[0]).output["dataset"]})
    with pytest.raises(Conflict, match=rf"in use by {ids[1]}, {by_name.id}"):
        jobs.delete(ids[0], files=True)
    jobs.delete(ids[0])
    assert states(jobs, ids[1:]) == ["queued", "waiting"]
    jobs.finish(claim(jobs).id, 1, {})
    assert states(jobs, ids[1:]) == ["finished", "queued"]


def test_a_job_that_finishes_while_it_is_to_be_deleted_keeps_or_takes_its_files(jobs: Jobs) -> None:
    kept, taken = chain(jobs, 2), chain(jobs, 2)
    running = [claim(jobs), claim(jobs)]
    assert [job.id for job in running] == [kept[0], taken[0]]
    for job, files in zip(running, (False, True), strict=True):
        jobs.delete(job.id, files=files)
        with pytest.raises(Conflict, match="is being ended"):
            jobs.submit("plain", {}, needs=[job.id])
        jobs.finish(job.id, 1, {})
    assert jobs.get(kept[1]).state == "queued"
    assert jobs.get(taken[1]).state == "failed"


@pytest.mark.slow
def test_long_chains_end_and_open_to_the_last(jobs: Jobs) -> None:
    ids = chain(jobs, 2)
    with jobs.database.write() as session:  # beyond any limit of recursion, and quicker than submitting them
        row = session.get(Job, ids[1])
        assert row is not None
        columns = {column.key: getattr(row, column.key) for column in Job.__table__.columns}
        more = [f"job-{n:04d}" for n in range(1200)]
        session.execute(insert(Job), [{**columns, "id": id} for id in more])
        session.execute(
            insert(Needs),
            [{"job_id": id, "needs_id": need} for need, id in zip([ids[1], *more], more, strict=False)],
        )
    jobs.cancel(ids[0])
    assert len(jobs.page(state="failed", limit=2000).items) == 1201
    jobs.resume(ids[0])
    assert len(jobs.page(state="waiting", limit=2000).items) == 1201


def test_what_a_failed_job_left_is_not_removed_under_one_that_uses_it(jobs: Jobs) -> None:
    maker = jobs.submit("plain", {})
    jobs.fail(claim(jobs).id, 1, BOOM, retry=False)
    user = jobs.submit("plain", {"uses": maker.output["dataset"]})
    with pytest.raises(Conflict, match=f"in use by {user.id}"):
        jobs.delete(maker.id, files=True)
    jobs.cancel(user.id)
    jobs.delete(maker.id, files=True)
    with jobs.database.read() as session:
        assert session.get(Dataset, maker.output["dataset"]) is None


def test_files_outside_the_state_folder_are_never_removed(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.submit("plain", {})
    kept = place(DATASETS, job.output["dataset"])
    kept.mkdir(parents=True)
    monkeypatch.setattr(PLAIN["plain"], "folder", lambda job: kept)
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "elsewhere"))
    jobs.delete(job.id, files=True)
    assert kept.is_dir()
