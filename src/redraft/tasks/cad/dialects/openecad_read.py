"""OpenECAD code to a program: calls of nine `add_` functions on named values, in millimetres.

Curves join the list made last, loops the list made before it, as the dialect's own interpreter has it; lists
that are written out, or filled by `append`, are read too. Reference planes are computed as docs/dialects.md says.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass, field
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.arguments import bind
from redraft.tasks.cad.dialects.chain import chain
from redraft.tasks.cad.dialects.syntax import Source, parse, shorten
from redraft.tasks.cad.program.nesting import profiles_of
from redraft.tasks.cad.program.normalise import tidy
from redraft.tasks.cad.program.types import (
    MAX_CURVES,
    MAX_EXTRUSIONS,
    Arc,
    Circle,
    Extent,
    Extrude,
    Line,
    Loop,
    Operation,
    Plane,
    Program,
    Sketch,
    Vec3,
    plane,
)

OPERATIONS = (Operation.NEW, Operation.JOIN, Operation.CUT, Operation.INTERSECT)
EXTENTS = (Extent.ONE, Extent.SYMMETRIC, Extent.TWO)
FUNCTIONS = {
    "add_line": "start end",
    "add_arc": "start end mid",
    "add_circle": "center radius",
    "add_loop": "curves",
    "add_profile": "loops",
    "add_sketchplane": "origin normal x_axis",
    "add_sketchplane_ref": "extrude origin type line? reverse? angle?",
    "add_sketch": "sketch_plane profile sketch_position? sketch_size?",
    "add_extrude": "sketch operation type extent_one extent_two?",
}
REMEDY = f"OpenECAD's functions are {', '.join(FUNCTIONS)}"


@dataclass
class Basket:
    """A list of the text, which fills as the text goes on. taken: a call has consumed it."""

    items: list[Any] = field(default_factory=list)
    taken: bool = False


@dataclass
class _State:
    baskets: list[Basket] = field(default_factory=list)
    steps: list[Extrude] = field(default_factory=list)
    curves: int = 0


def read_openecad(text: str | bytes, *, where: str = "") -> Program:
    """Reads OpenECAD code. Everything that is not one of its calls is a Refusal."""
    source = parse(text, where)
    state = _State()
    for statement in source.tree.body:
        _statement(source, state, statement)
    if not state.steps:
        raise Refusal("no add_extrude in the text", where=where, remedy="End every sketch with an add_extrude")
    with source.at(source.tree):
        return tidy(Program(tuple(state.steps)))


def _statement(source: Source, state: _State, node: ast.stmt) -> None:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        _assign(source, state, node.targets[0], node.value)
        return
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return
        if isinstance(node.value, ast.Call):
            _append(source, state, node.value) or _call(source, state, node.value)
            return
    raise source.refusal(
        node, f"the statement '{shorten(node)}'", "OpenECAD code is assignments of its calls alone"
    )


def _assign(source: Source, state: _State, target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for inner, part in zip(target.elts, value.elts, strict=True):
            _assign(source, state, inner, part)
        return
    if not isinstance(target, ast.Name):
        raise source.refusal(target, f"an assignment to '{shorten(target)}'", "Assign to a plain name")
    source.names[target.id] = _value(source, state, value)


def _value(source: Source, state: _State, node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("add_"):
        return _call(source, state, node)
    if isinstance(node, ast.List) and not node.elts:
        state.baskets.append(Basket())
        return state.baskets[-1]
    return source.value(node)


def _append(source: Source, state: _State, node: ast.Call) -> bool:
    """`Curves0.append(Line0)`: true where the call is one; a curve that is there already stays once."""
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "append"):
        return False
    basket = source.value(node.func.value)
    if not isinstance(basket, Basket) or len(node.args) != 1 or node.keywords:
        raise source.refusal(node, f"'{shorten(node)}'", "Append one value to a list made by []")
    item = _value(source, state, node.args[0])
    if not any(item is there for there in basket.items):
        basket.items.append(item)
    return True


def _call(source: Source, state: _State, node: ast.Call) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in FUNCTIONS:
        raise source.refusal(node, f"the unknown call '{shorten(node.func)}'", REMEDY)
    values = bind(source, node, FUNCTIONS[name], lambda inner: _value(source, state, inner))
    with source.at(node):
        if name in ("add_line", "add_arc", "add_circle"):
            return _curve(source, state, node, name, values)
        if name == "add_loop":
            return _loop(source, state, node, values["curves"])
        if name == "add_profile":
            loops = _items(source, node, values["loops"], Loop, "loops")
            return profiles_of(loops)
        if name == "add_sketchplane":
            return plane(*(_numbers(source, node, values[key], 3) for key in ("origin", "normal", "x_axis")))
        if name == "add_sketchplane_ref":
            return _reference(source, node, values)
        if name == "add_sketch":
            return _sketch(source, node, values)
        return _extrude(source, state, node, values)


def _curve(source: Source, state: _State, node: ast.Call, name: str, values: dict[str, Any]) -> Any:
    state.curves += 1
    if state.curves > MAX_CURVES:
        raise source.refusal(node, f"more than {MAX_CURVES} curves", "Simplify the part", "limit")
    curve: Any
    if name == "add_circle":
        curve = Circle(_numbers(source, node, values["center"], 2), _number(source, node, values["radius"]))
    else:
        start, end = (_numbers(source, node, values[key], 2) for key in ("start", "end"))
        curve = (
            Line(start, end) if name == "add_line" else Arc(start, _numbers(source, node, values["mid"], 2), end)
        )
    if state.baskets and not state.baskets[-1].taken:
        state.baskets[-1].items.append(curve)
    return curve


def _loop(source: Source, state: _State, node: ast.Call, curves: Any) -> Loop:
    loop = chain(_items(source, node, curves, Line | Arc | Circle, "curves"))
    for basket in reversed(state.baskets):
        if not basket.taken and basket is not curves:
            basket.items.append(loop)
            break
    return loop


def _items(source: Source, node: ast.Call, value: Any, kind: Any, what: str) -> list[Any]:
    if isinstance(value, Basket):
        value.taken = True
        items = value.items
    else:
        items = list(value) if isinstance(value, tuple) else [value]
    if not items:
        raise source.refusal(node, f"a list without {what}", f"Put {what} before it", "parse")
    if not all(isinstance(item, kind) for item in items):
        raise source.refusal(node, f"something else among the {what}", f"Put {what} alone into this list")
    return items


def _reference(source: Source, node: ast.Call, values: dict[str, Any]) -> Plane:
    """A plane by an earlier extrusion, as OpenECAD's converter defines it.

    The reference frame is the extrusion's sketch plane, moved along its normal by extent_one ("extent_one") or
    against it by extent_two ("extent_two"); for "line" its x axis runs along the line, its y axis along the old
    normal, its origin is the line's start. origin is in that frame; angle turns the x axis about the frame's
    normal, counter-clockwise; reverse turns the normal round, last.
    """
    step = values["extrude"]
    if not isinstance(step, Extrude):
        raise source.refusal(node, "a reference to something that is no extrusion", "Name an earlier add_extrude")
    base = step.sketches[0].plane
    kind, line = values["type"], values.get("line")
    if kind == "line":
        if not isinstance(line, Line):
            raise source.refusal(
                node, "a plane on a line without a line", "Give line= an add_line of that extrusion"
            )
        start, end = base.point(line.start), base.point(line.end)
        along = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
        length = math.hypot(*along)
        x = (along[0] / length, along[1] / length, along[2] / length)
        frame = Plane(start, _cross(x, base.normal), x)
    elif kind in ("sameplane", "extent_one", "extent_two"):
        shift = {"sameplane": 0.0, "extent_one": step.one, "extent_two": -step.two}[kind]
        (a, b, c), (x0, y0, z0) = base.normal, base.origin
        frame = Plane((x0 + shift * a, y0 + shift * b, z0 + shift * c), base.normal, base.x_axis)
    else:
        raise source.refusal(
            node, f"a plane of type {kind!r}", "Types are sameplane, extent_one, extent_two and line"
        )
    angle = _number(source, node, values.get("angle") or 0.0)
    u, v = frame.x_axis, frame.y_axis
    cos, sin = _turned(angle)
    x_axis = (u[0] * cos + v[0] * sin, u[1] * cos + v[1] * sin, u[2] * cos + v[2] * sin)
    a, b, c = frame.normal
    normal = (-a, -b, -c) if values.get("reverse") else frame.normal
    return plane(frame.point(_numbers(source, node, values["origin"], 2)), normal, x_axis)


def _turned(angle: float) -> tuple[float, float]:
    """Cosine and sine, exact at whole quarter turns."""
    quarter = round(angle / (math.pi / 2))
    if abs(angle - quarter * math.pi / 2) < 1e-9:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarter % 4]
    return math.cos(angle), math.sin(angle)


def _cross(a: Vec3, b: Vec3) -> Vec3:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _sketch(source: Source, node: ast.Call, values: dict[str, Any]) -> Sketch:
    frame, profiles = values["sketch_plane"], values["profile"]
    if not isinstance(frame, Plane):
        raise source.refusal(node, "a sketch on something that is no plane", "Give it an add_sketchplane")
    if not isinstance(profiles, tuple) or not profiles or not all(hasattr(p, "outer") for p in profiles):
        raise source.refusal(node, "a sketch of something that is no profile", "Give it an add_profile")
    position = values.get("sketch_position")
    if position is not None and any(_numbers(source, node, position, len(position) if position else 0)):
        raise source.refusal(node, "a sketch_position", "Put the position into the plane's origin")
    return Sketch(frame, profiles)


def _extrude(source: Source, state: _State, node: ast.Call, values: dict[str, Any]) -> Extrude:
    if len(state.steps) >= MAX_EXTRUSIONS:
        raise source.refusal(node, f"more than {MAX_EXTRUSIONS} extrusions", "Split the part", "limit")
    sketch = values["sketch"]
    if not isinstance(sketch, Sketch):
        raise source.refusal(node, "an extrusion of something that is no sketch", "Give it an add_sketch")
    operation = _one_of(source, node, values["operation"], OPERATIONS, "operation")
    extent = _one_of(source, node, values["type"], EXTENTS, "type")
    one = _number(source, node, values["extent_one"])
    two = _number(source, node, values.get("extent_two") or 0.0)
    step = Extrude((sketch,), operation, extent, one, two)
    state.steps.append(step)
    return step


def _one_of(source: Source, node: ast.Call, value: Any, known: tuple[Any, ...], name: str) -> Any:
    if isinstance(value, bool) or value not in range(len(known)):
        meanings = ", ".join(f"{i} {member.value}" for i, member in enumerate(known))
        raise source.refusal(node, f"{name} {str(value)[:20]}", f"Use one of: {meanings}")
    return known[int(value)]


def _number(source: Source, node: ast.Call, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise source.refusal(node, "something else where a number belongs", "Write a number in millimetres")
    return float(value)


def _numbers(source: Source, node: ast.Call, value: Any, count: int) -> Any:
    if not isinstance(value, tuple) or len(value) != count:
        raise source.refusal(
            node, "something else where a point or vector belongs", f"Write {count} numbers in brackets"
        )
    return tuple(_number(source, node, part) for part in value)
