"""`redraft jobs ...` as a person or a script types it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from redraft.cli.app import build
from redraft.core.errors import Conflict, InputError, NotFound, RedraftError, UsageError
from redraft.queue.jobs import Jobs
from redraft.state.database import Database
from redraft.state.tables import Job
from redraft.web.jobs.models import JobDetail, JobItem

GENERATE = ("submit", "generate", "task=cad", "train=4")


def jobs(*arguments: str, code: int = 0) -> str:
    """What `redraft jobs` with these arguments prints."""
    result = _invoke(*arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.stderr
    return result.stdout


def _invoke(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(build(), ["jobs", *arguments])


def value(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(jobs(*arguments, "--json"))
    return found


@pytest.fixture
def queue(sqlite_database: Database) -> Jobs:
    return Jobs(sqlite_database)


def running(queue: Jobs) -> str:
    job = queue.claim("worker-1", ["light"], host="bench")
    assert job is not None
    return job.id


def test_an_empty_queue_says_what_puts_work_into_it(queue: Jobs) -> None:
    assert "There are no jobs: `redraft jobs submit`" in jobs("list")
    assert "There are no such jobs." in jobs("list", "--state", "failed")
    assert value("list") == {"jobs": [], "next": None}


def test_submitting_gives_the_same_fields_as_the_api(queue: Jobs) -> None:
    job = value(*GENERATE, "options.level=simple", "--title", "A few parts", "--priority", "3")
    assert (job["state"], job["title"], job["priority"]) == ("queued", "A few parts", 3)
    assert job["payload"]["options"] == {"level": "simple"} and job["output"]["dataset"].startswith("data-")
    assert set(job) == set(JobDetail.model_fields)
    (item,) = value("list")["jobs"]
    assert set(item) == set(JobItem.model_fields)
    assert value("show", job["id"]) == job
    again = value(*GENERATE, "--key", "k")
    assert value(*GENERATE, "--key", "k")["id"] == again["id"] != job["id"]
    waits = value("submit", "check", f"dataset={job['output']['dataset']}", "--needs", again["id"][-6:])
    assert (waits["state"], waits["needs"]) == ("waiting", [job["id"], again["id"]])
    assert f"waits for {job['id']}" in jobs("list", "--state", "waiting", "--kind", "check")


def test_a_recipe_file_becomes_a_part_of_the_payload(queue: Jobs, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("task: cad\nmodel: {base: tiny, freeze: []}\ntrain: {max_steps: 5}\n")
    made = value(*GENERATE)
    job = value("submit", "train", f"recipe=@{recipe}", "recipe.seed=7", f"dataset={made['output']['dataset']}")
    assert job["payload"]["recipe"] == {
        "task": "cad", "model": {"base": "tiny", "freeze": []}, "train": {"max_steps": 5}, "seed": 7}  # fmt: skip
    assert (job["state"], job["needs"]) == ("waiting", [made["id"]])
    with pytest.raises(InputError, match=r"none\.yaml"):
        jobs("submit", "train", f"recipe=@{tmp_path / 'none.yaml'}")


def test_a_person_sees_what_goes_on_and_what_is_missing(queue: Jobs) -> None:
    said = _invoke(*GENERATE)
    assert "queued  Draw 4 cad examples" in said.stdout and "No worker is running" in said.stderr
    id = value("list")["jobs"][0]["id"]
    assert "No worker is running" in jobs("list")
    queue.set_worker("worker-1", "bench", {}, {"light": 1})
    assert "No worker is running" not in jobs("list")
    running(queue)
    queue.heartbeat(id, 1, progress={"stage": "drawing parts", "done": 1, "total": 4, "note": "3 a second"})
    assert "25 %  drawing parts  3 a second" in jobs("list")
    shown = jobs("show", id[-8:])
    assert "1/4" in shown and re.search(r"bench, heard of \d s ago", shown) and "task: cad" in shown
    queue.fail(id, 1, InputError("the disk said no", where="a.json", remedy="Ask it again").as_data(), retry=False)
    assert "error: a.json: the disk said no. Ask it again." in jobs("show", id)


def test_pages_go_on_after_the_last_one(queue: Jobs) -> None:
    ids = [value(*GENERATE)["id"] for _ in range(5)][::-1]
    first = value("list", "--limit", "3")
    assert [job["id"] for job in first["jobs"]] == ids[:3] and first["next"] == ids[2]
    assert "There are more: --after" in jobs("list", "--limit", "3")
    assert [job["id"] for job in value("list", "--after", ids[2][-8:])["jobs"]] == ids[3:]


def test_pause_resume_cancel_delete_answer_at_once(queue: Jobs) -> None:
    id = value(*GENERATE)["id"]
    assert "paused" in jobs("pause", id)
    assert value("resume", id)["jobs"][0]["state"] == "queued"
    running(queue)
    assert "pausing" in jobs("pause", id)
    assert "cancelling" in jobs("cancel", id)
    queue.ended(id, 1)
    assert "deleted" in jobs("delete", id)
    with pytest.raises(NotFound, match="no such job"):
        jobs("show", id)


def test_several_are_asked_and_one_refusal_does_not_keep_the_others(queue: Jobs) -> None:
    done, open_ = value(*GENERATE)["id"], value(*GENERATE)["id"]
    queue.finish(running(queue), 1, {}, rows=lambda session, job: None)
    result = _invoke("cancel", done, "nowhere", open_)
    assert result.exit_code == 2  # of the id that does not exist
    assert "this job is finished and cannot be cancelled" in result.stderr and "no such job" in result.stderr
    assert f"{open_}  cancelled" in result.stdout
    assert _invoke("pause", done).exit_code == Conflict.exit_code


def test_the_end_of_an_id_suffices_where_no_other_ends_so(queue: Jobs) -> None:
    job = queue.get(value(*GENERATE)["id"])
    columns = {column.key: getattr(job, column.key) for column in Job.__table__.columns}
    with queue.database.write() as session:
        session.add_all(Job(**{**columns, "id": f"job-0000{n}abcde"}) for n in (1, 2))
    with pytest.raises(UsageError, match=r"abcde: 2 jobs' ids end so\. Give more of it: job-00001abcde"):
        jobs("show", "abcde")
    assert value("show", "2ABCDE")["id"] == "job-00002abcde"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("submit", "dance"), "no kind of job 'dance'"),
        (("submit", "generate", "task=cad", "train=4", "colour=red"), "takes no 'colour'"),
        (("submit", "generate", "cad"), "no KEY=VALUE"),
        (("list", "--state", "ready"), "no state 'ready'"),
        (("logs", "job-none"), "no such job"),
        (("kinds", "dance"), "no kind of job 'dance'"),
    ],
)
def test_mistakes_are_said_in_one_line(queue: Jobs, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(RedraftError, match=message) as found:
        jobs(*arguments)
    assert found.value.exit_code == 2


def test_kinds_say_what_they_take_in_the_words_of_the_command(queue: Jobs) -> None:
    assert [kind["name"] for kind in value("kinds")["kinds"]] == list(queue.kinds)
    shown = jobs("kinds", "generate")
    assert "redraft jobs submit generate task=cad 'name=first parts' train=1000" in shown
    words = shlex.split(shown.split("submit generate ")[2].split("\n")[0])
    assert value("submit", "generate", *words)["payload"]["options"] == {"level": "simple", "grid": 64}


def test_logs_are_sentences_or_json_and_can_be_followed_to_the_end(queue: Jobs) -> None:
    id = value(*GENERATE)["id"]
    running(queue)
    queue.record(id, 1, [("log", {"message": "a [bold] word", "level": "warning"}), ("metric", {"loss": 1.0})])
    assert "warning: a [bold] word" in jobs("logs", id)
    kinds = [line["kind"] for line in value("logs", id)["lines"]]
    assert kinds == ["state", "attempt", "state", "log"]
    assert [line["kind"] for line in value("logs", id, "--lines", "1")["lines"]] == ["log"]
    assert "printed nothing" in jobs("logs", id, "--output")
    queue.fail(id, 1, InputError("no").as_data(), retry=False)
    followed = [json.loads(line) for line in jobs("logs", id, "--follow", "--json", code=1).splitlines()]
    assert [line["kind"] for line in followed] == [*kinds, "state"]
    assert followed[-1]["state"] == "failed"


def redraft(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "redraft", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "160"},
    )  # fmt: skip


def test_ctrl_c_ends_the_watching_and_not_the_job(queue: Jobs) -> None:
    id = value(*GENERATE)["id"]
    running(queue)
    watching = redraft("jobs", "logs", "--follow", id)
    try:
        assert watching.stdout is not None and "queued" in watching.stdout.readline()
        time.sleep(0.5)
        watching.send_signal(signal.SIGINT)
        _, errors = watching.communicate(timeout=30)
    finally:
        watching.kill()
        watching.wait()
    assert watching.returncode == 0 and "the job goes on" in errors and "Traceback" not in errors
    assert queue.get(id).state == "running"


def test_a_job_is_done_by_a_worker_while_it_is_followed(queue: Jobs) -> None:
    submitted = redraft("jobs", "submit", "generate", "task=cad", "train=2", "--follow", "--json")
    worker = None
    try:
        deadline = time.monotonic() + 60
        while not queue.page().items:
            assert time.monotonic() < deadline and submitted.poll() is None
            time.sleep(0.1)
        worker = redraft("worker", "--until-idle")
        out, errors = submitted.communicate(timeout=200)
        assert submitted.returncode == 0, errors
        job = json.loads(out)
        assert (job["state"], job["result"]["examples"]) == ("finished", 2)
        assert "attempt 1" in errors
        assert worker.wait(60) == 0
    finally:
        for process in (submitted, worker):
            if process is not None:
                process.kill()
                process.communicate()


def test_nothing_of_a_job_can_command_the_terminal(queue: Jobs) -> None:
    id = value(*GENERATE, "--title", "\x1b]0;mine\x07")["id"]
    running(queue)
    queue.record(id, 1, [("log", {"message": "\x1b[2J [bold]loud", "level": "info"})])
    queue.heartbeat(id, 1, progress={"stage": "\x1b[1m", "done": 1, "total": None, "note": ""})
    queue.fail(id, 1, InputError("\x1b[31mred", where="\x07").as_data(), retry=False)
    for arguments in (("list",), ("show", id), ("logs", id)):
        assert "\x1b" not in jobs(*arguments) and "\x07" not in jobs(*arguments)
    assert "[bold]loud" in jobs("logs", id)
