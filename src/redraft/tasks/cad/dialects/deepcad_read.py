"""DeepCAD construction JSON (arXiv 2105.09492, after the Fusion 360 Gallery's format) to a program.

The traps of real files are dealt with here: metres; `is_outer` says nothing; points are sketch-local, normals of
curves are not; curves point either way; arcs are checked against their end points; new bodies are fused; the
written box is of another document now and then. `read_deepcad` also returns what a reader of the program
would not see: the written box, sketches nobody uses, repairs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.chain import chain
from redraft.tasks.cad.dialects.deepcad_curves import Place, read_curve
from redraft.tasks.cad.dialects.limits import MAX_JSON, checked_text, located
from redraft.tasks.cad.program.nesting import profiles_of
from redraft.tasks.cad.program.normalise import tidy
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

OPERATIONS = {
    "NewBodyFeatureOperation": Operation.NEW,
    "JoinFeatureOperation": Operation.JOIN,
    "CutFeatureOperation": Operation.CUT,
    "IntersectFeatureOperation": Operation.INTERSECT,
}
EXTENTS = {
    "OneSideFeatureExtentType": Extent.ONE,
    "SymmetricFeatureExtentType": Extent.SYMMETRIC,
    "TwoSidesFeatureExtentType": Extent.TWO,
}
SCHEMA = "A DeepCAD history has the keys 'entities' and 'sequence'; docs/dialects.md shows one"


@dataclass(frozen=True, slots=True)
class History:
    """A program with what its JSON said besides.

    box: `properties.bounding_box` in mm, lower and upper corner, or None; it may be of a larger document than the
    part. notes: one sentence for everything repaired, left out or fused.
    """

    program: Program
    box: tuple[Vec3, Vec3] | None
    notes: tuple[str, ...]


def read_deepcad(text: str | bytes, *, where: str = "") -> History:
    """Reads a DeepCAD JSON. Anything it cannot mean is a Refusal with its path in the document."""
    data = load_json(text, where)
    with located(where):
        return _history(data)


def load_json(text: str | bytes, where: str = "") -> Any:
    """JSON data within the size cap, without NaN or Infinity."""
    checked = checked_text(text, MAX_JSON, where)

    def refuse(name: str) -> Any:
        raise Refusal(f"the JSON holds {name}", where=where, remedy="Give finite numbers")

    try:
        return json.loads(checked, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise Refusal(
            f"not JSON ({error.msg}, column {error.colno})",
            where=f"{where}, line {error.lineno}" if where else f"line {error.lineno}",
            remedy="Give a whole DeepCAD JSON file",
        ) from None
    except (RecursionError, ValueError) as error:
        raise Refusal(
            f"JSON beyond what is read ({type(error).__name__})",
            where=where,
            remedy="Give a DeepCAD JSON without deep nesting or huge numbers",
            code="limit",
        ) from None


def _history(data: Any) -> History:
    if not isinstance(data, dict) or not isinstance(data.get("entities"), dict):
        raise Refusal("JSON of another schema, not a DeepCAD history", remedy=SCHEMA)
    entities = data["entities"]
    if not isinstance(data.get("sequence"), list):
        raise Refusal("JSON of another schema: 'sequence' is not a list", remedy=SCHEMA)
    notes: list[str] = []
    steps: list[Extrude] = []
    drawn: set[str] = set()
    used: set[tuple[str, str]] = set()
    for number, item in enumerate(data["sequence"]):
        path = f"sequence[{number}]"
        kind, name = text_at(item, "type", path), text_at(item, "entity", path)
        entity = mapping(entities.get(name), f"entities.{name}")
        if kind == "Sketch":
            drawn.add(name)
        elif kind == "ExtrudeFeature":
            if len(steps) >= MAX_EXTRUSIONS:
                raise Refusal(f"more than {MAX_EXTRUSIONS} extrusions", remedy="Split the part", code="limit")
            steps.append(_extrusion(entity, f"entities.{name}", entities, used, notes, bool(steps)))
        else:
            raise Refusal(
                f"a feature of type {kind!r}",
                where=path,
                remedy="DeepCAD histories hold Sketch and ExtrudeFeature alone",
                code="refused",
            )
    notes += [f"sketch {name} is drawn and never used" for name in sorted(drawn - {s for s, _ in used})]
    return History(tidy(Program(tuple(steps))), _box(data), tuple(notes))


def _extrusion(
    entity: Mapping[str, Any],
    path: str,
    entities: Mapping[str, Any],
    used: set[tuple[str, str]],
    notes: list[str],
    follows: bool,
) -> Extrude:
    operation = choice(entity, "operation", OPERATIONS, path)
    extent = choice(entity, "extent_type", EXTENTS, path)
    one = _distance(entity, "extent_one", path)
    two = _distance(entity, "extent_two", path) if extent is Extent.TWO else 0.0
    start = entity.get("start_extent")
    if (
        isinstance(start, dict)
        and start.get("type", "ProfilePlaneStartDefinition") != "ProfilePlaneStartDefinition"
    ):
        raise Refusal(
            f"an extrusion that starts at a {start['type']!r}",
            where=f"{path}.start_extent",
            remedy="Sketch on the plane where the extrusion starts",
            code="refused",
        )
    if operation is Operation.NEW and follows:
        notes.append(f"{path} makes a new body, which is fused with the body so far")
    members = entity.get("profiles")
    if not isinstance(members, list) or not members:
        raise Refusal("an extrusion without profiles", where=path, remedy="Name at least one profile")
    sketches: dict[str, tuple[Plane, list[Profile]]] = {}
    for number, member in enumerate(members):
        here = f"{path}.profiles[{number}]"
        sketch, profile = text_at(member, "sketch", here), text_at(member, "profile", here)
        used.add((sketch, profile))
        body = mapping(entities.get(sketch), f"entities.{sketch}")
        if sketch not in sketches:
            sketches[sketch] = (_plane(body, f"entities.{sketch}"), [])
        frame, profiles = sketches[sketch]
        inner = f"entities.{sketch}.profiles.{profile}"
        drawn = mapping(mapping(body.get("profiles"), f"entities.{sketch}.profiles").get(profile), inner)
        profiles.extend(_profiles(drawn, inner, frame, notes))
    with located(path):
        return Extrude(tuple(Sketch(f, tuple(p)) for f, p in sketches.values()), operation, extent, one, two)


def _profiles(data: Mapping[str, Any], path: str, frame: Plane, notes: list[str]) -> tuple[Profile, ...]:
    loops = data.get("loops")
    if not isinstance(loops, list) or not loops:
        raise Refusal("a profile without loops", where=path, remedy="Give it a closed loop")
    read = []
    for number, loop in enumerate(loops):
        here = f"{path}.loops[{number}]"
        curves = mapping(loop, here).get("profile_curves")
        if not isinstance(curves, list) or not curves:
            raise Refusal("an empty loop", where=here, remedy="Give it curves, or remove it")
        found = [
            read_curve(mapping(curve, f"{here}.profile_curves[{i}]"), Place(f"{here}.profile_curves[{i}]", notes))
            for i, curve in enumerate(curves)
        ]
        whole = [curve for curve in found if curve is not None]
        with located(here):
            if not whole:
                raise Refusal("a loop of curves without length", remedy="Remove it")
            read.append(chain(whole))
    return profiles_of(read)


def _plane(sketch: Mapping[str, Any], path: str) -> Plane:
    here = f"{path}.transform"
    transform = mapping(sketch.get("transform"), here)
    origin = vector(transform, "origin", here)
    x_axis, y_axis, z_axis = (vector(transform, name, here) for name in ("x_axis", "y_axis", "z_axis"))
    with located(here):
        frame = plane((mm(origin[0]), mm(origin[1]), mm(origin[2])), z_axis, x_axis)
        if sum(a * b for a, b in zip(frame.y_axis, y_axis, strict=True)) < 0.999:
            raise Refusal(
                "a sketch's axes are not a right-handed frame of unit vectors",
                remedy="Give y_axis = z_axis x x_axis",
                code="refused",
            )
        return frame


def _distance(entity: Mapping[str, Any], side: str, path: str) -> float:
    here = f"{path}.{side}"
    extent = mapping(entity.get(side), here)
    taper = extent.get("taper_angle")
    if isinstance(taper, dict) and number_at(taper, "value", f"{here}.taper_angle") != 0:
        raise Refusal("a tapered extrusion", where=here, remedy="Use a taper angle of 0", code="refused")
    return mm(number_at(mapping(extent.get("distance"), f"{here}.distance"), "value", f"{here}.distance"))


def _box(data: Mapping[str, Any]) -> tuple[Vec3, Vec3] | None:
    """The written box, or None where there is none that makes sense: it takes no part in the program."""
    try:
        box = data["properties"]["bounding_box"]
        low, high = (
            (mm(float(p["x"])), mm(float(p["y"])), mm(float(p["z"]))) for p in (box["min_point"], box["max_point"])
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return (low, high) if all(math.isfinite(v) for v in (*low, *high)) else None


def mm(metres: float) -> float:
    """Millimetres from metres, to 1e-9 mm: the noise of the binary product (5.080000000000001) is rounded away."""
    return round(metres * 1000.0, 9) + 0.0


def mapping(value: Any, path: str) -> Mapping[str, Any]:
    """A JSON object, or a Refusal that says where one is missing."""
    if not isinstance(value, dict):
        found = "nothing" if value is None else f"a {type(value).__name__}"
        raise Refusal(f"{found} where an object belongs", where=path, remedy=SCHEMA)
    return value


def text_at(value: Any, key: str, path: str) -> str:
    found = mapping(value, path).get(key)
    if not isinstance(found, str):
        raise Refusal(f"no text at '{key}'", where=path, remedy=SCHEMA)
    return found


def number_at(value: Mapping[str, Any], key: str, path: str) -> float:
    """A finite number, or a Refusal."""
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Refusal(f"no number at '{key}'", where=path, remedy=SCHEMA)
    try:
        number = float(found)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refusal(f"the number at '{key}' is not finite", where=path, remedy="Give a finite number")
    return number


def vector(value: Mapping[str, Any], key: str, path: str) -> Vec3:
    here = f"{path}.{key}"
    found = mapping(value.get(key), here)
    return (number_at(found, "x", here), number_at(found, "y", here), number_at(found, "z", here))


def choice(entity: Mapping[str, Any], key: str, known: Mapping[str, Any], path: str) -> Any:
    """The meaning of a text among the known ones."""
    text = text_at(entity, key, path)
    if text not in known:
        raise Refusal(
            f"{key} {text!r} is not read", where=path, remedy=f"Use one of: {', '.join(known)}", code="refused"
        )
    return known[text]
