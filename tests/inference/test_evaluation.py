from __future__ import annotations

import json

import pytest
from plate_task import Answering, PlateTask, Seeing, near

from redraft.core.errors import UsageError
from redraft.core.example import Image
from redraft.core.recipe import Evaluate
from redraft.core.score import Score
from redraft.core.work import Silent
from redraft.inference.evaluation import evaluate
from redraft.inference.samples import chosen

SETTINGS = Evaluate(split="test", batch_size=8)


@pytest.fixture(scope="module")
def examples(plates):
    return list(plates.generate(40, 3, {}, None))


def right(example, sample):
    return example.answer


def test_right_answers_score_one_and_the_sentences_say_so(plates, examples):
    found = evaluate(Answering("oracle", right), plates, examples, SETTINGS, Silent())
    assert (found["mean"], found["median"], found["valid"], found["failures"]) == (1.0, 1.0, 1.0, {})
    assert found["interval"] == [1.0, 1.0]
    assert found["valid_interval"][0] == pytest.approx(40 / (40 + 1.96**2), abs=1e-3)  # Wilson at 40 of 40
    assert found["details"]["exact"] == {"count": 40, "share": 1.0}
    assert "over 40 examples" in found["says"][0]
    assert found["says"][1] == "All 40 answers are valid."


def test_failures_count_as_zero_and_each_has_its_reason(plates, examples):
    def half(example, sample):
        number = int(example.id[-4:])
        return example.answer if number % 2 else "nonsense" if number % 4 else "50 50 50 49"

    found = evaluate(Answering("half", half), plates, examples, SETTINGS, Silent())
    assert found["mean"] == 0.5
    assert found["valid"] == 0.5
    assert found["failures"] == {"empty": 10, "parse": 10}
    assert found["details"]["exact"]["count"] == 20  # only answers that could be measured
    assert "20 of 40 answers failed: 10 empty, 10 parse." in found["says"]


def test_a_task_that_gives_a_failure_a_value_does_not_raise_the_score(plates, examples):
    class Generous(PlateTask):
        def score(self, answers, examples, work):
            return [Score(0.8, "timeout") for _ in answers]

    found = evaluate(Answering("any", right), Generous(), examples, SETTINGS, Silent())
    assert (found["mean"], found["valid"]) == (0.0, 0.0)


def test_best_of_several_stands_apart_from_the_first_answer(plates, examples):
    def second_is_right(example, sample):
        return example.answer if sample == 1 else "20 20 20 5"

    settings = SETTINGS.model_copy(update={"samples": 3})
    found = evaluate(Answering("late", second_is_right), plates, examples, settings, Silent())
    alone = evaluate(Answering("late", second_is_right), plates, examples, SETTINGS, Silent())
    assert found["mean"] == alone["mean"] < 1
    assert alone["best_of"] is None
    assert (found["best_of"]["samples"], found["best_of"]["mean"]) == (3, 1.0)
    assert found["speed"]["answers"] == 120


def test_losses_and_blindness(plates, examples):
    sees = evaluate(Seeing("sees", right, 1.9, 1.0), plates, examples, SETTINGS, Silent())
    assert sees["loss"] == pytest.approx(0.9, abs=0.05)
    assert sees["loss_shuffled"] == pytest.approx(1.9, abs=0.05)
    assert sees["blind"] is False
    assert sees["images"]["examples"] == 40
    blind = evaluate(Seeing("blind", right, 1.9, 0.0), plates, examples, SETTINGS, Silent())
    assert blind["blind"] is True
    assert any(sentence.startswith("This model is blind") for sentence in blind["says"])


def test_equal_images_cannot_show_blindness(plates, examples):
    same = [example.with_images(examples[0].images) for example in examples]
    found = evaluate(Seeing("any", right, 1.9, 1.0), plates, same, SETTINGS, Silent())
    assert found["blind"] is None
    assert found["loss"] is not None
    assert any("no two examples have different images" in sentence for sentence in found["says"])


def test_an_engine_without_losses_leaves_them_out(plates, examples):
    found = evaluate(Answering("server", right), plates, examples, SETTINGS, Silent())
    assert (found["loss"], found["loss_shuffled"], found["blind"], found["images"]) == (None, None, None, None)


def test_two_models_side_by_side(plates, examples):
    good, bad = Answering("good", near(3, 0.0)), Answering("bad", near(40, 0.5))
    found = evaluate(good, plates, examples, SETTINGS, Silent(), baseline=bad)
    other = found["against"]
    assert other["mean"] == evaluate(bad, plates, examples, SETTINGS, Silent())["mean"]
    gain = other["gain"]
    assert gain["difference"] == pytest.approx(found["mean"] - other["mean"])
    assert 0 < gain["interval"][0] < gain["difference"] < gain["interval"][1]
    assert gain["better"] + gain["equal"] + gain["worse"] == 40
    assert not any("no proven difference" in sentence for sentence in found["says"])
    even = evaluate(good, plates, examples, SETTINGS, Silent(), baseline=good)
    assert any("no proven difference" in sentence for sentence in even["says"])


def test_the_same_evaluation_gives_the_same_figures(plates, examples):
    first, again = (
        evaluate(Seeing("x", near(9, 0.2), 1.0, 0.5), plates, examples, SETTINGS, Silent()) for _ in range(2)
    )
    for found in (first, again):
        found.pop("speed")
    assert first == again
    assert json.loads(json.dumps(first)) == first  # plain JSON data


def test_no_examples_are_a_usage_error(plates):
    with pytest.raises(UsageError, match="split 'test'"):
        evaluate(Answering("any", right), plates, [], SETTINGS, Silent())


def test_samples_run_from_the_best_to_the_worst():
    values = [0.1, 0.9, 0.5, 0.0, 0.7]
    assert chosen(values, 3) == [(0, 1), (2, 2), (4, 3)]
    assert chosen(values, 1) == [(0, 1)]
    assert [index for _, index in chosen(values, 9)] == [1, 4, 2, 0, 3]


def test_kept_samples_hold_pictures_and_both_answers(plates, examples, tmp_path):
    before, after = tmp_path / "step-0", tmp_path / "step-9"
    evaluate(Answering("m", near(40, 0.5)), plates, examples, SETTINGS, Silent(), folder=before, step=0)
    found = evaluate(
        Answering("m", near(4, 0.1)), plates, examples, SETTINGS, Silent(), folder=after, step=9, before=before
    )
    assert json.loads((after / "evaluation.json").read_text()) == found
    answers = [json.loads(line) for line in (after / "answers.jsonl").read_text().splitlines()]
    assert [row["id"] for row in answers] == [example.id for example in examples]
    by_id = {example.id: example for example in examples}
    kept = json.loads((after / "samples.json").read_text())["samples"]
    assert [row["rank"] for row in kept] == [1, 14, 27, 40]
    values = [row["score"]["value"] for row in kept]
    assert values == sorted(values, reverse=True)
    old = {row["id"]: row for row in map(json.loads, (before / "answers.jsonl").read_text().splitlines())}
    for row in kept:
        example = by_id[row["id"]]
        assert [(after / path).read_bytes() for path in row["images"]] == [i.bytes for i in example.images]
        assert row["true_answer"] == example.answer
        assert row["before"]["answer"] == old[row["id"]]["answer"]
        drawn = [(after / path).read_bytes() for path in row["drawn"]]
        assert drawn == [image.bytes for image in plates.illustrate(row["answer"], example)]
        assert bool(drawn) == (plates._read(row["answer"]) is not None)


def test_an_images_name_cannot_leave_the_folder(plates, examples, tmp_path):
    wild = [examples[0].with_images((Image("../../evil.png", examples[0].images[0].bytes),))]
    evaluate(Answering("m", right), plates, wild, SETTINGS, Silent(), folder=tmp_path / "a" / "b")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.is_relative_to(tmp_path / "a" / "b") for path in written)
    assert [path.name for path in written if path.name.endswith("evil.png")] == ["1-evil.png"]


def test_a_task_that_draws_nothing_keeps_texts_alone(examples, tmp_path):
    class Plain(PlateTask):
        illustrate = None

    evaluate(Answering("m", right), Plain(), examples, SETTINGS, Silent(), folder=tmp_path)
    assert all(row["drawn"] == [] for row in json.loads((tmp_path / "samples.json").read_text())["samples"])
