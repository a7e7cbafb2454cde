"""The CAD task draws an answer for the report as it drew the question."""

from __future__ import annotations

import pytest

from redraft.core.discovery import load_task
from redraft.core.example import Example
from redraft.core.work import Silent


@pytest.fixture(scope="module")
def part() -> Example:
    return next(load_task("cad").generate(1, 11, {}, Silent()))


def test_the_right_answer_looks_like_the_question(part: Example) -> None:
    """Up to the grid of the compact dialect: nearly all pixels are the same."""
    import io

    import numpy as np
    from PIL import Image as Pictures

    drawn = load_task("cad").illustrate(part.answer, part)
    assert [image.path for image in drawn] == ["front.png", "top.png", "right.png"]
    for own, other in zip(part.images, drawn, strict=True):
        a, b = (np.asarray(Pictures.open(io.BytesIO(image.bytes)).convert("L")) < 160 for image in (own, other))
        assert (a != b).mean() < 0.02


@pytest.mark.parametrize("answer", ["", "a plate", "0 0 0", "{}"])
def test_what_builds_nothing_is_not_drawn(part: Example, answer: str) -> None:
    assert load_task("cad").illustrate(answer, part) == ()
