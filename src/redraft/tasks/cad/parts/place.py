"""A draft as a program in millimetres: turned along any axis, on planes of the view directions, at the origin."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from redraft.tasks.cad.parts.draft import ACROSS, Draft, Step
from redraft.tasks.cad.parts.shapes import canonical, moved
from redraft.tasks.cad.program.types import (
    Extent,
    Extrude,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
    Vec2,
    Vec3,
)

NORMAL = {0: 1, 1: -1, 2: 1}
"""The sign of a sketch's usual normal: planes look as the views do, to +x, -y and +z."""
X_AXIS: dict[int, Vec3] = {0: (0.0, 1.0, 0.0), 1: (1.0, 0.0, 0.0), 2: (1.0, 0.0, 0.0)}

Turn = tuple[tuple[int, int, int], tuple[int, int, int]]
"""Axis k of the draft becomes axis turn[0][k] of the part, with the sign turn[1][k]."""
UPRIGHT: Turn = ((0, 1, 2), (1, 1, 1))


def choose_turn(rng: random.Random, simple: bool) -> Turn:
    """How the part lies: upright more often than not, else along any axis; simple parts are not mirrored."""
    if rng.random() < (0.7 if simple else 0.4):
        order = (0, 1, 2) if simple or rng.random() < 0.5 else (1, 0, 2)
    else:
        order = rng.choice([(1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0)])
    signs = (1, 1, 1) if simple else (rng.choice((1, -1)), rng.choice((1, -1)), rng.choice((1, -1)))
    return order, signs


def place(draft: Draft, unit: float, turn: Turn, rng: random.Random) -> tuple[Program, tuple[float, ...]]:
    """The program, its box's minimum at the origin, and the sides of its box in mm.

    unit: millimetres of a lattice step. rng decides how extents are written.
    """
    order, signs = turn
    low = [0.0] * 3
    sides = [0.0] * 3
    for k in range(3):
        a, b = (signs[k] * v for v in draft.box[k])
        low[order[k]], sides[order[k]] = min(a, b), abs(b - a)
    steps = [_extrude(step, unit, turn, low, rng, draft.simple) for step in draft.steps]
    return Program(tuple(steps)), tuple(round(side * unit, 6) for side in sides)


def _extrude(
    step: Step, unit: float, turn: Turn, low: Sequence[float], rng: random.Random, simple: bool
) -> Extrude:
    order, signs = turn
    axis, sign = order[step.axis], signs[step.axis]
    start, stop = sorted(sign * v - low[axis] for v in (step.low, step.high))
    anchor = sign * step.anchor - low[axis]
    flip = not simple and rng.random() < 0.35
    normal = NORMAL[axis] * (-1 if flip else 1)
    at, extent, one, two = _extent(start, stop, anchor, normal, step.operation, rng, simple)
    convert = _sketch_map(step.axis, turn, low, unit, flip)
    profiles = [
        Profile(
            canonical(_loop(profile.outer, convert, unit)),
            tuple(sorted((canonical(_loop(h, convert, unit)) for h in profile.holes), key=_corner)),
        )
        for profile in step.profiles
    ]
    profiles.sort(key=lambda p: _corner(p.outer))
    origin = [0.0, 0.0, 0.0]
    direction = [0.0, 0.0, 0.0]
    origin[axis], direction[axis] = _mm(at, unit), float(normal)
    plane = Plane((origin[0], origin[1], origin[2]), (direction[0], direction[1], direction[2]), X_AXIS[axis])
    return Extrude((Sketch(plane, tuple(profiles)),), step.operation, extent, _mm(one, unit), _mm(two, unit))


def _extent(
    start: float, stop: float, anchor: float, normal: int, operation: Operation, rng: random.Random, simple: bool
) -> tuple[float, Extent, float, float]:
    """Plane, extent and distances (along the normal) that fill start to stop."""
    length = stop - start
    roll = 1.0 if simple else rng.random()
    middle = (start + stop) / 2
    if roll < 0.14 and length % 2 == 0:
        return middle, Extent.SYMMETRIC, length / 2, 0.0
    if roll < 0.2 and length >= 3 and operation is not Operation.CUT:
        at = start + rng.randint(1, int(length) - 1)
        ahead, behind = (stop - at, at - start) if normal > 0 else (at - start, stop - at)
        return at, Extent.TWO, ahead, behind
    at = anchor if anchor in (start, stop) else start
    return at, Extent.ONE, (stop - start if (at == start) == (normal > 0) else start - stop), 0.0


def _sketch_map(axis: int, turn: Turn, low: Sequence[float], unit: float, flip: bool) -> Callable[[Vec2], Vec2]:
    """From sketch coordinates of the draft to those of the part, in mm."""
    order, signs = turn
    source, target = ACROSS[axis], ACROSS[order[axis]]

    def convert(point: Vec2) -> Vec2:
        values = {order[source[i]]: signs[source[i]] * point[i] - low[order[source[i]]] for i in (0, 1)}
        u, v = values[target[0]], values[target[1]]
        return (_mm(u, unit), _mm(-v if flip else v, unit))

    return convert


def _loop(loop: Loop, convert: Callable[[Vec2], Vec2], unit: float) -> Loop:
    return moved(loop, convert, unit)


def _corner(loop: Loop) -> tuple[float, float]:
    (x, y), _ = loop.box
    return (round(x, 6), round(y, 6))


def _mm(value: float, unit: float) -> float:
    return round(value * unit, 9) + 0.0
