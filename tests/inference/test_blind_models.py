"""A real small model, before and after it has learned to look."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image as Pictures

from redraft.core.example import Example, Image, message
from redraft.core.recipe import Evaluate, Model
from redraft.core.score import Score
from redraft.core.work import Silent
from redraft.inference.evaluation import evaluate
from redraft.inference.predictor import LocalPredictor
from redraft.models.collate import collate
from redraft.models.encode import Encoder
from redraft.models.load import Loaded, load_model
from redraft.models.loss import summed_loss

SPEC = Model(freeze=(), options={"picture": 32, "channels": (8, 16), "depths": (1, 1), "width": 24, "heads": 2})
SETTINGS = Evaluate(split="test", batch_size=16, max_new_tokens=4)


class Corners:
    """A black square in a corner to the corner's number."""

    name = "corners"

    def score(self, answers, examples, work):
        pairs = zip(answers, examples, strict=True)
        return [Score(float(answer == example.answer), "ok" if answer else "empty") for answer, example in pairs]


def corner(number: int) -> Example:
    """Each number its own picture: sixteen squares of different places in four corners."""
    value, data = number % 4, io.BytesIO()
    picture = Pictures.new("RGB", (32, 32), "white")
    x, y = (value % 2) * 16 + number // 4, (value // 2) * 16 + number // 4
    picture.paste("black", (x, y, x + 12, y + 12))
    picture.save(data, "PNG")
    messages = (message("user", "Which corner?", 1), message("assistant", str(value)))
    return Example(f"c{number}", (Image("c.png", data.getvalue()),), messages, {})


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return [corner(number) for number in range(16)]


def fresh(examples: list[Example]) -> Loaded:
    return load_model(SPEC, texts=[example.answer for example in examples], seed=4)


def teach(loaded: Loaded, examples: list[Example], steps: int) -> None:
    encoder, optimiser = Encoder(loaded), torch.optim.AdamW(loaded.model.parameters(), 3e-3)
    batch = collate([encoder.encode(example) for example in examples], encoder.pad_id)
    loaded.model.train()
    for _ in range(steps):
        optimiser.zero_grad()
        (summed_loss(loaded.model, batch) / batch.supervised).backward()
        optimiser.step()


def judge(loaded: Loaded, examples: list[Example]) -> dict:
    return evaluate(LocalPredictor(loaded, Encoder(loaded), SETTINGS), Corners(), examples, SETTINGS, Silent())


def test_an_untrained_model_is_blind(examples):
    found = judge(fresh(examples), examples)
    assert found["blind"] is True
    assert found["loss"] == pytest.approx(found["loss_shuffled"], rel=0.01)


def test_a_model_that_learned_to_look_is_not(examples):
    loaded = fresh(examples)
    teach(loaded, examples, 120)
    found = judge(loaded, examples)
    assert found["blind"] is False
    assert found["mean"] == 1.0
    assert found["loss_shuffled"] > found["loss"] + 1


def test_a_model_taught_without_its_pictures_is_found_out(examples):
    """It learns the language of the answers from pictures that are all alike, and knows nothing of theirs."""
    loaded = fresh(examples)
    teach(loaded, [example.with_images(examples[0].images) for example in examples], 80)
    found = judge(loaded, examples)
    assert (
        found["loss"] < 2.0
    )  # ln 4 = 1.39; far below an untrained model's: only the choice of the corner is left open
    assert found["mean"] < 0.6
    assert found["blind"] is True or found["loss_shuffled"] < found["loss"]
