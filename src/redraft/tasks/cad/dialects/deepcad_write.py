"""A program as DeepCAD construction JSON: metres, right-handed transforms, counter-clockwise arcs."""

from __future__ import annotations

import json
import math
from typing import Any

from redraft.tasks.cad.dialects.deepcad_read import EXTENTS, OPERATIONS
from redraft.tasks.cad.program.normalise import tidy
from redraft.tasks.cad.program.transform import Box, bounding_box
from redraft.tasks.cad.program.types import Arc, Circle, Curve, Extrude, Line, Loop, Plane, Program, Vec2, Vec3


def write_deepcad(program: Program, *, box: Box | None = None) -> str:
    """DeepCAD JSON of a program.

    box: lower and upper corner in mm for `properties.bounding_box`; without it the box of the added material.
    Lengths are the program's divided by 1000, with all their bits.
    """
    program = tidy(program)
    entities: dict[str, Any] = {}
    sequence: list[dict[str, Any]] = []

    def add(name: str, kind: str, entity: dict[str, Any]) -> None:
        entities[name] = {
            "name": f"{'Sketch' if kind == 'Sketch' else 'Extrude'} {name[1:]}",
            **entity,
            "type": kind,
        }
        sequence.append({"index": len(sequence), "type": kind, "entity": name})

    for number, step in enumerate(program.steps, 1):
        members: list[dict[str, str]] = []
        for place, sketch in enumerate(step.sketches, 1):
            name = f"S{number}" if len(step.sketches) == 1 else f"S{number}_{place}"
            profiles = {
                f"P{i}": {"loops": [_loop(loop, sketch.plane) for loop in (p.outer, *p.holes)], "properties": {}}
                for i, p in enumerate(sketch.profiles, 1)
            }
            add(
                name,
                "Sketch",
                {"transform": _transform(sketch.plane), "profiles": profiles, "reference_plane": {}},
            )
            members += [{"profile": profile, "sketch": name} for profile in profiles]
        add(f"E{number}", "ExtrudeFeature", _extrusion(step, members))
    low, high = box or bounding_box(program)
    bounds = {"type": "BoundingBox3D", "max_point": _metres(high), "min_point": _metres(low)}
    data = {"entities": entities, "properties": {"bounding_box": bounds}, "sequence": sequence}
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def _extrusion(step: Extrude, members: list[dict[str, str]]) -> dict[str, Any]:
    def side(role: str, taper: str, distance: float) -> dict[str, Any]:
        def parameter(value: float, kind: str) -> dict[str, Any]:
            return {"type": "ModelParameter", "role": kind, "name": "none", "value": value}

        return {
            "distance": parameter(distance / 1000, role),
            "taper_angle": parameter(0.0, taper),
            "type": "DistanceExtentDefinition",
        }

    return {
        "profiles": members,
        "operation": next(text for text, value in OPERATIONS.items() if value is step.operation),
        "start_extent": {"type": "ProfilePlaneStartDefinition"},
        "extent_type": next(text for text, value in EXTENTS.items() if value is step.extent),
        "extent_one": side("AlongDistance", "TaperAngle", step.one),
        "extent_two": side("AgainstDistance", "Side2TaperAngle", step.two),
    }


def _transform(plane: Plane) -> dict[str, Any]:
    def axis(vector: Vec3) -> dict[str, float]:
        return {"x": vector[0], "y": vector[1], "z": vector[2]}

    return {
        "origin": _metres(plane.origin),
        "x_axis": axis(plane.x_axis),
        "y_axis": axis(plane.y_axis),
        "z_axis": axis(plane.normal),
    }


def _loop(loop: Loop, plane: Plane) -> dict[str, Any]:
    return {"is_outer": True, "profile_curves": [_curve(curve, plane) for curve in loop.curves]}


def _curve(curve: Curve, plane: Plane) -> dict[str, Any]:
    normal = {"x": plane.normal[0], "y": plane.normal[1], "z": plane.normal[2]}
    if isinstance(curve, Line):
        return {"type": "Line3D", "start_point": _flat(curve.start), "end_point": _flat(curve.end)}
    if isinstance(curve, Circle):
        return {
            "type": "Circle3D",
            "center_point": _flat(curve.center),
            "radius": curve.radius / 1000,
            "normal": normal,
        }
    return _arc(curve, normal)


def _arc(arc: Arc, normal: dict[str, float]) -> dict[str, Any]:
    """Arcs run counter-clockwise in this format: a clockwise one is written from its end."""
    circle = arc.circle
    if circle is None:
        return {"type": "Line3D", "start_point": _flat(arc.start), "end_point": _flat(arc.end)}
    center, radius = circle
    start, end = (arc.start, arc.end) if arc.sweep > 0 else (arc.end, arc.start)
    x, y = (start[0] - center[0]) / radius, (start[1] - center[1]) / radius
    length = math.hypot(x, y)
    return {
        "type": "Arc3D",
        "start_point": _flat(start),
        "end_point": _flat(end),
        "center_point": _flat(center),
        "radius": radius / 1000,
        "normal": normal,
        "start_angle": 0.0,
        "end_angle": abs(arc.sweep),
        "reference_vector": {"x": x / length, "y": y / length, "z": 0.0},
    }


def _flat(point: Vec2) -> dict[str, float]:
    return {"x": point[0] / 1000, "y": point[1] / 1000, "z": 0.0}


def _metres(point: Vec3) -> dict[str, float]:
    return {"x": point[0] / 1000, "y": point[1] / 1000, "z": point[2] / 1000}
