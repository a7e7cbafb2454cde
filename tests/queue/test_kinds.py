"""Kinds of job: what they take and refuse, what they need, and what they make of rows. No work is done here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from redraft.core.errors import Conflict, NotFound, RecipeError, RedraftError, UsageError
from redraft.queue.jobs import Jobs
from redraft.queue.kinds import KINDS, find_kind
from redraft.queue.kinds.plain import without_paths
from redraft.queue.kinds.secrets import refuse_secrets
from redraft.queue.presets import PRESETS, find_recipe, shipped
from redraft.state.database import Database
from redraft.state.places import DATASETS, place
from redraft.state.tables import Dataset, Job, Model, Run, State, Upload

RECIPE = {"task": "cad", "model": {"base": "tiny", "freeze": []}, "train": {"max_steps": 4}}


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


def dataset(jobs: Jobs, id: str = "data-1", task: str = "cad", owner: str = "local") -> str:
    """A dataset that is there, as `redraft db sync` enters it."""
    folder = place(DATASETS, id)
    folder.mkdir(parents=True)
    with jobs.database.write() as session:
        session.add(Dataset(id=id, name=id, folder=str(folder), task=task, owner=owner, created_at=0.0))
    return id


def started(jobs: Jobs, job: Job) -> Any:
    with jobs.database.write() as session:
        row = session.get(Job, job.id)
        assert row is not None
        return KINDS[row.kind].start(session, row)


def test_every_kind_says_what_it_is_and_its_examples_are_true() -> None:
    assert set(KINDS) == {"generate", "import", "pull", "check", "train", "evaluate", "search", "merge", "push"}
    for name, kind in KINDS.items():
        assert find_kind(name) is kind and kind.name == name and kind.title
        model: type[BaseModel] = kind.payload
        schema = model.model_json_schema()
        assert schema["additionalProperties"] is False
        for example in schema["examples"]:
            assert kind.label(kind.read(example, local=False))
    with pytest.raises(UsageError, match="no kind of job 'evalute'"):
        find_kind("evalute")


@pytest.mark.parametrize(
    ("kind", "payload", "where", "says"),
    [
        ("generate", {"task": "cad"}, "generate", "no example is asked for"),
        ("generate", {"task": "cad", "trian": 5}, "trian", "Did you mean 'train'"),
        ("generate", {"task": "cad", "train": -1}, "train", "greater than or equal to 0, not -1"),
        ("generate", {"task": "cad", "train": 10**12}, "train", "less than or equal"),
        ("generate", {"train": 4}, "task", "field required"),
        ("import", {"importer": "deepcad"}, "import", "give one of upload, repo and source"),
        ("import", {"importer": "x", "repo": "a/b", "upload": "upload-1"}, "import", "give one of"),
        ("import", {"importer": "x", "repo": "../../etc"}, "repo", "match"),
        ("import", {"importer": "x", "repo": "https://somewhere/a"}, "repo", "match"),
        ("pull", {"repo": "no-owner"}, "repo", "match"),
        ("pull", {"repo": "a/b", "revision": "--upload-pack"}, "revision", "match"),
        ("train", {}, "train", "give either a recipe or a preset"),
        ("train", {"preset": "standard", "recipe": {}}, "train", "give either a recipe or a preset"),
        ("train", {"preset": "standard", "processes": 0}, "processes", "greater than or equal to 1"),
        ("push", {"repo": "a/b"}, "push", "give either a checkpoint or a dataset"),
        ("push", {"repo": "a/b", "checkpoint": "ckpt-1", "dataset": "data-1"}, "push", "give either"),
        ("evaluate", {"model": "tiny"}, "dataset", "field required"),
    ],
)
def test_a_wrong_payload_is_refused_in_one_sentence(
    kind: str, payload: dict[str, Any], where: str, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        KINDS[kind].read(payload, local=False)
    assert says in str(caught.value) and caught.value.where == where and caught.value.remedy


@pytest.mark.parametrize(
    "payload",
    [
        {"repo": "a/b", "checkpoint": "ckpt-1", "token": "abc"},
        {"repo": "a/b", "checkpoint": "ckpt-1", "hfToken": "abc"},
        {"repo": "a/b", "checkpoint": "ckpt-1", "HF-TOKEN": "abc"},
        {"recipe": {"hub": {"api_key": "abc"}}},
        {"recipe": {}, "overrides": ["hub.token=abc"]},
        {"preset": "standard", "name": "hf_abcdefghijklmnopqrstuvwxyz"},
        {"repo": "https://me:secretword@hub/a"},
        {"options": [{"deep": [{"password": "x"}]}]},
    ],
)
def test_secrets_are_refused_and_not_repeated(payload: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="looks like a secret") as caught:
        KINDS["push"].read(payload)
    for part in ("abc", "secretword", "hf_"):
        assert part not in caught.value.what + caught.value.remedy


def test_what_counts_tokens_is_no_secret() -> None:
    for recipe in shipped().values():
        refuse_secrets(recipe.recipe)
    payload = {"recipe": {"train": {"batch_tokens": 4096}}, "overrides": ["evaluate.max_new_tokens=64"]}
    assert KINDS["train"].read(payload).overrides == ["evaluate.max_new_tokens=64"]
    KINDS["check"].read({"dataset": "data-1", "max_tokens": 5})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("a\0b", "cannot be kept"),
        ("half \ud800", "cannot be kept"),
        (float("nan"), "is none"),
        (float("inf"), "is none"),
        ([[[[{}]]]] * 2, None),
    ],
)
def test_what_no_database_keeps_is_refused(jobs: Jobs, value: Any, says: str | None) -> None:
    options = {"deep": [value]}
    if says is None:
        job = jobs.submit("generate", {"task": "cad", "train": 1, "options": options})
        assert jobs.get(job.id).payload["options"] == options
        return
    with pytest.raises(UsageError, match=says):
        jobs.submit("generate", {"task": "cad", "train": 1, "options": options})
    with pytest.raises(UsageError, match="cannot be kept"):
        jobs.submit("generate", {"task": "cad", "train": 1, "options": {"a\0": 1}})


def test_data_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(UsageError, match="more than 32 levels"):
        KINDS["train"].read({"recipe": {"options": deep}})


@pytest.mark.parametrize(
    "recipe",
    [
        {"model": "tiny"},
        {"model": [1]},
        {"model": None},
        {"task": 5},
        {"dataset": ["data-1"]},
        {"train": "all"},
        {"task": "cad", "model": {"base": {"a": 1}}},
        {},
    ],
)
def test_a_recipe_of_any_form_is_taken_or_refused_in_words(jobs: Jobs, recipe: dict[str, Any]) -> None:
    id = dataset(jobs)
    for more in ({}, {"model": "tiny"}, {"overrides": ["model.base=tiny", "train.epochs=[", "=", "a"]}):
        try:
            jobs.submit("train", {"recipe": recipe, "dataset": id, **more})
        except RedraftError as error:
            assert error.what and error.remedy


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_payload_is_taken_or_refused_in_words(value: Any) -> None:
    for kind in KINDS.values():
        for key in ("task", "recipe", "options", "dataset", "repo", "strange"):
            try:
                kind.read({key: value}, local=False)
            except UsageError as error:
                assert error.what and error.remedy and "\n" not in str(error)


def test_paths_are_taken_from_this_machines_own_command_line_alone(jobs: Jobs, tmp_path: Path) -> None:
    payload = {"importer": "programs", "source": str(tmp_path)}
    with pytest.raises(UsageError, match="own command line"):
        jobs.submit("import", payload)
    job = jobs.submit("import", payload, local=True)
    assert started(jobs, job).request["source"] == str(tmp_path)
    with pytest.raises(UsageError, match="nothing to import"):
        jobs.submit("import", {**payload, "source": str(tmp_path / "none")}, local=True)
    id = dataset(jobs)
    measured = {"model": "tiny", "dataset": id, "measures": ["judge=http://somewhere/v1#model"]}
    with pytest.raises(UsageError, match="own command line"):
        jobs.submit("evaluate", measured)
    assert started(jobs, jobs.submit("evaluate", measured, local=True)).request["measures"] == measured["measures"]
    for path in ("data/cad", "/etc", "../x", "data-1/../../x"):
        with pytest.raises(UsageError):
            jobs.submit("train", {"recipe": {**RECIPE, "dataset": path}}, local=True)
        with pytest.raises(NotFound):
            jobs.submit("train", {"recipe": RECIPE, "dataset": id, "model": path}, local=True)
        with pytest.raises(NotFound):
            jobs.submit("train", {"recipe": {**RECIPE, "model": {"base": path}}, "dataset": id}, local=True)


def test_a_chain_of_jobs_needs_one_another(jobs: Jobs) -> None:
    made = jobs.submit("generate", {"task": "cad", "train": 8, "validation": 4})
    trained = jobs.submit("train", {"recipe": RECIPE, "dataset": made.output["dataset"]})
    again = jobs.submit("train", {"preset": "standard", "dataset": made.output["dataset"], "model": "tiny"})
    evaluated = jobs.submit("evaluate", {"model": trained.output["run"], "dataset": made.output["dataset"]})
    merged = jobs.submit("merge", {"checkpoint": again.output["run"]})
    pushed = jobs.submit("push", {"checkpoint": merged.output["model"], "repo": "someone/parts"})
    needs = {job.id: set(jobs.needs(job.id)) for job in (trained, again, evaluated, merged, pushed)}
    assert needs == {
        trained.id: {made.id},
        again.id: {made.id},
        evaluated.id: {made.id, trained.id},
        merged.id: {again.id},
        pushed.id: {merged.id},
    }
    with jobs.database.read() as session:
        row = session.get(Dataset, made.output["dataset"])
        assert row is not None and (row.status, row.origin, row.task) == ("making", "generated", "cad")
        run = session.get(Run, trained.output["run"])
        assert run is not None and (run.status, run.base, run.dataset_id) == ("new", "tiny", row.id)


def test_what_will_never_be_there_is_refused_at_once(jobs: Jobs) -> None:
    for payload in ({"dataset": "data-none"}, {"dataset": dataset(jobs), "model": "run-none"}):
        with pytest.raises(NotFound):
            jobs.submit("check", payload)
    made = jobs.submit("generate", {"task": "cad", "train": 8})
    jobs.cancel(made.id)
    with pytest.raises(Conflict, match="making it failed"):
        jobs.submit("check", {"dataset": made.output["dataset"]})
    jobs.resume(made.id)
    assert jobs.submit("check", {"dataset": made.output["dataset"]}).state == State.WAITING
    with pytest.raises(NotFound, match="no task 'cat'"):
        jobs.submit("generate", {"task": "cat", "train": 8})
    with pytest.raises(NotFound, match="no task 'xx"):
        jobs.submit("train", {"recipe": {**RECIPE, "task": "x" * 300, "dataset": "hf:a/b"}})
    with pytest.raises(NotFound, match="no recipe 'quickest'"):
        jobs.submit("train", {"preset": "quickest"})
    with pytest.raises(UsageError, match="no page styles"):
        jobs.submit("search", {"dataset": dataset(jobs, "data-2"), "model": "tiny"})
    with pytest.raises(UsageError, match="was made for the task 'cad'"):
        jobs.submit("train", {"recipe": {**RECIPE, "task": "summary"}, "dataset": "data-2"})
    with pytest.raises(RecipeError, match="epoch"):
        jobs.submit("train", {"recipe": RECIPE, "dataset": "data-2", "overrides": ["train.epoch=3"]})
    with pytest.raises(UsageError, match="named by its id"):
        jobs.submit("train", {"preset": "standard"})
    with pytest.raises(UsageError, match="lies in the state folder"):
        jobs.submit("train", {"recipe": {**RECIPE, "output": "/tmp/x"}, "dataset": "data-2"})
    with jobs.database.read() as session:
        assert session.query(Run).count() == 0, "a refused submission leaves no row"


def test_the_longest_names_are_kept(jobs: Jobs) -> None:
    name, repo = "n" * 200, f"{'o' * 99}/{'r' * 100}"
    made = jobs.submit("generate", {"task": "cad", "train": 1, "name": name})
    jobs.submit("train", {"recipe": RECIPE, "dataset": made.output["dataset"], "name": name})
    jobs.submit(
        "merge",
        {
            "checkpoint": jobs.submit("train", {"preset": "standard", "dataset": made.output["dataset"]}).output[
                "run"
            ]
        },
    )
    jobs.submit("import", {"importer": "huggingface", "repo": repo, "name": name})
    jobs.submit("pull", {"repo": repo})
    jobs.submit("push", {"repo": repo, "dataset": made.output["dataset"]})
    assert all(0 < len(job.title) <= 200 for job in jobs.page().items)


def test_rows_of_others_are_not_found(jobs: Jobs) -> None:
    id = dataset(jobs, owner="somebody")
    for kind, payload in {
        "check": {"dataset": id},
        "train": {"recipe": RECIPE, "dataset": id},
        "evaluate": {"model": "tiny", "dataset": id},
    }.items():
        with pytest.raises(NotFound):
            jobs.submit(kind, payload)
        jobs.submit(kind, payload, owner="somebody")


def test_a_preset_serves_any_task_and_any_base(jobs: Jobs) -> None:
    id = dataset(jobs, task="summary")
    for name in PRESETS:
        job = jobs.submit("train", {"preset": name, "dataset": id, "model": "tiny"})
        recipe = started(jobs, job).request["recipe"]
        assert recipe["task"] == "summary" and recipe["model"]["base"] == "tiny"
        assert recipe["model"]["adapter"] is None and recipe["model"]["freeze"] == []  # it starts from nothing
        assert recipe["dataset"] == str(place(DATASETS, id))
        assert recipe["train"]["learning_rate"] == find_recipe(name).recipe["train"]["learning_rate"]


def test_an_adapter_on_the_tiny_model_is_refused_before_anything_is_queued(jobs: Jobs) -> None:
    recipe = {**RECIPE, "model": {"base": "tiny", "freeze": [], "adapter": {}}}
    with pytest.raises(UsageError, match="random weights"):
        jobs.submit("train", {"recipe": recipe, "dataset": dataset(jobs)})


def test_the_presets_are_those_of_the_page_and_none_is_changed_by_a_job(jobs: Jobs) -> None:
    assert tuple(name for name, found in shipped().items() if found.preset) == PRESETS
    assert all(found.title and found.about for found in shipped().values())
    before = repr(find_recipe("standard").recipe)
    jobs.submit("train", {"preset": "standard", "dataset": dataset(jobs), "overrides": ["train.epochs=9"]})
    assert repr(find_recipe("standard").recipe) == before


def test_the_second_attempt_resumes_the_run(jobs: Jobs) -> None:
    job = jobs.submit("train", {"recipe": RECIPE, "dataset": dataset(jobs), "processes": 2})
    first = started(jobs, job)
    assert set(first.request) == {"recipe", "out", "processes"} and first.verb == "train"
    assert first.folder is not None
    first.folder.mkdir(parents=True)
    (first.folder / "recipe.yaml").write_text("begun: and cut off before a checkpoint\n")
    second = started(jobs, job)
    assert second.request == {
        "resume": str(first.folder),
        "dataset": str(place(DATASETS, "data-1")),
        "processes": 2,
    }


def test_a_recipe_that_no_longer_validates_fails_in_one_sentence(jobs: Jobs) -> None:
    job = jobs.submit("train", {"recipe": RECIPE, "dataset": dataset(jobs)})
    with jobs.database.write() as session:
        run = session.get(Run, job.output["run"])
        assert run is not None
        run.recipe = {**run.recipe, "train": {"steps_of_an_older_version": 5}}
    with pytest.raises(RecipeError, match=r"there is no key 'train\.steps_of_an_older_version'"):
        started(jobs, job)


@pytest.mark.parametrize("kind", ["train", "check", "evaluate"])
def test_a_dataset_deleted_under_a_job_is_told(jobs: Jobs, kind: str) -> None:
    id = dataset(jobs)
    payload: dict[str, Any] = {"dataset": id} | {
        "train": {"recipe": RECIPE},
        "evaluate": {"model": "tiny"},
        "check": {},
    }[kind]
    job = jobs.submit(kind, payload)
    shutil.rmtree(place(DATASETS, id))
    with pytest.raises(Conflict, match="removed") as caught:
        started(jobs, job)
    assert caught.value.where == id and caught.value.remedy


def test_an_upload_is_imported_as_the_one_thing_it_holds(jobs: Jobs, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    (folder / "parts.json").write_text("[]")
    with jobs.database.write() as session:
        session.add(
            Upload(id="upload-1", name="parts.json", bytes=2, sha256="0" * 64, folder=str(folder), created_at=0.0)
        )
    job = jobs.submit("import", {"importer": "tinyllava", "upload": "upload-1", "task": "cad"})
    assert job.output["dataset"].startswith("data-")
    assert started(jobs, job).request["source"] == str(folder / "parts.json")
    (folder / "more.json").write_text("[]")
    assert started(jobs, job).request["source"] == str(folder)
    shutil.rmtree(folder)
    with pytest.raises(Conflict, match="uploaded file is gone"):
        started(jobs, job)


def test_a_pull_takes_the_catalogues_row_and_gives_it_back(jobs: Jobs) -> None:
    job = jobs.submit("pull", {"repo": "HuggingFaceTB/SmolVLM-500M-Instruct"})
    later = jobs.submit("train", {"preset": "standard", "dataset": dataset(jobs)})
    assert jobs.needs(later.id) == [job.id], "the preset's base is just being fetched"
    second = jobs.submit("pull", {"repo": "hf:HuggingFaceTB/SmolVLM-500M-Instruct"})
    assert second.output == job.output and jobs.needs(second.id) == [job.id]
    jobs.cancel(second.id)
    jobs.cancel(job.id)
    with jobs.database.read() as session:
        row = session.get(Model, job.output["model"])
        assert row is not None and row.status == "known" and row.kind == "base"
    unknown = jobs.submit("pull", {"repo": "someone/new", "revision": "v1"})
    assert started(jobs, unknown).request == {"repo": "someone/new", "revision": "v1"}


@pytest.mark.parametrize("files", [False, True])
def test_deleting_a_job_that_made_nothing_leaves_nothing_open(jobs: Jobs, files: bool) -> None:
    submitted = [
        jobs.submit("generate", {"task": "cad", "train": 8}),
        jobs.submit("train", {"recipe": RECIPE, "dataset": dataset(jobs)}),
        jobs.submit("merge", {"checkpoint": "hf:someone/adapter"}),
        jobs.submit("evaluate", {"model": "tiny", "dataset": "data-1"}),
        jobs.submit("search", {"dataset": dataset(jobs, "data-9", task="summary"), "model": "tiny"}),
        jobs.submit("pull", {"repo": "HuggingFaceTB/SmolVLM-500M-Instruct"}),
    ]
    for job in submitted:
        jobs.delete(job.id, files=files)
    with jobs.database.read() as session:
        left = [row.status for row in session.query(Dataset) if row.id not in ("data-1", "data-9")]
        assert left == ([] if files else ["failed"])
        assert [run.status for run in session.query(Run)] == ([] if files else ["failed"])
        assert session.query(Model).filter(Model.status == "pulling").count() == 0
        assert session.query(Model).filter(Model.kind == "merged").count() == 0


@given(st.text(st.characters(blacklist_characters="/"), max_size=10), st.text(max_size=10))
def test_results_name_ids_in_place_of_paths(name: str, other: str) -> None:
    value = {"out": f"/data/run-1/{name}", "is": "/data/run-1", "list": [other, 5, None], "near": "/data/run-10/x"}
    found = without_paths(value, {"/data/run-1": "run-1"})
    assert found == {"out": f"run-1/{name}", "is": "run-1", "list": [other, 5, None], "near": "/data/run-10/x"}


def test_what_no_kind_can_say_is_no_traceback(jobs: Jobs) -> None:
    """Whatever a start meets in a row that somebody edited, the job ends with a sentence."""
    job = jobs.submit("evaluate", {"model": "tiny", "dataset": dataset(jobs)})
    with jobs.database.write() as session:
        row = session.get(Job, job.id)
        assert row is not None
        row.payload = {"model": "tiny", "of": "another version"}
    with pytest.raises(RedraftError, match=r"takes no 'of'|field required"):
        started(jobs, job)
