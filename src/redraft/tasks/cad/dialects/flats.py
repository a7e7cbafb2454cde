"""Faces in a plane, as build123d adds and subtracts them: the union of profiles, less holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.bodies import compose
from redraft.tasks.cad.dialects.planes import WORLD
from redraft.tasks.cad.program.nesting import within
from redraft.tasks.cad.program.transform import loop_box, map_profile
from redraft.tasks.cad.program.types import Loop, Plane, Profile, Sketch
from redraft.tasks.cad.program.validate import profile_faults


@dataclass(frozen=True, slots=True)
class Flat:
    """Profiles on a plane of the world; overlapping ones count as united."""

    profiles: tuple[Profile, ...]
    plane: Plane = WORLD

    def sketch(self) -> Sketch:
        return Sketch(self.plane, self.profiles)


def placed(flat: Flat, frame: Plane) -> Flat:
    """The faces carried into another frame."""
    return replace(flat, plane=compose(frame, flat.plane))


def added(a: Flat, b: Flat) -> Flat:
    """Both together; they must lie on one plane."""
    if a.plane != b.plane:
        b = _onto(b, a.plane)
    return replace(a, profiles=a.profiles + b.profiles)


def subtracted(a: Flat, b: Flat) -> Flat:
    """a without b: each loop of b must lie whole inside one face of a and clear of the others."""
    if a.plane != b.plane:
        b = _onto(b, a.plane)
    profiles = a.profiles
    for hole in b.profiles:
        if hole.holes:
            raise _refusal("a face with holes")
        profiles = _bored(profiles, hole.outer)
    return replace(a, profiles=profiles)


def _bored(profiles: Sequence[Profile], hole: Loop) -> tuple[Profile, ...]:
    owners = [i for i, profile in enumerate(profiles) if _meets(profile.outer, hole)]
    if len(owners) != 1:
        raise _refusal("a face that lies in none of the faces, or in several")
    owner = profiles[owners[0]]
    if not within(hole, owner.outer) or profile_faults(Profile(owner.outer, (hole,))):
        raise _refusal("a face that reaches over the edge")
    if any(_meets(other, hole) for other in owner.holes):
        others = [other for other in owner.holes if _meets(other, hole)]
        if any(within(hole, other) or within(other, hole) for other in others):
            raise _refusal("a face that overlaps a hole")
    bored = replace(owner, holes=(*owner.holes, hole))
    return tuple(bored if i == owners[0] else profile for i, profile in enumerate(profiles))


def _meets(a: Loop, b: Loop) -> bool:
    """True where the boxes of two loops overlap and one could reach into the other."""
    (low_a, high_a), (low_b, high_b) = loop_box(a), loop_box(b)
    return all(low_a[i] < high_b[i] and low_b[i] < high_a[i] for i in (0, 1))


def _onto(flat: Flat, plane: Plane) -> Flat:
    """The faces in the coordinates of an equal plane whose frame is shifted."""
    if flat.plane.normal != plane.normal or flat.plane.x_axis != plane.x_axis:
        raise _refusal("a face on another plane")
    gap = tuple(a - b for a, b in zip(flat.plane.origin, plane.origin, strict=True))
    u, v, w = (
        sum(g * c for g, c in zip(gap, axis, strict=True)) for axis in (plane.x_axis, plane.y_axis, plane.normal)
    )
    if abs(w) > 1e-9:
        raise _refusal("a face on another plane")
    moved = tuple(map_profile(profile, lambda p: (p[0] + u, p[1] + v)) for profile in flat.profiles)
    return Flat(moved, plane)


def _refusal(what: str) -> Refusal:
    return Refusal(
        f"a sum or difference with {what}",
        remedy="Draw the outline itself with BuildLine, or cut with an extrusion",
        code="refused",
    )
