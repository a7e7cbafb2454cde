"""Training on examples that look another way each epoch: the same ways for any threads, processes and resumes."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from killing import Killed, losses, same_checkpoint
from side_by_side import run_processes
from toy_run import go

from redraft.core.discovery import load_task
from redraft.core.errors import InputError, RecipeError, RedraftError, UsageError
from redraft.core.example import Example, Image, message
from redraft.core.recipe import Recipe, Train, recipe_from_data
from redraft.core.work import Silent
from redraft.models import small
from redraft.models.collate import Batch, collate
from redraft.models.encode import Encoder
from redraft.models.load import load_model
from redraft.training import run
from redraft.training.augmented import Augmentation
from redraft.training.events import read
from redraft.training.feed import windows
from redraft.training.order import Order, Row
from redraft.training.prepare import prepare
from redraft.training.token_order import TokenOrder
from redraft.worker.augmenting import augmentation_of
from toy_parts import SMALL, toy_examples, toy_recipe

AUGMENT = {"strength": 1.0, "options": {"effects": 1.0}}
STYLE = {"width": 128, "height": 128, "font_size": 12, "paragraph_spacing": 0, "margin": 0.03}


def documents(count: int) -> list[Example]:
    """Notices of the project's own, with their pages."""
    task = load_task("summary")
    options = task.options({"level": "simple", "style": STYLE})
    made = task.generate(count, 2, options, Silent())
    return [e.with_images(task.draw(e.truth, e.seed, options)) for e in made]


@dataclass
class Counting:
    """The summary's own transform, which remembers what it was asked for."""

    asked: Counter[tuple[str, int]] = field(default_factory=Counter)
    redraws: bool = False

    def __post_init__(self) -> None:
        self.inner = load_task("summary").transform({}, {"strength": 1.0, "effects": 1.0}, 3)

    def __call__(self, example: Example, epoch: int) -> Example:
        self.asked[example.id, epoch] += 1
        shown: Example = self.inner(example, epoch)
        return shown


@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 3), st.integers(0, 9))
def test_each_epoch_holds_every_example_once(count: int, batch: int, accumulate: int, seed: int) -> None:
    lengths = [1 + place % 3 for place in range(count)]
    for order in (
        Order(count, batch, accumulate, seed, 3.0),
        Order(count, batch, accumulate, seed, 3.0, tuple(lengths)),
        TokenOrder(lengths, 4, accumulate, seed, 3.0),
        TokenOrder(lengths, 4, accumulate, seed, 3.0, packed=True),
    ):
        rows = [row for step in range(int(order.steps)) for batch_ in order.rows(step) for row in batch_]
        assert sorted(rows) == [Row(place, epoch) for place in range(count) for epoch in range(3)]
        assert [row.epoch for row in rows] == sorted(row.epoch for row in rows)


def test_a_step_may_straddle_two_epochs() -> None:
    assert [[row.epoch for row in batch] for batch in Order(5, 4, 1, 0, 2.0).rows(1)] == [[0, 1, 1, 1]]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    recipe = toy_recipe()
    return Encoder(load_model(recipe.model, texts=[e.answer for e in toy_examples(6)], seed=0))


def test_each_row_is_encoded_as_it_is_shown_in_its_epoch(encoder: Encoder) -> None:
    examples, counting = toy_examples(4), Counting()
    ways = Augmentation(counting)
    prepared = prepare(examples, encoder, Train(epochs=5), Silent(), augmentation=ways)
    assert not counting.asked and not len(prepared.kept)  # examples are checked as they are
    for epoch in (2, 0, 2):
        for place, example in enumerate(examples):
            found = prepared.at(Row(place, epoch))
            wanted = encoder.encode(counting.inner(example, epoch))
            assert torch.equal(found.pixel_values, wanted.pixel_values)
            assert torch.equal(found.input_ids, wanted.input_ids)
    assert not torch.equal(prepared.at(Row(0, 0)).pixel_values, prepared.at(Row(0, 1)).pixel_values)
    assert counting.asked["toy-0001", 2] == 2 and not len(prepared.kept)  # nothing is kept


def test_variants_come_in_turn_and_are_kept(encoder: Encoder) -> None:
    examples, counting = toy_examples(4), Counting()
    ways = Augmentation(counting, variants=2)
    prepared = prepare(examples, encoder, Train(epochs=5), Silent(), augmentation=ways)
    shown = [[prepared.at(Row(place, epoch)).pixel_values for place in range(4)] for epoch in range(5)]
    for epoch in (2, 4):
        assert all(map(torch.equal, shown[0], shown[epoch]))
    assert all(map(torch.equal, shown[1], shown[3])) and not torch.equal(shown[0][0], shown[1][0])
    assert set(counting.asked.values()) == {1} and len(counting.asked) == len(prepared.kept) == 8
    little = prepare(examples, encoder, Train(epochs=5, cache_mb=0), Silent(), augmentation=ways)
    assert torch.equal(little.at(Row(1, 3)).pixel_values, shown[1][1]) and not len(little.kept)


def test_what_cannot_be_trained_on_is_found_before_the_first_step(encoder: Encoder) -> None:
    examples = toy_examples(4)
    broken = Example("broken", (Image("a.png", b"no picture"),) * 3, examples[0].messages, {})
    counting = Counting()
    with pytest.raises(InputError, match=r"1 of 5 examples cannot be trained on: broken: not a readable picture"):
        prepare([*examples, broken], encoder, Train(), Silent(), augmentation=Augmentation(counting))
    assert not counting.asked


def test_an_example_may_not_become_longer(encoder: Encoder) -> None:
    class Longer:
        redraws = False

        def __call__(self, example: Example, epoch: int) -> Example:
            more = message("user", "What is drawn here?", images=4)
            images = (*example.images, example.images[0])
            return Example(example.id, images, (more, *example.messages[1:]), example.truth)

    prepared = prepare(toy_examples(2), encoder, Train(), Silent(), augmentation=Augmentation(Longer()))
    with pytest.raises(RedraftError, match="augmentation made it") as caught:
        prepared.at(Row(1, 0))
    assert caught.value.where == "toy-0001"


def recipe_of(kind: str, base: Path, **train: Any) -> Recipe:
    model: dict[str, Any] = {"base": "tiny", "freeze": [], "options": {**SMALL, "dropout": 0.1}}
    if kind == "lora":
        model = {"base": str(base), "adapter": {"r": 4, "dropout": 0.2, "targets": ["c_attn", "c_fc"]}}
    given_ = {"batch_size": 2, "accumulate": 2, "epochs": 1000, "warmup": 0, "evaluate_first": False, "workers": 3}
    return toy_recipe(model, **{**given_, "augment": AUGMENT, "group_by_length": True, **train})


def child(folder: Path, recipe: Recipe, step: int) -> None:
    torch.set_num_threads(1)
    go(folder, recipe, 10, work=Killed(step))


@pytest.mark.parametrize(
    ("kind", "steps", "kills"),
    [
        ("lora", 8, (5,)),
        pytest.param("full", 200, (3, 40, 90, 150), marks=pytest.mark.slow),
        pytest.param("lora", 200, (3, 40, 90, 150), marks=pytest.mark.slow),
    ],
)
@pytest.mark.timeout(1800)
def test_killed_again_and_again_and_bit_equal(
    kind: str, steps: int, kills: tuple[int, ...], tmp_path: Path, toy_base: Path
) -> None:
    """Augmentation, dropout, shuffle, threads ahead: every loss, weight, moment and random state."""
    torch.set_num_threads(1)  # before the children are made: they cannot take over this process's threads
    recipe = recipe_of(kind, toy_base, max_steps=steps, save_every=3)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    go(whole, recipe, 10)
    for step in kills:
        worker = multiprocessing.get_context("fork").Process(
            target=child, args=(broken, recipe, step), daemon=True
        )
        worker.start()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL and not run.finished(broken)
    go(broken, recipe, 10)
    assert sum(row["kind"] == "resume" for row in read(broken)) == len(kills) - (kills[0] <= 3)
    assert losses(broken) == losses(whole) and len(losses(whole)) == steps
    same_checkpoint(whole / "checkpoints" / f"step-{steps}", broken / "checkpoints" / f"step-{steps}")


def test_the_number_of_threads_changes_nothing_and_augmentation_does(tmp_path: Path, toy_base: Path) -> None:
    found = {}
    for name, train in {
        "one": {"workers": 1},
        "four": {"workers": 4},
        "two ways": {"workers": 2, "augment": {**AUGMENT, "variants": 2}},
        "plain": {"augment": None},
    }.items():
        go(tmp_path / name, recipe_of("lora", toy_base, max_steps=4, **train), 6)
        found[name] = [loss for _, loss in losses(tmp_path / name)]
    assert found["one"] == found["four"] != found["plain"]
    assert found["two ways"][:3] == found["one"][:3]  # 6 examples in steps of 4: the third epoch begins in step 4
    assert found["two ways"][3] != found["one"][3]


@pytest.mark.parametrize("parts", [2, 3])
def test_processes_share_the_same_pictures(encoder: Encoder, parts: int) -> None:
    """Whatever their number: each example of a step, as it is shown in its epoch, is with one of them."""
    prepared = prepare(toy_examples(5), encoder, Train(), Silent(), augmentation=Augmentation(Counting()))
    order = Order(5, 4, 2, 0, 2.0)

    def seen(part: int, of: int) -> list[Counter[tuple[str, float]]]:
        def together(encodings: list[Any]) -> Batch:
            return collate(encodings, encoder.pad_id)

        every = []
        for window in windows(prepared, order, 0, together, part, of, workers=2):
            found: Counter[tuple[str, float]] = Counter()
            for batch in window:
                if batch.ids:
                    pixels = batch.inputs["pixel_values"].reshape(len(batch.ids), -1).double().sum(1)
                    found.update(zip(batch.ids, pixels.tolist(), strict=True))
            every.append(found)
        return every

    whole = seen(0, 1)
    shares = [seen(part, parts) for part in range(parts)]
    assert [sum(found.values()) for found in whole] == [8, 2]
    assert [sum(found, Counter()) for found in zip(*shares, strict=True)] == whole


@pytest.mark.slow
def test_two_processes_see_what_one_sees(tmp_path: Path, toy_base: Path) -> None:
    model = {"base": "tiny", "freeze": [], "options": SMALL}
    train = {"batch_size": 3, "accumulate": 3, "epochs": 2.2, "augment": AUGMENT, "evaluate_first": False}
    recipe = toy_recipe(model, **train)
    for count, name in ((1, "one"), (2, "two")):
        for answer in run_processes(count, tmp_path / name, recipe):
            assert answer["result"]["status"] == "finished"
    one, two = (dict(losses(tmp_path / name)) for name in ("one", "two"))
    assert two == pytest.approx(one, rel=1e-5)


def test_a_run_does_not_go_on_with_other_ways(tmp_path: Path, toy_base: Path) -> None:
    from redraft.training import checkpoint
    from redraft.training.resuming import check_recipe

    recipe = recipe_of("lora", toy_base, max_steps=1)
    go(tmp_path / "run", recipe, 4)
    found = checkpoint.newest(tmp_path / "run", Silent())
    assert found is not None
    check_recipe(found, recipe, Silent())
    for augment, words in (
        (None, r"train\.augment is None and was 'given'"),
        ({**AUGMENT, "strength": 0.5}, r"train\.augment\.strength is 0\.5 and was 1\.0"),
        ({**AUGMENT, "variants": 2}, r"train\.augment\.variants is 2 and was None"),
        ({"strength": 1.0}, r"train\.augment\.options is \{\} and was 'given'"),
    ):
        with pytest.raises(UsageError, match=words):
            check_recipe(found, recipe_of("lora", toy_base, max_steps=1, augment=augment), Silent())


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build("qwen2_5_vl", tmp_path_factory.mktemp("pages"))


def kept(folder: Path, base: Path, work: Silent, **train: Any) -> list[float]:
    model = {"base": str(base), "freeze": ["vision", "projector"]}
    given_ = {"warmup": 0, "epochs": 4, "batch_size": 2, "threads": 1, "evaluate_first": False}
    go(folder, toy_recipe(model=model, **{**given_, **train}), 0, work=work, examples=documents(3))
    return [loss for _, loss in losses(folder)]


def test_features_of_every_variant_are_kept(tmp_path: Path, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    two = {"augment": {"strength": 1.0, "variants": 2}}
    first, again = Silent(), Silent()
    cached = kept(tmp_path / "a", pages, first, **two)
    plain = kept(tmp_path / "b", pages, Silent(), **two, feature_cache="off")
    other = kept(tmp_path / "c", pages, again, **two)
    assert cached == other and cached == pytest.approx(plain, rel=1e-5)
    assert any("features of 6 examples' pictures" in line for line in first.logs)
    made = next(line for line in first.logs if " made, " in line)
    assert int(made.split(": ")[1].split()[0]) == 6, made
    assert any("0 made, 6 found" in line for line in again.logs)


def test_without_variants_no_features_are_kept_and_that_is_said(
    tmp_path: Path, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    work = Silent()
    kept(tmp_path / "a", pages, work, augment={"strength": 1.0}, max_steps=3)
    assert any("no features are kept: train.augment shows" in line for line in work.logs)
    assert not (tmp_path / "home" / "features").exists()
    with pytest.raises(RecipeError, match=r"train\.feature_cache: train\.augment shows other pictures"):
        toy_recipe(model={"base": str(pages)}, augment={}, feature_cache="on")
    toy_recipe(model={"base": str(pages)}, augment={"variants": 3}, feature_cache="on")


def test_a_task_without_other_ways_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_TASKS", str(Path(__file__).parents[1] / "core"))
    data: dict[str, Any] = {"task": "toy_task", "dataset": "none", "train": {"augment": {}}}
    with pytest.raises(RecipeError, match="the task 'toy_task' knows no other ways") as caught:
        augmentation_of(recipe_from_data(data), load_task("toy_task"), {})
    assert caught.value.where == "train.augment" and "Leave train.augment out" in caught.value.remedy
    summary = load_task("summary")
    data["train"]["augment"] = {"options": {"strength": 0.3}}
    with pytest.raises(RecipeError, match="beside the options"):
        augmentation_of(recipe_from_data(data), summary, {})
    data["train"]["augment"] = {"options": {"flip": True}}
    with pytest.raises(UsageError, match="no setting 'flip'"):
        augmentation_of(recipe_from_data(data), summary, {})
    assert augmentation_of(recipe_from_data({"task": "summary", "dataset": "none"}), summary, {}) is None
