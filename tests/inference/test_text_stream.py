"""Tokens to text while they come: nothing is taken back, no letter is cut, the whole is what the model wrote."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from small_families import small

from redraft.inference.text_stream import HALF, TextStream

TEXTS = st.text(st.sampled_from("ab 1\n\té語漢🧩👩‍🔧𝄞ا"), max_size=40)
STOPS = st.lists(st.text(st.sampled_from("ab 1\né語🧩"), min_size=1, max_size=4), max_size=3)


@cache
def tokenizer() -> Any:
    """Byte-level: every letter that is not in its small vocabulary is several tokens."""
    return small("llava").processor.tokenizer


def decode(ids: list[int]) -> str:
    return str(tokenizer().decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def encode(text: str) -> list[int]:
    return list(tokenizer()(text, add_special_tokens=False)["input_ids"])


def streamed(ids: list[int], stops: list[str]) -> list[str]:
    stream = TextStream(decode, stops)
    return [*(stream.push(id) for id in ids), stream.end()]


def cut(text: str, stops: list[str]) -> str:
    """The text up to the stop that is complete first, without the white space around it."""
    begun = text.lstrip()
    for end in range(len(begun) + 1):
        lengths = [len(stop) for stop in stops if begun[:end].endswith(stop)]
        if lengths:
            return begun[: end - max(lengths)].rstrip()
    return begun.rstrip()


@given(TEXTS, STOPS)
@example("a11", ["1", "a11"])
def test_the_pieces_are_the_text_up_to_its_first_stop(text: str, stops: list[str]) -> None:
    pieces = streamed(encode(text), stops)
    assert "".join(pieces) == cut(text, stops)
    assert not any(HALF in piece for piece in pieces)


@given(st.lists(st.integers(5, 590), max_size=60), st.integers(0, 60))
def test_whatever_tokens_come_the_whole_is_their_text(ids: list[int], count: int) -> None:
    ids = ids[:count]
    assert "".join(streamed(ids, [])) == decode(ids).rstrip(HALF).strip()


def test_a_letter_of_several_tokens_comes_at_once() -> None:
    ids = encode("a🧩b")
    assert len(ids) > 4
    pieces = [piece for piece in streamed(ids, []) if piece]
    assert pieces == ["a", "🧩", "b"]


def test_a_letter_whose_last_bytes_never_came_is_left_out() -> None:
    ids = encode("ok 語")
    assert "".join(streamed(ids[:-1], [])) == "ok"


def test_a_stop_that_begins_in_one_token_and_ends_in_another_is_never_shown() -> None:
    stream = TextStream(decode, ["1\n1"])
    said = [stream.push(id) for id in encode("ab 1\n1 and more")]
    assert "".join(said) == "ab"
    assert stream.stopped
    assert stream.end() == ""


def test_what_only_looked_like_a_stop_is_shown_in_the_end() -> None:
    assert "".join(streamed(encode("ab 1\n"), ["1\n1"])) == "ab 1"
