"""A program as OpenECAD code, with 4 decimals of a millimetre as its own converter writes.

A plane that equals an earlier step's own, or the end of that step's extent, is written as a reference, so that a
change to the earlier one carries over; every other plane is absolute. Every profile becomes an extrusion of its
own, as OpenECAD holds one a sketch, unless that would change the solid (an intersection): that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.numerals import rounded
from redraft.tasks.cad.dialects.openecad_read import EXTENTS, OPERATIONS
from redraft.tasks.cad.program.normalise import tidy
from redraft.tasks.cad.program.types import Arc, Circle, Extent, Extrude, Line, Operation, Plane, Profile, Program

DECIMALS = 4


def write_openecad(program: Program) -> str:
    """OpenECAD code of a program; lengths and axes rounded to 4 decimals.

    Curves shorter than that vanish; a loop or an extrusion that vanishes is refused.
    """
    lines: list[str] = []
    earlier: list[tuple[str, Plane, Extrude]] = []
    for number, (plane, profile, step) in enumerate(_singles(tidy(program))):
        lines += _plane(number, plane, earlier)
        lines += _profile(number, profile)
        lines.append(f"Sketch{number} = add_sketch(sketch_plane= SketchPlane{number}, profile= Profile{number})")
        lines.append(f"Extrude{number} = add_extrude(sketch= Sketch{number},")
        if rounded(step.one, DECIMALS) == 0 and (
            step.extent is not Extent.TWO or rounded(step.two, DECIMALS) == 0
        ):
            raise _too_small(f"extrusion {number} of {step.one:g} mm")
        lines.append(
            f"\toperation= {OPERATIONS.index(step.operation)}, type= {EXTENTS.index(step.extent)}, "
            f"extent_one= {_number(step.one)}, extent_two= {_number(step.two)})"
        )
        earlier.append((f"Extrude{number}", plane, step))
    return "\n".join(lines) + "\n"


def _singles(program: Program) -> Iterator[tuple[Plane, Profile, Extrude]]:
    """One profile at a time; those after a new body's first join it."""
    for step in program.steps:
        pairs = [(sketch.plane, profile) for sketch in step.sketches for profile in sketch.profiles]
        if step.operation is Operation.INTERSECT and len(pairs) > 1:
            raise Refusal(
                f"an intersection with {len(pairs)} profiles, of which OpenECAD holds one",
                remedy="Write another dialect, or intersect with one profile",
                code="refused",
            )
        for i, (plane, profile) in enumerate(pairs):
            operation = Operation.JOIN if i and step.operation is Operation.NEW else step.operation
            yield plane, profile, Extrude(step.sketches, operation, step.extent, step.one, step.two)


def _plane(number: int, plane: Plane, earlier: Sequence[tuple[str, Plane, Extrude]]) -> list[str]:
    for name, other, step in earlier:
        if (plane.normal, plane.x_axis) != (other.normal, other.x_axis):
            continue
        for kind, shift in (("sameplane", 0.0), ("extent_one", step.one), ("extent_two", -step.two)):
            moved = tuple(o + shift * n for o, n in zip(other.origin, other.normal, strict=True))
            if moved == plane.origin:
                return [
                    f"SketchPlane{number} = add_sketchplane_ref(",
                    f'\t{name}, origin = [0., 0.], type = "{kind}")',
                ]
    return [
        f"SketchPlane{number} = add_sketchplane(",
        f"\torigin= {_vector(plane.origin)}, normal= {_vector(plane.normal)}, x_axis= {_vector(plane.x_axis)})",
    ]


def _profile(number: int, profile: Profile) -> list[str]:
    lines = [f"Loops{number} = []"]
    for j, loop in enumerate((profile.outer, *profile.holes)):
        curves: list[str] = []
        for curve in loop.curves:
            k = len(curves)
            if isinstance(curve, Circle):
                if rounded(curve.radius, DECIMALS) == 0:
                    raise _too_small(f"a circle of radius {curve.radius:g} mm")
                text = f"add_circle(center= {_vector(curve.center)}, radius= {_number(curve.radius)})"
                curves.append(f"Circle{number}_{j}_{k} = {text}")
                continue
            start, end = _vector(curve.start), _vector(curve.end)
            if start == end:
                continue
            if isinstance(curve, Line) or _vector(curve.mid) in (start, end):
                curves.append(f"Line{number}_{j}_{k} = add_line(start= {start}, end= {end})")
            elif isinstance(curve, Arc):
                text = f"add_arc(start= {start}, end= {end}, mid= {_vector(curve.mid)})"
                curves.append(f"Arc{number}_{j}_{k} = {text}")
        if len(curves) < 2 and not isinstance(loop.curves[0], Circle):
            raise _too_small(f"a loop of {loop.area:g} mm2")
        lines += [f"Curves{number}_{j} = []", *curves, f"Loop{number}_{j} = add_loop(Curves{number}_{j})"]
    return [*lines, f"Profile{number} = add_profile(Loops{number})"]


def _too_small(what: str) -> Refusal:
    return Refusal(
        f"{what} vanishes at OpenECAD's 4 decimals",
        remedy="Scale the part up, or write another dialect",
        code="refused",
    )


def _number(value: float) -> str:
    """As numpy prints: '2.', '25.4', '-0.5'."""
    return f"{rounded(value, DECIMALS):.{DECIMALS}f}".rstrip("0")


def _vector(values: Sequence[float]) -> str:
    return "[" + ", ".join(_number(value) for value in values) + "]"
