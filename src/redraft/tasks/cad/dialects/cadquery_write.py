"""A program as CadQuery text: one fluent chain a profile, one line of `part = part.union(...)` a step.

The text runs under CadQuery 2.8 and reads back to the same program (a new body after the first as a join).
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.tasks.cad.dialects.drawing import as_rectangle, circles, drawn_together
from redraft.tasks.cad.dialects.numerals import exact, tuple_text
from redraft.tasks.cad.dialects.planes import cadquery_workplane
from redraft.tasks.cad.program.normalise import fuse_new_bodies, tidy
from redraft.tasks.cad.program.types import (
    Arc,
    Circle,
    Extent,
    Extrude,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Vec2,
)

METHODS = {Operation.JOIN: "union", Operation.CUT: "cut", Operation.INTERSECT: "intersect"}
NAMES = {
    Operation.NEW: "The body",
    Operation.JOIN: "Joined",
    Operation.CUT: "Cut",
    Operation.INTERSECT: "Intersected",
}
LONGEST = 150
"""Calls in one chain; longer outlines are drawn in several statements."""
GROUP = 50
"""Unions in one chain."""


def write_cadquery(program: Program) -> str:
    """CadQuery text of a program; numbers keep all their bits."""
    program = fuse_new_bodies(tidy(program))
    lines = ["import cadquery as cq", ""]
    for number, step in enumerate(program.steps, 1):
        lines.append(f"# {number}. {NAMES[step.operation]}")
        outlines: list[str] = []
        body = _body(number, step, outlines)
        lines += outlines
        if number == 1:
            lines += ["part = (", *_indented(body), ")"]
        else:
            lines += [f"part = part.{METHODS[step.operation]}(", *_indented(body), ")"]
        lines.append("")
    return "\n".join([*lines, "result = part"]) + "\n"


def _body(number: int, step: Extrude, outlines: list[str]) -> list[str]:
    if step.extent is Extent.TWO:
        along, against = _prisms(number, step, step.one, outlines), _prisms(number, step, -step.two, outlines)
        return [*along, *_joined(against)]
    return _prisms(number, step, step.one, outlines)


def _prisms(number: int, step: Extrude, distance: float, outlines: list[str]) -> list[str]:
    both = ", both=True" if step.extent is Extent.SYMMETRIC else ""
    solids = []
    for sketch in step.sketches:
        for profiles in drawn_together(sketch.profiles):
            chain = _drawn(number, sketch.plane, profiles, outlines)
            solids.append([*chain, f".extrude({exact(distance)}{both})"])
    return _united(solids)


def _united(solids: Sequence[list[str]]) -> list[str]:
    """The union of solids, in groups, so that no chain grows without bound."""
    while len(solids) > 1:
        groups = [solids[i : i + GROUP] for i in range(0, len(solids), GROUP)]
        solids = [[*group[0], *(line for other in group[1:] for line in _joined(other))] for group in groups]
    return solids[0]


def _joined(solid: list[str]) -> list[str]:
    """Not cleaned at once: cleaning half a union has been seen to lose a face of real parts (00015361)."""
    *inner, last = _indented(solid)
    return [".union(", *inner, f"{last},", "    clean=False,", ")"]


def _drawn(number: int, plane: Plane, profiles: tuple[Profile, ...], outlines: list[str]) -> list[str]:
    """The chain that draws profiles; the start of a long one goes into statements of its own."""
    chain = [cadquery_workplane(plane)]
    loops = [loop for profile in profiles for loop in (profile.outer, *profile.holes)]
    for centers, loop in circles(loops):
        for call in [_circles(centers, len(chain) == 1)] if loop is None else _loop(loop, len(chain) == 1):
            if len(chain) >= LONGEST:
                name = f"outline_{number}"
                outlines += [f"{name} = (", *_indented(chain), ")"]
                chain = [name]
            chain.append(call)
    return chain


def _circles(centers: list[tuple[Vec2, float]], first: bool) -> str:
    radius = exact(centers[0][1])
    if len(centers) > 1:
        return f".pushPoints([{', '.join(tuple_text(center) for center, _ in centers)}]).circle({radius})"
    center = centers[0][0]
    return f".circle({radius})" if first and center == (0.0, 0.0) else f"{_move(center)}.circle({radius})"


def _loop(loop: Loop, first: bool) -> list[str]:
    rectangle = as_rectangle(loop)
    if rectangle is not None:
        center, width, height = rectangle
        text = f".rect({exact(width)}, {exact(height)})"
        return [text] if first and center == (0.0, 0.0) else [f"{_move(center)}{text}"]
    start = loop.curves[0]
    assert not isinstance(start, Circle)
    calls = [_move(start.start)]
    for i, side in enumerate(loop.curves):
        assert not isinstance(side, Circle)
        if isinstance(side, Arc):
            calls.append(f".threePointArc({tuple_text(side.mid)}, {tuple_text(side.end)})")
        elif i < len(loop.curves) - 1:
            calls.append(f".lineTo({exact(side.end[0])}, {exact(side.end[1])})")
    return [*calls, ".close()"]


def _move(point: Vec2) -> str:
    return f".moveTo({exact(point[0])}, {exact(point[1])})"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
