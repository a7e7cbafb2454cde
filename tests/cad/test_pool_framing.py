"""Frames: data comes back as it was, and no bytes at all do more than raise a FrameError."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.tasks.cad.kernel import framing

keys = st.text(max_size=8) | st.sampled_from(["$", "$bytes", "$float", "$$bytes"])
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=40)
)
data = st.recursive(leaves, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5))


def read(frame: bytes) -> Any:
    return framing.read_frame(io.BytesIO(frame).read)


@given(data)
def test_data_comes_back_as_it_was(value: Any) -> None:
    back = read(framing.encode(value))
    assert back == value and repr(back) == repr(value)


def test_not_a_number_comes_back_and_tuples_become_lists() -> None:
    assert math.isnan(read(framing.encode(math.nan)))
    assert read(framing.encode((1, (b"x",)))) == [1, [b"x"]]


def test_frames_follow_each_other() -> None:
    stream = io.BytesIO(framing.encode({"a": b"1"}) + framing.encode([2]))
    assert framing.read_frame(stream.read) == {"a": b"1"} and framing.read_frame(stream.read) == [2]
    with pytest.raises(framing.Closed):
        framing.read_frame(stream.read)


@given(data, st.data())
def test_any_damage_is_a_frame_error_or_other_data(value: Any, draw: st.DataObject) -> None:
    frame = bytearray(framing.encode(value))
    for _ in range(draw.draw(st.integers(1, 3))):
        frame[draw.draw(st.integers(0, len(frame) - 1))] = draw.draw(st.integers(0, 255))
    try:
        read(bytes(frame))
    except framing.FrameError:
        return


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_text_and_blobs_are_a_frame_error_or_data(text: bytes, blobs: bytes) -> None:
    try:
        framing.decode(text, blobs)
    except framing.FrameError:
        return


@pytest.mark.parametrize("value", [object(), {1: 2}, {None: 1}, {"a": {1, 2}}, [range(3)], 1j])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(framing.FrameError):
        framing.encode(value)


def test_depth_and_size_are_capped() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(framing.FrameError, match="nested too deep"):
        framing.encode(deep)
    with pytest.raises(framing.FrameError, match="beyond the cap"):
        framing.encode("x" * (framing.MAX_TEXT + 1))
    with pytest.raises(framing.FrameError, match="beyond the cap"):
        read(framing.HEADER.pack(framing.MAGIC, framing.MAX_TEXT + 1, 0))
