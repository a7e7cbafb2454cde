"""What the writers of CadQuery and build123d share: which loops are rectangles, patterns, one drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redraft.tasks.cad.dialects.shapes import centred_rectangle
from redraft.tasks.cad.program.nesting import profiles_of
from redraft.tasks.cad.program.transform import loop_box
from redraft.tasks.cad.program.types import Circle, Line, Loop, Profile, Vec2

PATTERN = 100
"""Circles in one pattern."""


def as_rectangle(loop: Loop) -> tuple[Vec2, float, float] | None:
    """Centre, width and height of a loop that a centred rectangle reproduces to the last bit."""
    first, *_ = loop.curves
    if len(loop.curves) != 4 or not isinstance(first, Line) or not isinstance(loop.curves[1], Line):
        return None
    (x0, y0), (x1, y1) = first.start, loop.curves[1].end
    if not (x0 < x1 and y0 < y1):
        return None
    center, width, height = ((x0 + x1) / 2, (y0 + y1) / 2), x1 - x0, y1 - y0
    return (center, width, height) if centred_rectangle(width, height, center) == loop else None


def circles(loops: Sequence[Loop]) -> Iterator[tuple[list[tuple[Vec2, float]], Loop | None]]:
    """Loops in order, runs of circles of one radius together: their centres and radius, or a lone loop."""
    run: list[tuple[Vec2, float]] = []
    for loop in loops:
        curve = loop.curves[0]
        if isinstance(curve, Circle):
            if run and (run[-1][1] != curve.radius or len(run) >= PATTERN):
                yield run, None
                run = []
            run.append((curve.center, curve.radius))
            continue
        if run:
            yield run, None
            run = []
        yield [], loop
    if run:
        yield run, None


def drawn_together(profiles: tuple[Profile, ...]) -> list[tuple[Profile, ...]]:
    """Profiles that one drawing can hold: all of them where none touches another, else each for itself.

    Both libraries make faces of the outlines in a drawing, and faces that share an edge or a point confuse them.
    """
    if len(profiles) < 2:
        return [profiles]
    outers = [profile.outer for profile in profiles]
    boxes = sorted(loop_box(outer) for outer in outers)
    loops = [loop for profile in profiles for loop in (profile.outer, *profile.holes)]
    if _apart(boxes) and profiles_of(loops) == profiles:
        return [profiles]
    return [(profile,) for profile in profiles]


def _apart(boxes: list[tuple[Vec2, Vec2]]) -> bool:
    """True where no two boxes touch, which errs on the safe side for the outlines in them."""
    active: list[tuple[Vec2, Vec2]] = []
    for box in boxes:
        active = [other for other in active if other[1][0] >= box[0][0] - 1e-6]
        if any(o[0][1] <= box[1][1] + 1e-6 and box[0][1] <= o[1][1] + 1e-6 for o in active):
            return False
        active.append(box)
    return True
