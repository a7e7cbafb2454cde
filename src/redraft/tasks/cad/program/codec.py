"""A program as plain JSON data and back, exactly: what a dataset's `truth` and a message to the kernel hold.

Format 1: {"format": 1, "steps": [{"operation", "extent", "one", "two", "sketches": [{"plane": {"origin",
"normal", "x_axis"}, "profiles": [[loop, ...], ...]}]}]}, the outer loop first; a loop is a list of curves:
["line", x, y, x, y], ["arc", start x, y, mid x, y, end x, y] or ["circle", x, y, radius]. Millimetres.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.program.types import (
    Arc,
    Circle,
    Curve,
    Extent,
    Extrude,
    Line,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
)

FORMAT = 1


def to_data(program: Program) -> dict[str, Any]:
    """The program as JSON data; numbers keep all their bits."""
    return {
        "format": FORMAT,
        "steps": [
            {
                "operation": step.operation.value,
                "extent": step.extent.value,
                "one": step.one,
                "two": step.two,
                "sketches": [
                    {
                        "plane": {
                            "origin": list(sketch.plane.origin),
                            "normal": list(sketch.plane.normal),
                            "x_axis": list(sketch.plane.x_axis),
                        },
                        "profiles": [
                            [_loop(loop) for loop in (profile.outer, *profile.holes)]
                            for profile in sketch.profiles
                        ],
                    }
                    for sketch in step.sketches
                ],
            }
            for step in program.steps
        ],
    }


def from_data(data: Mapping[str, Any]) -> Program:
    """Reads `to_data` back. Anything else is a Refusal."""
    try:
        if data["format"] != FORMAT:
            raise Refusal(f"program format {data['format']!r} is not {FORMAT}", remedy="Update redraft")
        return Program(tuple(_step(step) for step in data["steps"]))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise Refusal(
            f"not program data ({type(error).__name__}: {error})", remedy="Write it with redraft's own codec"
        ) from None


def _loop(loop: Loop) -> list[list[Any]]:
    return [_curve(curve) for curve in loop.curves]


def _curve(curve: Curve) -> list[Any]:
    if isinstance(curve, Line):
        return ["line", *curve.start, *curve.end]
    if isinstance(curve, Arc):
        return ["arc", *curve.start, *curve.mid, *curve.end]
    return ["circle", *curve.center, curve.radius]


def _step(step: Mapping[str, Any]) -> Extrude:
    return Extrude(
        tuple(_sketch(s) for s in step["sketches"]),
        Operation(step["operation"]),
        Extent(step["extent"]),
        float(step["one"]),
        float(step["two"]),
    )


def _sketch(sketch: Mapping[str, Any]) -> Sketch:
    plane = sketch["plane"]
    return Sketch(
        Plane(_vec3(plane["origin"]), _vec3(plane["normal"]), _vec3(plane["x_axis"])),
        tuple(_profile(loops) for loops in sketch["profiles"]),
    )


def _profile(loops: list[Any]) -> Profile:
    outer, *holes = [Loop(tuple(_read_curve(curve) for curve in loop)) for loop in loops]
    return Profile(outer, tuple(holes))


def _read_curve(curve: list[Any]) -> Curve:
    kind, *raw = curve
    v = [float(value) for value in raw]
    if kind == "line":
        ax, ay, bx, by = v
        return Line((ax, ay), (bx, by))
    if kind == "arc":
        ax, ay, mx, my, bx, by = v
        return Arc((ax, ay), (mx, my), (bx, by))
    if kind == "circle":
        x, y, radius = v
        return Circle((x, y), radius)
    raise Refusal(f"a curve of kind {kind!r}", remedy="Curves are line, arc and circle")


def _vec3(values: list[Any]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
