"""Whether two programs are one and the same history, number by number: cheaper than building both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.answers import read_answer
from redraft.tasks.cad.dialects.compact_write import write_compact
from redraft.tasks.cad.program import Program
from redraft.tasks.cad.program.codec import from_data, to_data
from redraft.tasks.cad.program.normalise import canonical, plain, tidy
from redraft.tasks.cad.program.transform import scale, translate

EXACT = 1e-6
"""Of the largest side: what rounding in double precision may leave between two writings of one program."""

FINE = 1 << 16


def says_the_truth(answer: str, truth: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """True where an answer holds the truth's own program to `EXACT`. False says only that this is not certain."""
    try:
        read = read_answer(answer, options["dialect"])
        longest = max(truth["size_mm"])
        x, y, z = truth["bbox_min"]
        right = translate(from_data(truth["program"]), (-x, -y, -z))
        given = read.program if read.sized else scale(read.program, longest / options["grid"])
        if same_program(given, right, EXACT * longest):
            return True
        # A prism can be told from either side of its plane; the compact text, on a grid so fine that it rounds
        # nothing that matters, tells it one way.
        sides = truth["size_mm"]
        box = ((0.0, 0.0, 0.0), (sides[0], sides[1], sides[2]))
        first, second = (
            write_compact(program, grid=FINE, header=False, box=box, extents="plain") for program in (given, right)
        )
        return first == second
    except (Refusal, KeyError, TypeError, ValueError):
        return False


def same_program(a: Program, b: Program, tolerance: float) -> bool:
    """True where both, in canonical form, have one structure and numbers within tolerance mm."""
    first, second = (list(_leaves(to_data(canonical(plain(tidy(program)))))) for program in (a, b))
    return len(first) == len(second) and all(
        abs(x - y) <= tolerance if isinstance(x, float) and isinstance(y, float) else x == y
        for x, y in zip(first, second, strict=True)
    )


def _leaves(data: Any) -> Iterator[Any]:
    """All numbers and words in order, with a mark where each list ends, so that structure counts."""
    if isinstance(data, dict):
        for key in sorted(data):
            yield from _leaves(data[key])
    elif isinstance(data, list):
        for item in data:
            yield from _leaves(item)
        yield "end"
    else:
        yield float(data) if isinstance(data, int | float) else data
