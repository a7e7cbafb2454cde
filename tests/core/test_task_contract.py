"""What every task must keep, whoever wrote it: the built-in ones and a third one in a folder beside this file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from redraft.core.discovery import load_task, task_folders
from redraft.core.errors import UsageError
from redraft.core.example import Example, Image, message_from_data
from redraft.core.task import Sample, Task
from redraft.core.work import Silent

HERE = Path(__file__).parent
SEED = 7


def _names() -> list[str]:
    before = os.environ.get("REDRAFT_TASKS")
    os.environ["REDRAFT_TASKS"] = str(HERE)
    try:
        return list(task_folders())
    finally:
        if before is None:
            del os.environ["REDRAFT_TASKS"]
        else:
            os.environ["REDRAFT_TASKS"] = before


@pytest.fixture(autouse=True, scope="module")
def third_task() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDRAFT_TASKS", str(HERE))
        yield


@pytest.fixture(scope="module", params=_names())
def task(request: pytest.FixtureRequest, third_task: None) -> Task:
    return load_task(request.param)


@pytest.fixture(scope="module")
def made(task: Task) -> list[Example]:
    return list(task.generate(4, SEED, task.options({}), Silent()))


@pytest.fixture(scope="module")
def examples(task: Task, made: list[Example]) -> list[Example]:
    """The made examples with their pictures, which a task draws later where its datasets keep none."""
    options = task.options({})
    return [e if e.images else e.with_images(task.draw(e.truth, e.seed, options)) for e in made]


def test_the_folder_is_the_name_and_explains_itself(task: Task) -> None:
    folder = task_folders()[task.name]
    assert isinstance(task, Task)
    assert task.title and task.revision
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")


def test_options_are_complete_and_json(task: Task) -> None:
    options = task.options({})
    assert options == json.loads(json.dumps(options))
    assert task.options(options) == options
    with pytest.raises(UsageError) as refused:
        task.options({"no such option": 1})
    assert "no such option" in str(refused.value) and refused.value.remedy


def test_the_same_seed_makes_the_same_examples(task: Task, made: list[Example]) -> None:
    options = task.options({})
    assert list(task.generate(4, SEED, options, Silent())) == made
    others = list(task.generate(4, SEED + 1, options, Silent()))
    assert {task.same(e) for e in others}.isdisjoint(task.same(e) for e in made)


def test_examples_differ_from_each_other(task: Task, examples: list[Example]) -> None:
    assert len({example.id for example in examples}) == len(examples) == 4
    assert len({task.same(example) for example in examples}) == 4


def test_an_example_is_pictures_a_question_and_an_answer(task: Task, examples: list[Example]) -> None:
    for example in examples:
        assert example.answer and example.messages[-1].role == "assistant"
        asked = task.prompt(task.options({}))
        if task.image_names:
            assert example.prompt == asked
        else:  # the number of images varies, and nothing else
            assert [(turn.role, turn.text) for turn in example.prompt] == [
                (turn.role, turn.text) for turn in asked
            ]
        places = sum(turn.image_count for turn in example.messages)
        assert places == len(example.images) > 0
        if task.image_names:
            assert tuple(image.path for image in example.images) == task.image_names
        assert [message_from_data(turn.as_data()) for turn in example.messages] == list(example.messages)


def test_the_truth_survives_json_and_draws_the_same_bytes(task: Task, examples: list[Example]) -> None:
    options = task.options({})
    for example in examples:
        truth = json.loads(json.dumps(example.truth, allow_nan=False))
        assert truth == example.truth
        assert task.draw(truth, example.seed, options) == example.images
        assert task.messages(truth, options) == example.messages


def test_the_right_answer_is_worth_1_and_none_is_worth_0(task: Task, examples: list[Example]) -> None:
    for score in task.score([example.answer for example in examples], examples, Silent()):
        assert (score.value, score.reason) == (pytest.approx(1, abs=1e-3), "ok")
    for score in task.score([""] * len(examples), examples, Silent()):
        assert score.value == 0 and not score.ok
    assert task.score([], [], Silent()) == []


def test_scores_stay_with_their_answers(task: Task, examples: list[Example]) -> None:
    scores = task.score(["", examples[1].answer, ""], examples[:3], Silent())
    assert [score.ok for score in scores] == [False, True, False]


def test_sound_examples_have_no_fault(task: Task, examples: list[Example]) -> None:
    assert list(task.check(examples, task.options({}), Silent())) == []


def test_another_ones_picture_is_a_fault_of_that_example(task: Task, examples: list[Example]) -> None:
    wrong = replace(examples[1], images=examples[2].images)
    faults = list(task.check([examples[0], wrong, examples[3]], task.options({}), Silent()))
    assert faults and {fault.id for fault in faults} == {wrong.id}
    assert all(fault.reason for fault in faults)
    if task.image_names:  # else it draws text, and the fonts of another machine may be all that differs: a warning
        assert any(fault.severity == "error" for fault in faults)


def test_a_broken_picture_is_a_fault(task: Task, examples: list[Example]) -> None:
    first = examples[0].images[0]
    broken = (Image(first.path, first.bytes[: len(first.bytes) // 2]), *examples[0].images[1:])
    faults = list(task.check([examples[0].with_images(broken)], task.options({}), Silent()))
    assert any(fault.severity == "error" for fault in faults)


def test_its_own_cases_have_the_scores_they_name(task: Task) -> None:
    lines = (task_folders()[task.name] / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) >= 5 and {row["reason"] for row in rows} > {"ok"}
    fields = ("truth", "answer", "value", "reason", "tolerance")
    cases = [Sample(**{name: row[name] for name in fields if name in row}) for row in rows]
    prompt = task.prompt(task.options({}))
    asked = [Example(str(number), (), prompt, case.truth) for number, case in enumerate(cases)]
    scores = task.score([case.answer for case in cases], asked, Silent())
    for row, case, score in zip(rows, cases, scores, strict=True):
        assert (score.value, score.reason) == (pytest.approx(case.value, abs=case.tolerance), case.reason), row
        assert json.loads(json.dumps(score.as_data(), allow_nan=False)) == score.as_data()


def test_importers_and_versions_are_named(task: Task) -> None:
    for name, importer in task.importers().items():
        assert importer.name == name and importer.help and importer.licence
    versions = task.versions()
    assert versions and all(isinstance(version, str) and version for version in versions.values())
