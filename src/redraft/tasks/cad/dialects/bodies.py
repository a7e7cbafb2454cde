"""Solids of the Python dialects as histories: what union, cut and intersect of them mean in a linear program.

A typed program is one chain of steps. `a.cut(b)` fits into it where b is made of added prisms alone; what does
not fit is a Refusal, never an approximation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from redraft.core.errors import Refusal
from redraft.tasks.cad.program.normalise import seal
from redraft.tasks.cad.program.types import (
    MAX_EXTRUSIONS,
    Extent,
    Extrude,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
    Vec3,
    plane,
)


@dataclass(frozen=True, slots=True)
class Body:
    """The steps so far, the first one NEW. fresh: made in the expression at hand, not yet assigned to a name.

    Two fresh prisms of one extent that are united are one step of several profiles; once assigned, a body's steps
    stay apart. So a text keeps the steps that its author, or our writer, gave it.
    """

    steps: tuple[Extrude, ...]
    fresh: bool = True

    def __post_init__(self) -> None:
        if len(self.steps) > MAX_EXTRUSIONS:
            raise Refusal(f"more than {MAX_EXTRUSIONS} extrusions", remedy="Split the part", code="limit")

    @property
    def additive(self) -> bool:
        """Made by adding alone, so that its steps can be applied one by one with any other operation."""
        return all(step.operation in (Operation.NEW, Operation.JOIN) for step in self.steps)

    def program(self) -> Program:
        return Program(self.steps)


def prism(sketches: tuple[Sketch, ...], extent: Extent, one: float, two: float = 0.0) -> Body:
    return Body((Extrude(sketches, Operation.NEW, extent, one, two),))


def union(a: Body, b: Body) -> Body:
    """Both bodies fused."""
    if a.fresh and b.fresh and len(a.steps) == len(b.steps) == 1:
        merged = _one_step(a.steps[0], b.steps[0])
        if merged is not None:
            return Body((merged,))
    if b.additive:
        return Body(a.steps + _as(b, Operation.JOIN))
    if a.additive:
        return Body(b.steps + _as(a, Operation.JOIN))
    raise Refusal(
        "a union of two bodies that both have cuts or intersections",
        remedy="Build the part as one history: unite first, cut then",
        code="refused",
    )


def cut(a: Body, b: Body) -> Body:
    """What of a lies outside b."""
    if not b.additive:
        raise Refusal(
            "a cut by a body that itself has cuts or intersections",
            remedy="Cut by plain extrusions, and add again what should stay",
            code="refused",
        )
    return Body(a.steps + _as(b, Operation.CUT))


def intersect(a: Body, b: Body) -> Body:
    """What lies in both."""
    if len(b.steps) == 1:
        return Body(a.steps + _as(b, Operation.INTERSECT))
    if len(a.steps) == 1:
        return Body(b.steps + _as(a, Operation.INTERSECT))
    raise Refusal(
        "an intersection of two bodies of several steps",
        remedy="Intersect with one extrusion at a time",
        code="refused",
    )


def gathered(body: Body) -> Body:
    """A part that was built by itself, as the one step that it may be: see `_one_step`."""
    if not body.additive:
        return body
    groups: list[Extrude] = []
    for step in body.steps:
        same = groups and (groups[-1].extent, groups[-1].one, groups[-1].two) == (step.extent, step.one, step.two)
        if same:
            groups[-1] = replace(groups[-1], sketches=groups[-1].sketches + step.sketches)
        else:
            groups.append(step)
    merged = _one_step(*groups) if len(groups) == 2 else groups[0] if len(groups) == 1 else None
    return body if merged is None else Body((replace(merged, operation=Operation.NEW),))


def exact_plane(origin: Vec3, normal: Vec3, x_axis: Vec3) -> Plane:
    """The plane of axes that are unit vectors already, to the last bit; others are made so."""
    try:
        return Plane(origin, normal, x_axis)
    except Refusal:
        return plane(origin, normal, x_axis)


def moved(body: Body, frame: Plane) -> Body:
    """The body carried from the world's frame into another one."""
    return replace(
        body,
        steps=tuple(
            replace(step, sketches=tuple(replace(s, plane=compose(frame, s.plane)) for s in step.sketches))
            for step in body.steps
        ),
    )


def compose(outer: Plane, inner: Plane) -> Plane:
    """The inner frame, given in coordinates of the outer one, as a frame of the world."""
    x, y, n = outer.x_axis, outer.y_axis, outer.normal

    def turned(v: tuple[float, float, float]) -> tuple[float, float, float]:
        return (
            x[0] * v[0] + y[0] * v[1] + n[0] * v[2],
            x[1] * v[0] + y[1] * v[1] + n[1] * v[2],
            x[2] * v[0] + y[2] * v[1] + n[2] * v[2],
        )

    ox, oy, oz = turned(inner.origin)
    a, b, c = outer.origin
    return Plane((a + ox, b + oy, c + oz), turned(inner.normal), turned(inner.x_axis))


def _as(body: Body, operation: Operation) -> tuple[Extrude, ...]:
    return tuple(replace(step, operation=operation) for step in body.steps)


def _one_step(a: Extrude, b: Extrude) -> Extrude | None:
    """Two prisms as one step: several profiles of one extent, or one profile to two sides."""
    if (a.extent, a.one, a.two) == (b.extent, b.one, b.two):
        return replace(a, sketches=a.sketches + b.sketches)
    if a.extent is b.extent is Extent.ONE and _sealed(a) == _sealed(b):
        return replace(a, extent=Extent.TWO, two=-b.one)
    return None


def _sealed(step: Extrude) -> dict[Plane, list[Profile]]:
    planes: dict[Plane, list[Profile]] = {}
    for sketch in step.sketches:
        for profile in sketch.profiles:
            sealed = Profile(seal(profile.outer), tuple(seal(hole) for hole in profile.holes))
            planes.setdefault(sketch.plane, []).append(sealed)
    return planes
