"""Runs over HTTP: lists, curves that grow, samples with their pictures, comparison, report."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from run_folders import add_samples, enter_checkpoint, enter_run, enter_scores, png, recipe, train

from redraft.state.database import Database
from redraft.state.tables import Run
from redraft.worker.report import write_report


@pytest.fixture
def state(client: TestClient) -> Database:
    """The database behind the client."""
    found: Database = client.app.state.service.database  # type: ignore[attr-defined]
    return found


@pytest.fixture
def run(state: Database) -> Run:
    """A run of 40 steps."""
    made = enter_run(state, "first", status="running", steps=40)
    train(made, range(1, 41))
    return made


def series(answer: Any) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {one["name"]: one for one in answer.json()["series"]}


def test_runs_are_listed_in_pages_and_by_status(client: TestClient, state: Database) -> None:
    made = [enter_run(state, f"run {n}", status="finished" if n % 2 else "failed").id for n in range(5)]
    first = client.get("/api/runs", params={"limit": 3}).json()
    rest = client.get("/api/runs", params={"limit": 3, "after": first["next"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
    finished = client.get("/api/runs", params={"status": "finished"}).json()["items"]
    assert [item["name"] for item in finished] == ["run 3", "run 1"]
    assert client.get("/api/runs", params={"task": "summary"}).json()["items"] == []
    assert client.get("/api/runs", params={"status": "odd"}).status_code == 422


def test_a_run_is_shown_with_what_it_made(client: TestClient, state: Database, run: Run) -> None:
    kept = enter_checkpoint(state, run, 40, bytes=1000, latest=True)
    enter_scores(state, run, "data-1", 0.6)
    found = client.get(f"/api/runs/{run.id}").json()
    assert found["recipe"]["train"]["max_steps"] == 200
    assert [(one["id"], one["step"], one["latest"]) for one in found["checkpoints"]] == [(kept, 40, True)]
    assert found["evaluations"][0]["scores"]["mean"] == 0.6
    assert found["report"] is False


def test_somebody_elses_run_is_not_there(client: TestClient, state: Database) -> None:
    other = enter_run(state, "other", owner="somebody else")
    for path in ("", "/metrics", "/samples", "/samples/step-0", "/report.html"):
        assert client.get(f"/api/runs/{other.id}{path}").status_code == 404
    assert client.get("/api/runs/compare", params={"run": other.id}).status_code == 404
    assert client.get("/api/runs").json()["items"] == []


def test_every_step_is_a_point_where_there_is_room(client: TestClient, run: Run) -> None:
    answer = client.get(f"/api/runs/{run.id}/metrics")
    loss = series(answer)["loss"]
    assert loss["step"] == list(range(1, 41))
    assert loss["value"] == [10.0 / step for step in range(1, 41)]
    assert loss["low"] is None and loss["high"] is None
    body = answer.json()
    assert (body["step"], body["steps"], body["checkpoints"], body["unreadable"]) == (40, 200, [40], 0)
    assert [point["step"] for point in body["evaluations"]] == [0]


@pytest.mark.parametrize("points", [1, 3, 7, 39])
def test_a_thinned_curve_keeps_mean_extremes_and_ends(client: TestClient, run: Run, points: int) -> None:
    loss = series(client.get(f"/api/runs/{run.id}/metrics", params={"points": points}))["loss"]
    values = [10.0 / step for step in range(1, 41)]
    assert len(loss["step"]) == points and loss["step"][-1] == 40
    sizes = [b - a for a, b in zip([0, *loss["step"]], loss["step"], strict=False)]
    assert sum(sizes) == 40 and max(sizes) - min(sizes) <= 1
    whole = sum(size * mean for size, mean in zip(sizes, loss["value"], strict=True))
    assert math.isclose(whole, sum(values), rel_tol=1e-9)
    assert (min(loss["low"]), max(loss["high"])) == (min(values), max(values))
    assert all(
        low <= mean <= high for low, mean, high in zip(loss["low"], loss["value"], loss["high"], strict=True)
    )


def test_a_figure_that_is_no_number_has_no_point(client: TestClient, run: Run) -> None:
    assert "gradient_norm" not in series(client.get(f"/api/runs/{run.id}/metrics"))


def test_only_the_figures_that_are_asked_for(client: TestClient, run: Run) -> None:
    path = f"/api/runs/{run.id}/metrics"
    assert set(series(client.get(path, params={"name": ["loss", "tokens"]}))) == {"loss", "tokens"}
    assert "tokens" not in series(client.get(path))


def test_a_curve_grows_while_it_is_watched(client: TestClient, run: Run) -> None:
    path = f"/api/runs/{run.id}/metrics"
    seen = client.get(path).json()["step"]
    assert series(client.get(path, params={"after": seen}))["loss"]["step"] == []
    train(run, range(41, 46))
    answer = client.get(path, params={"after": seen})
    assert series(answer)["loss"]["step"] == [41, 42, 43, 44, 45]
    assert answer.json()["resumed"] == [] and answer.json()["checkpoints"] == [45]
    assert client.get(path).json()["resumed"] == [40]


def test_a_run_that_went_back_to_its_checkpoint_shows_each_step_once(client: TestClient, state: Database) -> None:
    run = enter_run(state, "killed")
    kept = train(run, range(1, 21))
    train(run, range(21, 31))
    path = f"/api/runs/{run.id}/metrics"
    assert client.get(path).json()["step"] == 30
    train(run, range(21, 26), length=kept)
    assert series(client.get(path))["loss"]["step"] == list(range(1, 26))
    train(run, range(26, 61))
    assert series(client.get(path))["loss"]["step"] == list(range(1, 61))


def test_a_step_that_is_done_again_takes_the_place_of_the_first(client: TestClient, state: Database) -> None:
    run = enter_run(state, "uncut")
    train(run, range(1, 11))
    train(run, range(6, 9))
    assert series(client.get(f"/api/runs/{run.id}/metrics"))["loss"]["step"] == list(range(1, 9))


def test_a_line_cut_off_by_a_kill_is_left_until_it_is_whole(client: TestClient, run: Run) -> None:
    file = Path(run.folder) / "events.jsonl"
    with file.open("ab") as end:
        end.write(b'{"kind": "step", "step": 41, "lo')
    path = f"/api/runs/{run.id}/metrics"
    assert client.get(path).json()["step"] == 40
    with file.open("ab") as end:
        end.write(b'ss": 0.5}\n[1]\nnonsense\n')
    body = client.get(path).json()
    assert (body["step"], body["unreadable"]) == (41, 2)


def test_a_run_without_a_folder_has_no_metrics(client: TestClient, state: Database) -> None:
    run = enter_run(state, "missing", status="missing")
    Path(run.folder).rmdir()
    body = client.get(f"/api/runs/{run.id}/metrics").json()
    assert (body["step"], body["series"], body["evaluations"]) == (0, [], [])
    assert client.get(f"/api/runs/{run.id}/samples").json() == []


def test_samples_are_shown_with_pictures_by_their_ids(client: TestClient, run: Run) -> None:
    add_samples(run, 0, ["nothing", "nothing"])
    add_samples(run, 40, ["0", "7"], before=0)
    path = f"/api/runs/{run.id}/samples"
    assert [one["id"] for one in client.get(path).json()] == ["step-0", "step-40"]
    found = client.get(f"{path}/step-40").json()
    assert found["says"] == ["Half."] and found["mean"] == 0.5
    best, worst = found["samples"]
    assert (best["id"], best["answer"]["answer"], best["answer"]["score"]["value"]) == ("part-0", "0", 1.0)
    assert best["before"]["answer"] == "nothing" and best["before"]["drawn"] == []
    assert best["shown"] == ["1-shown-1", "1-shown-2"] and worst["answer"]["drawn"] == ["2-drawn-1"]
    answer = client.get(f"{path}/step-40/images/2-drawn-1")
    assert (answer.headers["content-type"], answer.content) == ("image/png", png(7))
    assert client.get(f"{path}/step-40/images/2-shown-2").content == png(101)


@pytest.mark.parametrize(
    "rest",
    [
        "step-1",
        "step-40/images/9-shown-1",
        "step-40/images/1-shown-3",
        "step-40/images/1-before-1",
        "step-40/images/1-other-1",
        "step-40/images/0-shown-1",
        "step-40/images/..%2f..%2frecipe.yaml",
        "..%2f..%2fsecret",
        "%2e%2e",
        "step-40/images/1-shown-1%00",
    ],
)
def test_no_other_file_comes_through_the_samples(client: TestClient, run: Run, rest: str) -> None:
    add_samples(run, 40, ["0", "7"])
    assert client.get(f"/api/runs/{run.id}/samples/{rest}").status_code in (404, 422)


def test_a_samples_file_that_names_a_path_outside_gives_nothing(
    client: TestClient, run: Run, state_folder: Path
) -> None:
    add_samples(run, 40, ["0", "7"])
    secret = state_folder / "secret.png"
    secret.write_bytes(png(1))
    file = Path(run.folder) / "samples" / "step-40" / "samples.json"
    file.write_text(file.read_text().replace("01/1-front.png", "../../../../secret.png"))
    answer = client.get(f"/api/runs/{run.id}/samples/step-40/images/1-shown-1")
    assert answer.status_code in (404, 422) and answer.content != png(1)


def test_runs_side_by_side(client: TestClient, state: Database) -> None:
    first = enter_run(state, "slow")
    second = enter_run(state, "fast", recipe=recipe(train={"max_steps": 200, "learning_rate": 1e-4}))
    train(first, range(1, 31))
    train(second, range(1, 11))
    enter_scores(state, first, "data-1", 0.5)
    enter_scores(state, second, "data-1", 0.7)
    enter_scores(state, second, "data-2", 0.9)
    params: Any = {"run": [first.id, second.id], "points": 5}
    found = client.get("/api/runs/compare", params=params).json()
    assert found["settings"] == [{"key": "train.learning_rate", "values": [2e-05, 1e-4]}]
    assert [len(one["series"][0]["step"]) for one in found["runs"]] == [5, 5]
    assert [one["run"]["name"] for one in found["runs"]] == ["slow", "fast"]
    means = {score["dataset"]: score["means"] for score in found["scores"]}
    assert means == {"data-1": [0.5, 0.7], "data-2": [None, 0.9]}


@pytest.mark.parametrize("ids", [[], ["run-1"], ["same", "same"], ["same"] * 11])
def test_runs_that_cannot_be_compared_are_refused(client: TestClient, run: Run, ids: list[str]) -> None:
    named: Any = {"run": [run.id if id == "same" else id for id in ids]}
    assert client.get("/api/runs/compare", params=named).status_code == 422


def test_the_report_runs_no_script_and_loads_nothing(client: TestClient, run: Run, state_folder: Path) -> None:
    path = f"/api/runs/{run.id}/report.html"
    missing = client.get(path)
    assert missing.status_code == 404 and missing.headers["content-type"] == "application/problem+json"
    write_report(run.folder)
    answer = client.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script-src" not in policy
    assert "redraft training report" in answer.text
    assert str(state_folder) not in answer.text
    assert "script-src 'self'" in client.get("/api/runs").headers["content-security-policy"]
