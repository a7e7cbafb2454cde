"""Kinds of job done for real: what lies in the folders then, and what the rows say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jobs_at_work import begin, work
from sqlalchemy import select

from redraft.core.home import home
from redraft.queue.jobs import Jobs
from redraft.queue.local import LocalProcess
from redraft.state.database import Database
from redraft.state.places import DATASETS, MODELS, RUNS, place
from redraft.state.tables import Checkpoint, Dataset, Evaluation, Job, Model, Run, State

SMALL = {"layers": 1, "width": 64, "heads": 4, "feed_forward": 128}
RECIPE = {
    "task": "cad",
    "model": {"base": "tiny", "freeze": [], "options": SMALL},
    "train": {
        "max_steps": 12,
        "epochs": 99,
        "batch_size": 4,
        "save_every": 4,
        "evaluate_first": False,
        "threads": 1,
    },
    "evaluate": {"limit": 2, "max_new_tokens": 16},
}
SIMPLE = {"task": "cad", "train": 8, "validation": 2, "test": 2, "options": {"level": "simple", "grid": 64}}


@pytest.fixture
def jobs(sqlite_database: Database) -> Jobs:
    return Jobs(sqlite_database)


def no_paths(value: Any) -> bool:
    return str(home()) not in json.dumps(value)


def done(jobs: Jobs, **options: Any) -> Job:
    job = work(jobs, **options)
    assert job is not None and job.state == State.FINISHED, job and job.error
    assert no_paths(job.result)
    return job


@pytest.mark.slow
def test_a_dataset_and_a_run_are_made_and_entered_though_attempts_were_cut_off(jobs: Jobs) -> None:
    made = jobs.submit("generate", SIMPLE)
    trained = jobs.submit("train", {"recipe": RECIPE, "dataset": made.output["dataset"]})
    job = work(jobs, enter=False)
    assert job is not None and job.state == State.QUEUED, "whole on the disk, and nobody was told"
    assert begin(jobs, job).verb == "made"
    done(jobs)
    with jobs.database.read() as session:
        dataset = session.get(Dataset, made.output["dataset"])
        assert dataset is not None and dataset.status == "ready"
        manifest = json.loads((place(DATASETS, dataset.id) / "manifest.json").read_text())
        assert dataset.counts == manifest["counts"] == {"train": 8, "validation": 2, "test": 2}
        assert dataset.fingerprint == manifest["fingerprint"] and (dataset.bytes or 0) > 1000
        assert dataset.about["seed"] == 0 and dataset.about["options"]["grid"] == 64

    def pause(event: dict[str, Any], process: LocalProcess) -> None:
        if event["event"] == "metric" and event["values"].get("step") == 1:
            process.send({"stop": "pause"})

    stopped = work(jobs, pause)
    assert stopped is not None and stopped.state == State.FAILED and "saved at step" in stopped.reason
    with jobs.database.read() as session:
        run = session.get(Run, trained.output["run"])
        assert run is not None and run.steps >= 1
    jobs.resume(trained.id)
    assert begin(jobs, trained).request["resume"] == str(place(RUNS, trained.output["run"]))
    result = done(jobs).result
    assert result is not None and (result["status"], result["steps"]) == ("finished", 12)
    with jobs.database.read() as session:
        run = session.get(Run, trained.output["run"])
        assert run is not None and (run.status, run.steps, run.result) == ("finished", 12, result)
        assert run.recipe["dataset"] == dataset.id and no_paths(run.recipe)
        rows = list(session.scalars(select(Checkpoint).order_by(Checkpoint.step)))
        lying = {f"checkpoints/{path.name}" for path in (place(RUNS, run.id) / "checkpoints").iterdir()}
        assert {row.path for row in rows if not row.removed} == lying
        assert [row.step for row in rows if row.latest] == [12] and rows[-1].token == 2
        scores = session.scalars(select(Evaluation)).one()
        assert scores.run_id == run.id and scores.model == rows[-1].id and scores.split == "validation"
        assert scores.scores["mean"] == result["scores"]["mean"] and no_paths(scores.scores)


@pytest.mark.slow
def test_from_data_to_a_merged_model_and_its_score(jobs: Jobs) -> None:
    made = jobs.submit("generate", SIMPLE).output["dataset"]
    first = jobs.submit("train", {"recipe": RECIPE, "dataset": made}).output["run"]
    adapted = {
        **RECIPE,
        "model": {"base": first, "freeze": ["vision"], "adapter": {"r": 4, "targets": ["all-linear"]}},
    }
    second = jobs.submit("train", {"recipe": adapted, "dataset": made}).output["run"]
    merged = jobs.submit("merge", {"checkpoint": second, "dataset": made, "name": "merged parts"})
    few = {"dataset": made, "limit": 2, "max_new_tokens": 16}
    of_run = jobs.submit("evaluate", {"model": second, "against": first, **few})
    of_model = jobs.submit("evaluate", {"model": merged.output["model"], **few})
    checked = jobs.submit("check", {"dataset": made})
    finished = []
    while len(finished) < 7:
        finished.append(done(jobs))
    with jobs.database.read() as session:
        model = session.get(Model, merged.output["model"])
        assert model is not None and (model.name, model.kind, model.status) == ("merged parts", "merged", "ready")
        assert (model.parameters or 0) > 0 and model.about["proof"]["adapted"] > 0 and no_paths(model.about)
        assert (place(MODELS, model.id) / "config.json").is_file()
        for job, run in ((of_run, second), (of_model, None)):
            row = session.get(Evaluation, job.output["evaluation"])
            assert row is not None and (row.run_id, row.dataset_id, row.split) == (run, made, "test")
            assert row.scores["examples"] == 2 and no_paths(row.scores)
            assert row.folder is not None and (Path(row.folder) / "evaluation.json").is_file()
    assert {**(jobs.get(checked.id).result or {}), "seconds": 0} == {
        "examples": 12, "faults": [], "errors": 0, "warnings": 0, "seconds": 0
    }  # fmt: skip
    jobs.delete(of_model.id, files=True)
    jobs.delete(merged.id, files=True)
    with jobs.database.read() as session:
        assert session.get(Model, merged.output["model"]) is None
        assert session.get(Evaluation, of_model.output["evaluation"]) is None
    assert not place(MODELS, merged.output["model"]).exists()


@pytest.mark.slow
def test_a_folder_of_programs_is_imported_and_a_style_is_searched(jobs: Jobs, tmp_path: Path) -> None:
    source = tmp_path / "documents.jsonl"
    rows = [
        {
            "text": f"The library opens at {hour} on every day but one. Members pay nothing.",
            "summary": f"Opens at {hour}.",
        }
        for hour in range(20)
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    payload = {
        "importer": "documents",
        "source": str(source),
        "task": "summary",
        "train": 12,
        "validation": 4,
        "test": 4,
        "options": {"style": {"width": 128, "height": 128, "font_size": 12}},
    }
    made = jobs.submit("import", payload, local=True).output["dataset"]
    recipe = {**RECIPE, "task": "summary"}
    recipe["model"] = {"base": "tiny", "freeze": [], "options": {**SMALL, "picture": 128}}
    run = jobs.submit("train", {"recipe": recipe, "dataset": made}).output["run"]
    grid = {"font_size": [10, 12]}
    search = jobs.submit(
        "search",
        {
            "dataset": made,
            "model": run,
            "limit": 2,
            "trials": 2,
            "grid": grid,
            "max_new_tokens": 8,
            "loop_stop": 0,
        },
    )
    imported = done(jobs)
    assert imported.result is not None and imported.result["counts"] == {"train": 12, "validation": 4, "test": 4}
    done(jobs)
    found = done(jobs).result
    assert found is not None and len(found["trials"]) == 2 and found["model"]
    folder = home() / "evaluations" / search.output["search"]
    assert (folder / "report.html").is_file() and (folder / "search.json").is_file()


@pytest.mark.slow
def test_a_job_of_two_processes_is_paused_and_goes_on(jobs: Jobs) -> None:
    made = jobs.submit("generate", SIMPLE).output["dataset"]
    done(jobs)
    longer = {**RECIPE, "train": {**RECIPE["train"], "max_steps": 8, "epochs": 9}}
    together = jobs.submit("train", {"recipe": longer, "dataset": made, "processes": 2})
    alone = jobs.submit("train", {"recipe": longer, "dataset": made})
    asked: list[int] = []

    def pause(event: dict[str, Any], process: LocalProcess) -> None:
        if event["event"] == "metric" and event["values"].get("kind") == "step" and not asked:
            asked.append(event["values"]["step"])
            process.send({"stop": "pause"})

    stopped = work(jobs, pause)
    assert stopped is not None and "stopped and saved at step" in stopped.reason and asked == [1]
    jobs.resume(together.id)
    one, two = done(jobs), done(jobs)
    assert {one.id, two.id} == {together.id, alone.id}
    losses = {}
    for job in (one, two):
        lines = (place(RUNS, job.output["run"]) / "events.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        losses[job.id] = [event["loss"] for event in events if event["kind"] == "step"]
        counts = {event["processes"]["count"] for event in events if event["kind"] == "start"}
        assert counts == ({2} if job.id == together.id else {1})
    assert len(losses[alone.id]) == 8
    assert losses[together.id] == pytest.approx(losses[alone.id], rel=1e-3)


@pytest.mark.slow
def test_one_of_two_processes_that_is_killed_ends_the_attempt(jobs: Jobs) -> None:
    import os
    import signal

    import psutil

    made = jobs.submit("generate", SIMPLE).output["dataset"]
    done(jobs)
    longer = {**RECIPE, "train": {**RECIPE["train"], "max_steps": 400, "epochs": 999, "save_every": 1}}
    together = jobs.submit("train", {"recipe": longer, "dataset": made, "processes": 2})
    killed: list[int] = []

    def kill(event: dict[str, Any], process: LocalProcess) -> None:
        if event["event"] == "ask" and event["values"]["step"] == 2 and not killed:
            ranks = [
                child
                for child in psutil.Process(process.pid).children(recursive=True)
                if child.environ().get("RANK") == "1" and "redraft.worker" in child.cmdline()
            ]
            killed.append(ranks[0].pid)
            os.kill(ranks[0].pid, signal.SIGKILL)

    ended = work(jobs, kill)
    assert killed and ended is not None and ended.state == State.FAILED
    assert ended.error is not None and ended.error["kind"] == "WorkerLost"
    assert (place(RUNS, together.output["run"]) / "checkpoints" / "step-1").is_dir()
