"""Hypothesis strategies for valid programs: every plane, outline, extent and operation that the types allow."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from redraft.tasks.cad.program.types import (
    Arc,
    Circle,
    Extent,
    Extrude,
    Line,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
    plane,
)

LENGTHS = st.integers(40, 400).map(lambda n: n / 4)
OFFSETS = st.integers(-400, 400).map(lambda n: n / 8)
FLOATS = st.floats(-100, 100, allow_nan=False).map(lambda x: x + 0.0)


def rounded_rectangle(x: float, y: float, w: float, h: float, r: float) -> Loop:
    """Counter-clockwise, its corners quarter arcs of radius r."""
    d = r * (1 - math.sqrt(0.5))
    right, top = x + w, y + h
    return Loop(
        (
            Line((x + r, y), (right - r, y)),
            Arc((right - r, y), (right - d, y + d), (right, y + r)),
            Line((right, y + r), (right, top - r)),
            Arc((right, top - r), (right - d, top - d), (right - r, top)),
            Line((right - r, top), (x + r, top)),
            Arc((x + r, top), (x + d, top - d), (x, top - r)),
            Line((x, top - r), (x, y + r)),
            Arc((x, y + r), (x + d, y + d), (x + r, y)),
        )
    )


def polygon(points: list[tuple[float, float]]) -> Loop:
    return Loop(tuple(Line(a, b) for a, b in zip(points, points[1:] + points[:1], strict=True)))


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """An outline of 10 to 100 mm with up to three round holes in a row, clear of it and of each other."""
    x, y, w, h = draw(OFFSETS), draw(OFFSETS), draw(LENGTHS), draw(LENGTHS)
    kind = draw(st.sampled_from(["rectangle", "rounded", "circle", "turned", "bell"]))
    if kind == "rectangle":
        outer = polygon([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    elif kind == "rounded":
        outer = rounded_rectangle(x, y, w, h, min(w, h) / 5)
    elif kind == "circle":
        h = w
        outer = Loop((Circle((x + w / 2, y + w / 2), w / 2),))
    elif kind == "turned":
        outer = polygon([(x + w, y + h), (x + w, y), (x, y), (x, y + h)])
    else:
        outer = Loop(
            (
                Line((x, y), (x + w, y)),
                Line((x + w, y), (x + w, y + h)),
                Arc((x + w, y + h), (x + w / 2, y + h + w / 4), (x, y + h)),
                Line((x, y + h), (x, y)),
            )
        )
    count = draw(st.integers(0, 3))
    radius = min(w, h) / 16
    middle = y + h / 2
    holes = tuple(Loop((Circle((x + w * (0.3 + 0.2 * i), middle), radius),)) for i in range(count))
    return Profile(outer, holes)


@st.composite
def planes(draw: st.DrawFn) -> Plane:
    origin = (draw(OFFSETS), draw(OFFSETS), draw(OFFSETS))
    normal, x_axis = draw(
        st.sampled_from(
            [
                ((0, 0, 1), (1, 0, 0)),
                ((0, 0, -1), (1, 0, 0)),
                ((1, 0, 0), (0, 1, 0)),
                ((-1, 0, 0), (0, 0, 1)),
                ((0, -1, 0), (1, 0, 0)),
                ((0, 1, 0), (0, 0, 1)),
                ((1, 0, 1), (0, 1, 0)),
                ((0, 1, 1), (1, 0, 0)),
                ((1, 2, 3), (3, 0, -1)),
            ]
        )
    )
    return plane(origin, normal, x_axis)


@st.composite
def extrudes(draw: st.DrawFn, first: bool = False) -> Extrude:
    operation = (
        Operation.NEW if first else draw(st.sampled_from([Operation.JOIN, Operation.CUT, Operation.INTERSECT]))
    )
    extent = draw(st.sampled_from(list(Extent)))
    sign = -1 if extent is Extent.ONE and draw(st.booleans()) else 1
    one = draw(LENGTHS) * sign
    two = draw(LENGTHS.filter(lambda d: d != one)) if extent is Extent.TWO else 0.0
    return Extrude((Sketch(draw(planes()), (draw(profiles()),)),), operation, extent, one, two)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    rest = draw(st.lists(extrudes(), max_size=3))
    return Program((draw(extrudes(first=True)), *rest))
