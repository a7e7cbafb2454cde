"""A program as build123d text in builder mode: one `with BuildSketch` a drawing, one `extrude` a step.

The text runs under build123d 0.13 and reads back to the same program (a new body after the first as a join).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redraft.tasks.cad.dialects.drawing import as_rectangle, circles, drawn_together
from redraft.tasks.cad.dialects.numerals import exact, tuple_text
from redraft.tasks.cad.dialects.planes import build123d_plane
from redraft.tasks.cad.program.normalise import fuse_new_bodies, tidy
from redraft.tasks.cad.program.types import (
    Arc,
    Circle,
    Extent,
    Extrude,
    Line,
    Loop,
    Operation,
    Profile,
    Program,
    Vec2,
)

MODES = {Operation.CUT: "Mode.SUBTRACT", Operation.INTERSECT: "Mode.INTERSECT"}
NAMES = {
    Operation.NEW: "The body",
    Operation.JOIN: "Joined",
    Operation.CUT: "Cut",
    Operation.INTERSECT: "Intersected",
}


def write_build123d(program: Program) -> str:
    """build123d text of a program; numbers keep all their bits."""
    lines = ["from build123d import *", "", "with BuildPart() as part:"]
    for number, step in enumerate(fuse_new_bodies(tidy(program)).steps, 1):
        lines.append(f"    # {number}. {NAMES[step.operation]}")
        lines += _indented(_two_sides(number, step) if step.extent is Extent.TWO else _step(step))
        lines.append("")
    return "\n".join([*lines, "result = part.part"]) + "\n"


def _step(step: Extrude) -> list[str]:
    lines = [line for block in _sketches(step) for line in ("with " + block[0] + ":", *_indented(block[1:]))]
    both = ", both=True" if step.extent is Extent.SYMMETRIC else ""
    mode = f", mode={MODES[step.operation]}" if step.operation in MODES else ""
    return [*lines, f"extrude(amount={exact(step.one)}{both}{mode})"]


def _two_sides(number: int, step: Extrude) -> list[str]:
    """Both prisms in a part of their own, which meets the body as one."""
    lines: list[str] = []
    against: list[str] = []
    for place, block in enumerate(_sketches(step), 1):
        name = f"sketch_{number}" + (f"_{place}" if place > 1 else "")
        lines += [f"with {block[0]} as {name}:", *_indented(block[1:])]
        against.append(f"extrude({name}.sketch, amount={exact(-step.two)})")
    lines += [f"extrude(amount={exact(step.one)})", *against]
    mode = f"mode={MODES[step.operation]}" if step.operation in MODES else ""
    return [f"with BuildPart({mode}):", *_indented(lines)]


def _sketches(step: Extrude) -> Iterator[list[str]]:
    """The head `BuildSketch(...)` and the indented body of each drawing."""
    for sketch in step.sketches:
        for profiles in drawn_together(sketch.profiles):
            head = f"BuildSketch({build123d_plane(sketch.plane)})"
            yield [head, *(line for profile in profiles for line in _profile(profile))]


def _profile(profile: Profile) -> Iterator[str]:
    yield from _loop(profile.outer, "")
    for centers, hole in circles(profile.holes):
        if hole is not None:
            yield from _loop(hole, "mode=Mode.SUBTRACT")
        elif len(centers) == 1:
            yield from _placed(centers[0][0], f"Circle({exact(centers[0][1])}, mode=Mode.SUBTRACT)")
        else:
            yield f"with Locations({', '.join(tuple_text(center) for center, _ in centers)}):"
            yield f"    Circle({exact(centers[0][1])}, mode=Mode.SUBTRACT)"


def _loop(loop: Loop, mode: str) -> Iterator[str]:
    first = loop.curves[0]
    comma = f", {mode}" if mode else ""
    if isinstance(first, Circle):
        yield from _placed(first.center, f"Circle({exact(first.radius)}{comma})")
        return
    rectangle = as_rectangle(loop)
    if rectangle is not None:
        center, width, height = rectangle
        yield from _placed(center, f"Rectangle({exact(width)}, {exact(height)}{comma})")
        return
    yield "with BuildLine():"
    yield from _indented(list(_edges(loop)))
    yield f"make_face({mode})"


def _placed(center: Vec2, shape: str) -> Iterator[str]:
    if center == (0.0, 0.0):
        yield shape
    else:
        yield f"with Locations({tuple_text(center)}):"
        yield f"    {shape}"


def _edges(loop: Loop) -> Iterator[str]:
    """Arcs one by one, runs of lines as polylines."""
    if all(isinstance(curve, Line) for curve in loop.curves):
        corners = ", ".join(tuple_text(curve.start) for curve in loop.curves if isinstance(curve, Line))
        yield f"Polyline({corners}, close=True)"
        return
    run: list[Vec2] = []
    for curve in loop.curves:
        if isinstance(curve, Line):
            run = run or [curve.start]
            run.append(curve.end)
            continue
        yield from _run(run)
        run = []
        if isinstance(curve, Arc):
            yield f"ThreePointArc({tuple_text(curve.start)}, {tuple_text(curve.mid)}, {tuple_text(curve.end)})"
    yield from _run(run)


def _run(points: Sequence[Vec2]) -> Iterator[str]:
    if points:
        kind = "Line" if len(points) == 2 else "Polyline"
        yield f"{kind}({', '.join(tuple_text(point) for point in points)})"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
