"""Answers that loop are ended, each where it is seen to, and nothing else is."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_families import small

from redraft.core.example import Example, message
from redraft.core.recipe import Evaluate
from redraft.inference.loops import Loop, LoopStop, find_loop, pieces
from redraft.inference.predictor import LocalPredictor
from redraft.models.encode import Encoder
from redraft.models.load import Loaded

END = 99


def first_loop(tokens: list[int], least: int) -> Loop | None:
    """The definition, by trying every end and every period."""
    for end in range(1, len(tokens) + 1):
        for period in range(1, end // 3 + 1):
            run = 0
            while run < end - period and tokens[end - 1 - run] == tokens[end - 1 - run - period]:
                run += 1
            if run + period >= max(3 * period, least):
                return Loop(end, end - run)
    return None


def ended(rows: list[list[int]], least: int, prompt: list[int]) -> list[Loop | None]:
    """What `LoopStop` finds where the rows are written token by token behind a prompt."""
    stop = LoopStop(least, len(prompt), len(rows[0]), [END])
    ids = torch.tensor([prompt + row for row in rows])
    for count in range(1, len(rows[0]) + 1):
        stop(ids[:, : len(prompt) + count], None)
    return stop.found()


SEQUENCES = st.one_of(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.builds(
        lambda head, piece, times, tail: (head + piece * times + tail)[:60],
        st.lists(st.integers(0, 9), max_size=12),
        st.lists(st.integers(0, 9), min_size=1, max_size=14),
        st.integers(1, 6),
        st.lists(st.integers(0, 9), max_size=6),
    ),
)


@settings(max_examples=300, deadline=None)
@given(SEQUENCES, st.integers(1, 20))
def test_a_loop_is_found_where_its_definition_says(tokens: list[int], least: int) -> None:
    assert find_loop(tokens, least) == first_loop(tokens, least)


@settings(max_examples=80, deadline=None)
@given(st.lists(SEQUENCES, min_size=1, max_size=4), st.integers(1, 20), st.lists(st.integers(0, 3), max_size=9))
def test_rows_of_a_batch_are_ended_as_if_alone(rows: list[list[int]], least: int, prompt: list[int]) -> None:
    length = max(map(len, rows))
    padded = [row + [END] * (length - len(row)) for row in rows]
    assert ended(padded, least, prompt) == [find_loop(row, least) for row in rows]


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(60)), st.integers(1, 8))
def test_a_text_without_repetition_is_never_ended(tokens: list[int], least: int) -> None:
    assert find_loop(tokens, least) is None
    assert ended([list(tokens)], least, list(tokens[:7])) == [None]


def test_what_repeats_too_little_goes_on() -> None:
    twice = [1, 2, 3, 4, 5, 6, 7, 8] * 2
    assert find_loop(twice, 1) is None
    assert find_loop([*range(20), 7, 7, 7, *range(20, 40)], 4) is None
    assert find_loop([*range(20), 7, 7, 7, 7], 4) == Loop(24, 21)
    page = list(range(500))
    assert find_loop(page * 3, 64) == Loop(1500, 500)
    random.Random(0).shuffle(page)
    assert find_loop(page[:100] + [3, 1, 4] * 30, 48) == Loop(148, 103)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@pytest.mark.parametrize("text", ["the end of it. " * 40, "それは終わり。" * 40, "\u0e19\u0e35\u0e48 " * 60])
def test_a_text_that_loops_is_cut_behind_its_piece(text: str) -> None:
    parts = pieces("At first this. " + text)
    loop = find_loop(parts, 32)
    assert loop is not None and len("".join(parts[: loop.kept])) < 40


@pytest.fixture(scope="module")
def answering() -> tuple[Loaded, list[Example]]:
    """A small Llama with pictures, whose random weights make most answers fall into loops sooner or later."""
    loaded = small("idefics3", seed=5)
    return loaded, [
        Example(f"asked-{n}", (), (message("user", f"What is {n}" + " and more" * (n % 5)),), {})
        for n in range(12)
    ]


def predictor(loaded: Loaded, **settings: Any) -> LocalPredictor:
    return LocalPredictor(loaded, Encoder(loaded), Evaluate(batch_size=12, max_new_tokens=90, **settings))


def test_a_model_that_loops_is_ended_and_the_others_of_its_batch_go_on(answering: Any) -> None:
    loaded, examples = answering
    free = [row[0] for row in predictor(loaded).predict(examples)]
    stopped = [row[0] for row in predictor(loaded, loop_stop=24).predict(examples)]
    assert {answer.finish for answer in stopped} == {"loop", "length"}  # it does both, or this shows nothing
    for before, after in zip(free, stopped, strict=True):
        if after.finish == "loop":
            assert after.tokens < before.tokens == 90
            assert before.text.startswith(after.text) and len(after.text) < len(before.text)
        else:
            assert (after.text, after.tokens, after.logprob) == (before.text, before.tokens, before.logprob)
    tokenizer = Encoder(loaded).tokenizer
    for after in stopped:
        if after.finish == "loop":
            ids = tokenizer(after.text, add_special_tokens=False)["input_ids"]
            assert find_loop(ids, 24) is None, "the repeated piece stands there once"
