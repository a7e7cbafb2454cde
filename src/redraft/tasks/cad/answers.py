"""Programs as answers: written for a model to learn, read from what a model wrote, and put to size.

A drawing shows no origin: an answer's box has its lower corner there. A compact answer holds no size either: it is
read with one grid step as 1 mm and then sized as a whole, so that the largest side of the solid that it builds is
the drawing's. The other dialects say their millimetres themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redraft.tasks.cad.dialects import read_program, write_program
from redraft.tasks.cad.program import Program
from redraft.tasks.cad.program.codec import from_data
from redraft.tasks.cad.program.transform import scale, translate


@dataclass(frozen=True)
class Answer:
    """program: in mm where sized, else in grid steps."""

    program: Program
    sized: bool


def answer_text(truth: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """The right answer to a truth. A part that the dialect or the grid cannot hold is a Refusal."""
    return write_answer(from_data(truth["program"]), truth["bbox_min"], truth["size_mm"], options)


def write_answer(
    program: Program, bbox_min: Sequence[float], size: Sequence[float], options: Mapping[str, Any]
) -> str:
    """A program as an answer, from the lower corner and the sides in mm of its solid's box."""
    if options["dialect"] == "compact":
        low = (bbox_min[0], bbox_min[1], bbox_min[2])
        high = (low[0] + size[0], low[1] + size[1], low[2] + size[2])
        return write_program(program, "compact", grid=options["grid"], header=False, box=(low, high)).strip()
    placed = translate(program, (-bbox_min[0], -bbox_min[1], -bbox_min[2]))
    return write_program(placed, options["dialect"]).strip()


def read_answer(text: str, dialect: str | None = None) -> Answer:
    """Reads an answer; what cannot be read is a Refusal. Without a dialect it is found by the text's content."""
    program, found = read_program(text, dialect, where="the answer")
    return Answer(program, found != "compact" or text.lstrip().startswith("compact"))


def put_to_size(answer: Answer, measure: Mapping[str, Any], longest: float) -> Program:
    """The answer in mm, its box's lower corner at the origin.

    measure: what the kernel says of answer.program. longest: the largest side in mm, used where the answer says
    none.
    """
    x, y, z = measure["bbox_min"]
    program = translate(answer.program, (-x, -y, -z))
    return program if answer.sized else scale(program, longest / max(measure["bbox_mm"]))
