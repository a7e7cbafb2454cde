"""A part on its way: steps on a lattice, and the places where features may still go.

Axes are 0 x, 1 y, 2 z. A sketch across an axis has the coordinates of the view along it: (x, y) across z,
(x, z) across y, (y, z) across x.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from redraft.tasks.cad.parts.shapes import Rect
from redraft.tasks.cad.program.types import Arc, Circle, Loop, Operation, Profile, Vec2

ACROSS: dict[int, tuple[int, int]] = {0: (1, 2), 1: (0, 2), 2: (0, 1)}
"""Sketch axes by the axis that the sketch lies across."""


@dataclass(frozen=True, slots=True)
class Step:
    """Profiles across an axis, filled from low to high along it.

    anchor: the coordinate of the face that the sketch lies on. change: the volume by which the step is meant to
    change the part, in cubed units; None where that is not known beforehand.
    """

    axis: int
    low: float
    high: float
    profiles: tuple[Profile, ...]
    operation: Operation
    anchor: float
    change: float | None


@dataclass(frozen=True, slots=True)
class Site:
    """A flat place with nothing on it yet. level: where its face lies along axis; out: +1 or -1, away from the
    material. rect: the free area in sketch coordinates. depth: material under all of it."""

    axis: int
    level: float
    out: int
    rect: Rect
    depth: float

    @property
    def wide(self) -> float:
        return self.rect[2] - self.rect[0]

    @property
    def high(self) -> float:
        return self.rect[3] - self.rect[1]

    @property
    def middle(self) -> Vec2:
        return ((self.rect[0] + self.rect[2]) / 2, (self.rect[1] + self.rect[3]) / 2)


@dataclass
class Draft:
    """size: the longest side in units, which no step may exceed. wanted: how many extrusions to end with."""

    rng: random.Random
    size: int
    wanted: int
    simple: bool = False
    steps: list[Step] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    box: list[list[float]] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Extrusions still to come."""
        return self.wanted - len(self.steps)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def pick(self, low: float, high: float, *, even: bool = False, least: int = 1) -> int:
        """A whole number of units between two fractions of the size, never below `least`."""
        a, b = max(least, math.ceil(low * self.size)), max(least, math.floor(high * self.size))
        return self.between(a, max(a, b), even=even)

    def between(self, low: float, high: float, *, even: bool = False) -> int:
        """A whole number of units from low to high; even rounds up to an even one."""
        value = self.rng.randint(math.ceil(low), max(math.ceil(low), math.floor(high)))
        return value + value % 2 if even else value

    def body(self, axis: int, low: float, high: float, outer: Loop, holes: Sequence[Loop] = ()) -> None:
        """The first step, or a further one that joins; the box grows by it."""
        operation = Operation.JOIN if self.steps else Operation.NEW
        profile = Profile(outer, tuple(holes))
        self.steps.append(Step(axis, low, high, (profile,), operation, low, area(profile) * (high - low)))
        self._grow(axis, low, high, outer)

    def join(self, site: Site, height: float, *profiles: Profile, clear: bool = True) -> None:
        """Material of a height on a site. clear: nothing is there yet, so all of it is new."""
        low, high = sorted((site.level, site.level + site.out * height))
        volume = sum(area(p) for p in profiles) * height if clear else None
        self.steps.append(Step(site.axis, low, high, profiles, Operation.JOIN, site.level, volume))
        for profile in profiles:
            self._grow(site.axis, low, high, profile.outer)

    def cut(self, site: Site, depth: float, *loops: Loop, full: bool = True) -> None:
        """Loops cut from a site to a depth. full: there is material all the way."""
        low, high = sorted((site.level, site.level - site.out * depth))
        profiles = tuple(Profile(loop) for loop in loops)
        volume = -sum(area(p) for p in profiles) * depth if full else None
        self.steps.append(Step(site.axis, low, high, profiles, Operation.CUT, site.level, volume))

    def intersect(self, axis: int, low: float, high: float, outer: Loop) -> None:
        """Keeps what lies inside the outline, which must reach the box on all sides."""
        self.steps.append(Step(axis, low, high, (Profile(outer),), Operation.INTERSECT, low, None))

    def room(self, site: Site) -> float:
        """How far the part may still grow out of a site before it is longer than its size."""
        low, high = self.box[site.axis]
        return (low + self.size - site.level) if site.out > 0 else (site.level - (high - self.size))

    def _grow(self, axis: int, low: float, high: float, outer: Loop) -> None:
        (u0, v0), (u1, v1) = bounds(outer)
        u, v = ACROSS[axis]
        spans = {axis: (low, high), u: (u0, u1), v: (v0, v1)}
        if not self.box:
            self.box = [[*spans[k]] for k in range(3)]
            return
        for k in range(3):
            self.box[k] = [min(self.box[k][0], spans[k][0]), max(self.box[k][1], spans[k][1])]


def area(profile: Profile) -> float:
    return profile.outer.area - sum(hole.area for hole in profile.holes)


def bounds(loop: Loop) -> tuple[Vec2, Vec2]:
    """The exact box of a loop, arcs with their outermost points."""
    xs: list[float] = []
    ys: list[float] = []
    for curve in loop.curves:
        if isinstance(curve, Circle):
            xs += [curve.center[0] - curve.radius, curve.center[0] + curve.radius]
            ys += [curve.center[1] - curve.radius, curve.center[1] + curve.radius]
            continue
        points = [curve.start, curve.end, *(_extremes(curve) if isinstance(curve, Arc) else ())]
        xs += [p[0] for p in points]
        ys += [p[1] for p in points]
    return (min(xs), min(ys)), (max(xs), max(ys))


def _extremes(arc: Arc) -> list[Vec2]:
    """The points of an arc that lie straight right, up, left or down of its centre."""
    found = arc.circle
    if found is None:
        return []
    (cx, cy), r = found
    sweep = arc.sweep
    first = math.atan2(arc.start[1] - cy, arc.start[0] - cx)
    points = []
    for quarter in range(4):
        angle = quarter * math.pi / 2
        turn = (angle - first) % math.tau if sweep > 0 else (first - angle) % math.tau
        if turn <= abs(sweep):
            points.append((cx + r * round(math.cos(angle)), cy + r * round(math.sin(angle))))
    return points
