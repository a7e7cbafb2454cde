"""Rows with wishes of their own: who watches them hears every token and can end them, the others go on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from small_families import small

from redraft.core.errors import InputError
from redraft.core.example import Example, message
from redraft.core.recipe import Evaluate
from redraft.inference.choosing import nucleus
from redraft.inference.predictor import LocalPredictor, Row
from redraft.models.encode import Encoder


@dataclass
class Ear:
    """Hears tokens, and ends its row after so many."""

    most: int = 10_000
    heard: list[tuple[int, float]] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        return bool(self.heard)

    def token(self, id: int, logprob: float) -> bool:
        self.heard.append((id, logprob))
        return len(self.heard) >= self.most


@pytest.fixture(scope="module")
def predictor() -> LocalPredictor:
    loaded = small("llava")
    return LocalPredictor(loaded, Encoder(loaded), Evaluate(max_new_tokens=12))


def row(predictor: LocalPredictor, text: str, **more: Any) -> Row:
    example = Example(text, (), (message("user", text),), {})
    return Row(0, 0, None, predictor.encoder.encode_prompt(example), **more)


def test_a_watch_hears_the_tokens_of_its_answer(predictor: LocalPredictor) -> None:
    ears = [Ear(), Ear()]
    texts = ("one 1", "a longer one 2 3 4")
    answers = predictor.answer([row(predictor, text, watch=ear) for text, ear in zip(texts, ears, strict=True)])
    for answer, ear in zip(answers, ears, strict=True):
        assert len(ear.heard) == answer.tokens == 12
        assert predictor.decode([id for id, _ in ear.heard]).strip() == answer.text
        assert answer.logprob == pytest.approx(sum(rated for _, rated in ear.heard) / 12)


def test_a_row_that_is_ended_does_not_change_the_others(predictor: LocalPredictor) -> None:
    alone = predictor.answer([row(predictor, "one 1")])[0]
    short, long = Ear(3), Ear()
    answers = predictor.answer([row(predictor, "one 1", watch=long), row(predictor, "two 2", watch=short)])
    assert (len(short.heard), len(long.heard)) == (3, 12)
    assert answers[0].text == alone.text


def test_each_row_has_its_own_limit(predictor: LocalPredictor) -> None:
    rows = [row(predictor, "one 1", limit=limit) for limit in (2, 20, None)]
    assert [answer.tokens for answer in predictor.answer(rows)] == [2, 20, 12]


def test_each_row_has_its_own_temperature_and_seed(predictor: LocalPredictor) -> None:
    drawn = {"seed": 5, "temperature": 5.0}
    greedy = row(predictor, "one 1")
    together = predictor.answer([greedy, replace(greedy, **drawn), replace(greedy, **drawn)])
    alone = predictor.answer([replace(greedy, **drawn)])[0]
    assert together[1].text == together[2].text == alone.text != together[0].text


def test_the_narrowest_nucleus_is_the_likeliest_token(predictor: LocalPredictor) -> None:
    greedy = row(predictor, "one 1")
    drawn = replace(greedy, seed=5, temperature=5.0, top_p=1e-9)
    first, second = predictor.answer([greedy, drawn])
    assert first.text == second.text


def test_a_nucleus_holds_the_least_tokens_that_reach_it() -> None:
    logits_V = torch.tensor([0.1, 0.5, 0.3, 0.1]).log()
    assert torch.isfinite(nucleus(logits_V, 0.79)).tolist() == [False, True, True, False]
    assert torch.isfinite(nucleus(logits_V, 0.81)).sum() == 3
    assert torch.equal(nucleus(logits_V, 1.0), logits_V)


def test_no_row_gets_more_than_the_model_has_positions(predictor: LocalPredictor) -> None:
    positions = predictor.positions
    assert positions is not None
    long = row(predictor, "1 " * 990)
    room = positions - len(long.encoding)
    assert 0 < room < 50
    assert predictor.answer([replace(long, limit=5000)])[0].tokens <= room
    with pytest.raises(InputError, match="leave no room"):
        predictor.answer([row(predictor, "1 " * 1100)])
