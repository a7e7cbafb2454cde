"""Programs and examples that the tests of the task share; numbers are theirs to compute."""

from __future__ import annotations

from typing import Any

from redraft.core.example import Example
from redraft.core.work import Silent
from redraft.tasks.cad.dialects import read_program
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.program import Program
from redraft.tasks.cad.program.transform import scale, translate
from redraft.tasks.cad.task import TASK
from redraft.tasks.cad.truth import describe_request, example_of, images_of, truth_of

PLATE = "+ z 0 32\nr 0 0 128 64\no 64 32 16"
"""64 x 32 x 16 mm with a hole of radius 8, at half a millimetre a step."""


def program(text: str = PLATE, mm: float = 0.5, at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Program:
    """A compact text as a program, mm a grid step, moved."""
    return translate(scale(read_program(text, "compact")[0], mm), at)


def example(
    text: str = PLATE, mm: float = 0.5, at: tuple[float, float, float] = (0.0, 0.0, 0.0), **given: Any
) -> Example:
    """The example of a compact text; given: options of the task."""
    options, part = TASK.options(given), program(text, mm, at)
    outcome = shared_pool().call("describe", describe_request(part, options))
    assert outcome.ok, outcome
    return example_of("part", truth_of(part, outcome.value), images_of(outcome.value), options)


def quiet() -> Silent:
    return Silent()
