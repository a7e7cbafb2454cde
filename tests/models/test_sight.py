"""A sight's figures are those that the model's own processor makes of real pictures and texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_examples import drawn_example
from redraft.core.recipe import Model
from redraft.models import small
from redraft.models.encode import Encoder
from redraft.models.load import load_model
from redraft.models.sight import sight_of

SIZES = st.tuples(st.integers(24, 420), st.integers(24, 420))


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(sight, encoder) of a family's small instance by name, built once."""
    made: dict[str, Any] = {}

    def found(name: str) -> Any:
        if name not in made:
            family, _, kind = name.partition(":")
            more = {"kind": kind} if family == "paligemma" else {}
            folder = small.build(family, tmp_path_factory.mktemp(family), **more)
            made[name] = sight_of(folder), Encoder(load_model(Model(base=str(folder), freeze=())))
        return made[name]

    return found


NAMES = [
    "deepseek_ocr2",
    "unlimited_ocr",
    "granite_docling",
    "idefics3",
    "llava",
    "qwen2_5_vl",
    "qwen3_vl",
    "paligemma:tiny",
    "paligemma:siglip",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_takes_the_tokens_that_the_encoder_makes(seeing: Any, name: str) -> None:
    sight, encoder = seeing(name)

    @settings(max_examples=12, deadline=None, database=None)
    @given(SIZES, SIZES)
    def check(first: tuple[int, int], second: tuple[int, int]) -> None:
        one = len(encoder.encode_prompt(drawn_example(0, [first])))
        two = len(encoder.encode_prompt(drawn_example(0, [first, second])))
        assert two - one == sight.picture(*second).tokens

    check()


@pytest.mark.parametrize("name", NAMES)
def test_positions_are_those_of_the_loaded_model(seeing: Any, name: str) -> None:
    sight, encoder = seeing(name)
    assert sight.positions == encoder.positions
