"""A program as compact text: the dialect made for models. docs/dialects.md holds its grammar.

The part is moved so that its box starts at the origin and sized so that the box's largest side has `grid` steps;
every coordinate becomes a whole number of steps. Planes across an axis are written by that axis, with sketch
coordinates that are the part's own, so that a number in the text is a place in a view.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.compact_loops import angle_decimals, loop_lines
from redraft.tasks.cad.dialects.compact_read import read_body
from redraft.tasks.cad.dialects.numerals import exact, rounded
from redraft.tasks.cad.program.normalise import AXES, axis_of, canonical, flipped, plain, tidy
from redraft.tasks.cad.program.transform import Box, bounding_box, scale, translate
from redraft.tasks.cad.program.types import Extent, Extrude, Operation, Plane, Profile, Program
from redraft.tasks.cad.program.validate import faults

VERSION = 1
DEFAULT_GRID = 1000
MAX_GRID = 65_536
SIGNS = {Operation.NEW: "*", Operation.JOIN: "+", Operation.CUT: "-", Operation.INTERSECT: "&"}


@dataclass(frozen=True, slots=True)
class Fit:
    """A compact text and what the grid did to the part.

    step_mm: the size of one grid step. dropped: curves that became shorter than a step, one sentence each.
    """

    text: str
    step_mm: float
    dropped: tuple[str, ...]


def write_compact(
    program: Program,
    *,
    grid: int = DEFAULT_GRID,
    header: bool = True,
    box: Box | None = None,
    extents: str | None = None,
) -> str:
    """The text of `fit`."""
    return fit(program, grid=grid, header=header, box=box, extents=extents).text


def fit(
    program: Program,
    *,
    grid: int = DEFAULT_GRID,
    header: bool = True,
    box: Box | None = None,
    extents: str | None = None,
) -> Fit:
    """Writes a program on a grid and says what that cost.

    box: the part's lower and upper corner in mm where the kernel knows it; else the box of all added material.
    extents: "keep" keeps symmetric and two-sided extents; "plain" writes every step from its lower to its upper
    end, which is all that a drawing shows. Without it: "keep" with a header, "plain" for the body alone.
    A loop or step that vanishes on the grid, or a profile that the grid makes cross or touch itself, is refused.
    """
    if not 2 <= grid <= MAX_GRID:
        raise Refusal(f"a grid of {grid} steps", remedy=f"Choose 2 to {MAX_GRID}", code="limit")
    extents = extents or ("keep" if header else "plain")
    if extents not in ("keep", "plain"):
        raise Refusal(f"extents={extents!r}", remedy="Choose keep or plain")
    low, high = box or bounding_box(program)
    size = tuple(b - a for a, b in zip(low, high, strict=True))
    largest = max(size)
    if not 0 < largest < math.inf or min(size) < 0:
        raise Refusal("a part that encloses nothing", remedy="Give a part that has volume", code="empty")
    program = plain(tidy(program)) if extents == "plain" else program
    placed = canonical(scale(translate(program, (-low[0], -low[1], -low[2])), grid / largest))
    dropped: list[str] = []
    lines: list[str] = []
    for number, step in enumerate(placed.steps):
        lines += _step(number, step, grid, extents == "plain", dropped)
    body = "\n".join(lines) + "\n"
    _still_valid(placed, body, grid)
    start = ""
    if header:
        size_text = " ".join(exact(rounded(side, 9)) for side in size)
        at = "" if not any(low) else " at " + " ".join(exact(rounded(value, 9)) for value in low)
        start = f"compact {VERSION} grid {grid} size {size_text}{at}\n"
    return Fit(start + body, largest / grid, tuple(dropped))


def _step(number: int, step: Extrude, grid: int, ascending: bool, dropped: list[str]) -> list[str]:
    lines: list[str] = []
    sign = "+" if number == 0 else SIGNS[step.operation]
    for sketch in step.sketches:
        lines.append(f"{sign} {_where(number, step, sketch.plane, grid, ascending)}")
        sign = ","
        name = axis_of(sketch.plane)
        if name is not None and sketch.plane.normal != AXES[name][0]:
            sketch = flipped(sketch)
        for profile in _sorted_profiles(number, sketch.profiles, grid, dropped):
            lines += profile
    return lines


def _where(number: int, step: Extrude, plane: Plane, grid: int, ascending: bool) -> str:
    """The plane and the extent: absolute places along an axis, or distances from a slanted plane."""
    name = axis_of(plane)
    if name is None:
        base, along = 0, 1
        a, b, c = plane.normal
        azimuth = _degrees(math.degrees(math.atan2(b, a)), grid)
        climb = _degrees(math.degrees(math.asin(max(-1.0, min(1.0, c)))), grid)
        place = " ".join(str(round(value)) for value in plane.origin)
        start = f"@ {place} {azimuth} {climb}"
    else:
        axis = "xyz".index(name)
        base, along = round(plane.origin[axis]), round(plane.normal[axis])
        start = name

    def end(distance: float, reach: float) -> int:
        """Where a distance leads, rounded as a place, so that faces that meet still meet."""
        place = round(plane.origin["xyz".index(name)] + along * distance) if name else round(distance)
        if place == base and reach:
            raise Refusal(
                f"extrusion {number + 1}: its height of {abs(reach):.3g} grid steps vanishes",
                remedy=f"Use a grid finer than {grid}",
                code="refused",
            )
        return place

    if step.extent is Extent.SYMMETRIC:
        half = max(1, round(step.one)) if step.one >= 0.25 else 0
        if not half:
            end(0.0, step.one)
        return f"{start} {base} s {half}" if name else f"{start} s {half}"
    one = end(step.one, step.one)
    if step.extent is Extent.TWO:
        two = end(-step.two, step.two)
        return f"{start} {base} t {one} {two}" if name else f"{start} t {one} {two}"
    if name is None:
        return f"{start} {one}"
    first, last = (min(base, one), max(base, one)) if ascending else (base, one)
    return f"{start} {first} {last}"


def _sorted_profiles(number: int, profiles: tuple[Profile, ...], grid: int, dropped: list[str]) -> list[list[str]]:
    """The lines of each profile, profiles and holes in the order of their lower left corners on the grid."""
    written = []
    for profile in profiles:
        try:
            outer = loop_lines(profile.outer, False, grid, dropped)
            holes = sorted((loop_lines(hole, True, grid, dropped) for hole in profile.holes), key=lambda t: t.key)
        except Refusal as refusal:
            raise Refusal(
                f"extrusion {number + 1}: {refusal.what}",
                remedy=f"Use a grid finer than {grid}",
                code="refused",
            ) from None
        written.append((outer.key, [*outer.lines, *(line for hole in holes for line in hole.lines)]))
    return [lines for _, lines in sorted(written, key=lambda pair: pair[0])]


def _degrees(value: float, grid: int) -> str:
    return exact(rounded(value, angle_decimals(grid)))


def _still_valid(placed: Program, body: str, grid: int) -> None:
    """Refuses profiles that were sound and are not on the grid: a wall thinner than a step, for one."""
    after = faults(read_body(body), touching=True)
    if not after:
        return
    if not faults(placed, touching=True):
        raise Refusal(
            f"a feature finer than the grid: {after[0]}", remedy=f"Use a grid finer than {grid}", code="refused"
        )
    crossing = faults(read_body(body))
    if crossing and not faults(placed):
        raise Refusal(
            f"a feature finer than the grid: {crossing[0]}", remedy=f"Use a grid finer than {grid}", code="refused"
        )
