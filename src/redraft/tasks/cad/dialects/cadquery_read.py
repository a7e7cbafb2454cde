"""CadQuery text to a program, by its syntax tree alone: the fluent chains of extrusions that people write.

Read: Workplane on named planes or a cq.Plane; the drawing, pattern and extrusion calls of `METHODS`; union, cut,
intersect; numbers, names and arithmetic. Everything else (selectors, fillets, revolutions, loops, functions) is a
Refusal that names the call, its line and what to write instead.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.arguments import Arguments, bind
from redraft.tasks.cad.dialects.bodies import Body, exact_plane, prism
from redraft.tasks.cad.dialects.cadquery_pen import Pen
from redraft.tasks.cad.dialects.limits import MAX_COPIES
from redraft.tasks.cad.dialects.planes import CADQUERY_PLANES, WORLD
from redraft.tasks.cad.dialects.shapes import centred_rectangle, rectangle, regular_polygon, slot
from redraft.tasks.cad.dialects.syntax import CONSTANTS, MATHS, Source, parse, shorten
from redraft.tasks.cad.program.normalise import tidy
from redraft.tasks.cad.program.types import Circle, Extent, Loop, Plane, Profile, Program, Sketch, Vec2

MODULES = ("cq", "cadquery")
RESULTS = ("result", "part")


def read_cadquery(text: str | bytes, *, where: str = "") -> Program:
    """Reads CadQuery text. The part is what `show_object` shows, else `result`, else the last body assigned."""
    reader = _Reader(parse(text, where))
    for statement in reader.source.tree.body:
        reader.statement(statement)
    body = reader.result()
    with reader.source.at(reader.source.tree):
        return tidy(body.program())


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.shown: Body | None = None
        self.last: Body | None = None

    def statement(self, node: ast.stmt) -> None:
        source = self.source
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
            return
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            self._assign(node.targets[0], node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign(node.target, node.value)
        elif isinstance(node, ast.AugAssign):
            value = ast.copy_location(
                ast.BinOp(ast.copy_location(ast.Name(shorten(node.target)), node), node.op, node.value), node
            )
            self._assign(node.target, value)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self._shown(node.value)
        else:
            raise source.refusal(
                node, f"the statement '{shorten(node)}'", "Use assignments of chains that start with cq.Workplane"
            )

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for inner, part in zip(target.elts, value.elts, strict=True):
                self._assign(inner, part)
            return
        if not isinstance(target, ast.Name):
            raise self.source.refusal(target, f"an assignment to '{shorten(target)}'", "Assign to a plain name")
        found = self.value(value)
        if isinstance(found, Pen) and found.body is not None:
            found = replace(found, body=replace(found.body, fresh=False))
            self.last = found.body
        self.source.names[target.id] = found

    def _shown(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "show_object" and node.args:
            found = self.value(node.args[0])
            if not isinstance(found, Pen) or found.body is None or self.shown is not None:
                raise self.source.refusal(node, "show_object of this", "Show one solid")
            self.shown = found.body
            return
        raise self.source.refusal(node, f"the call '{shorten(node)}'", "Remove it, or assign it to a name")

    def result(self) -> Body:
        for name in RESULTS:
            found = self.source.names.get(name)
            if self.shown is None and isinstance(found, Pen) and found.body is not None:
                return found.body
        body = self.shown or self.last
        if body is None:
            raise Refusal(
                "no solid in the text", where=self.source.where, remedy="Assign an extruded body to 'result'"
            )
        return body

    def value(self, node: ast.expr) -> Any:
        """A Pen for a chain, else a plain value."""
        if isinstance(node, ast.Name):
            return self.source.value(node)
        if isinstance(node, ast.Call | ast.Attribute) and not self._mathematical(node):
            return self._chain(node)
        if isinstance(node, ast.BinOp) and any(self._solid(side) for side in (node.left, node.right)):
            raise self.source.refusal(node, "an operator between solids", "Write .union(), .cut() or .intersect()")
        return self.source.value(node)

    def _solid(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and isinstance(self.source.names.get(node.id), Pen)

    def _mathematical(self, node: ast.expr) -> bool:
        function = node.func if isinstance(node, ast.Call) else node
        if isinstance(function, ast.Name):
            return function.id not in ("Workplane", "Plane")
        return (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and (function.value.id in MATHS or (function.value.id, function.attr) in CONSTANTS)
        )

    def _chain(self, node: ast.expr) -> Any:
        source = self.source
        root, links = source.chain(node)
        if isinstance(root, ast.Call):
            links = [(root.func.id if isinstance(root.func, ast.Name) else "", root), *links]
        elif isinstance(root, ast.Name) and root.id not in MODULES:
            found = source.value(root)
            if not isinstance(found, Pen):
                raise source.refusal(node, f"'{shorten(node)}'", "Call methods of workplanes alone")
            return self._linked(found, links)
        elif not isinstance(root, ast.Name):
            raise source.refusal(node, f"'{shorten(node)}'", "Start with cq.Workplane")
        name, first = links[0]
        if name == "Workplane" and isinstance(first, ast.Call):
            return self._linked(Pen(self._workplane(first)), links[1:])
        if name == "Plane":
            return self._plane(links, node)
        raise source.refusal(
            node, f"'{shorten(first)}'", "Use cq.Workplane and cq.Plane; nothing else of cadquery is read"
        )

    def _linked(self, pen: Pen, links: list[tuple[str, Any]]) -> Pen:
        for name, node in links:
            method = METHODS.get(name)
            if method is None or not isinstance(node, ast.Call):
                remedy = _REMEDIES.get(name, "docs/dialects.md lists the calls that are read")
                raise self.source.refusal(node, f"the call .{name}()", remedy)
            signature, act = method
            values = bind(self.source, node, signature, self.value)
            with self.source.at(node):
                pen = act(pen, Arguments(values))
        return pen

    def _workplane(self, node: ast.Call) -> Plane:
        values = bind(self.source, node, "inPlane? origin?", self.value)
        base = values.get("inPlane", "XY")
        with self.source.at(node):
            if isinstance(base, str):
                if base not in CADQUERY_PLANES:
                    raise Refusal(f"the plane {base[:20]!r}", remedy=f"Use one of {', '.join(CADQUERY_PLANES)}")
                base = CADQUERY_PLANES[base]
            elif not isinstance(base, Plane):
                raise Refusal("a workplane on something else", remedy='Use "XY" or a cq.Plane', code="refused")
            if "origin" in values:
                x, y, z = Arguments(values).point("origin", 3)
                base = replace(base, origin=(x, y, z))
            return base

    def _plane(self, links: list[tuple[str, Any]], node: ast.expr) -> Plane:
        source = self.source
        name, call = links[-1]
        if len(links) == 2 and name == "named" and isinstance(call, ast.Call):
            return self._workplane(call)
        if len(links) == 2 and name in CADQUERY_PLANES and isinstance(call, ast.Call):
            values = bind(source, call, "origin?", self.value)
            with source.at(call):
                origin = Arguments(values).point("origin", 3) if values else (0.0, 0.0, 0.0)
                return replace(CADQUERY_PLANES[name], origin=origin)
        if len(links) != 1 or not isinstance(call, ast.Call):
            raise source.refusal(node, f"'{shorten(node)}'", "Write cq.Plane(origin, xDir, normal)")
        values = bind(source, call, "origin? xDir? normal?", self.value)
        with source.at(call):
            given = Arguments(values)
            origin = given.point("origin", 3) if "origin" in values else (0.0, 0.0, 0.0)
            normal = given.point("normal", 3) if "normal" in values else WORLD.normal
            if values.get("xDir") is None:
                raise Refusal(
                    "a plane without xDir", remedy="Write cq.Plane(origin, xDir, normal)", code="refused"
                )
            return exact_plane(origin, normal, given.point("xDir", 3))


def _rect(pen: Pen, a: Arguments) -> Pen:
    a.never("forConstruction")
    width, height, (cx, cy) = a.number("xLen"), a.number("yLen"), a.centred(2)

    def shape(at: Vec2) -> Loop:
        if cx and cy:
            return centred_rectangle(width, height, at)
        return rectangle(width, height, (at[0] - width / 2 * cx, at[1] - height / 2 * cy))

    return pen.stamp(shape, "rect")


def _circle(pen: Pen, a: Arguments) -> Pen:
    a.never("forConstruction")
    return pen.stamp(lambda at: Loop((Circle(at, a.number("radius")),)), "circle")


def _slot(pen: Pen, a: Arguments) -> Pen:
    return pen.stamp(lambda at: slot(a.number("length"), a.number("diameter"), at, a.number("angle", 0)), "slot2D")


def _polygon(pen: Pen, a: Arguments) -> Pen:
    a.never("forConstruction", "circumscribed")
    return pen.stamp(lambda at: regular_polygon(a.count("nSides"), a.number("diameter") / 2, at), "polygon")


def _rarray(pen: Pen, a: Arguments) -> Pen:
    nx, ny, dx, dy = a.count("xCount"), a.count("yCount"), a.number("xSpacing"), a.number("ySpacing")
    if nx * ny > MAX_COPIES:
        raise Refusal(f"{nx * ny} copies", remedy=f"Use up to {MAX_COPIES}", code="limit")
    shift = ((nx - 1) * dx / 2, (ny - 1) * dy / 2) if a.flag("center", True) else (0.0, 0.0)
    return pen.push([(i * dx - shift[0], j * dy - shift[1]) for i in range(nx) for j in range(ny)])


def _extrude(pen: Pen, a: Arguments) -> Pen:
    a.never("taper")
    how = a.values.get("combine", True)
    known = {True: "join", "a": "join", False: "alone", "cut": "cut", "s": "cut"}
    if not isinstance(how, bool | str) or how not in known:
        raise Refusal(f"combine={how!r}", remedy="Use True, False or 'cut'", code="refused")
    return pen.combined(pen.prism(a.number("until"), a.flag("both")), known[how])


def _cut_blind(pen: Pen, a: Arguments) -> Pen:
    a.never("taper")
    return pen.combined(pen.prism(a.number("until"), a.flag("both")), "cut")


def _cut_through(pen: Pen, a: Arguments) -> Pen:
    a.never("taper")
    return pen.combined(pen.prism(pen.through_all(), True), "cut")


def _solid(pen: Pen, shape: Callable[[Vec2], Loop], height: float, centred: bool, a: Arguments) -> Pen:
    """Box and cylinder: a prism at every point, centred about the plane or standing on it."""
    if height <= 0:
        raise Refusal(f"a height of {height:g} mm", remedy="Give one above 0")
    loops = pen.stamp(shape, "box").wires[len(pen.wires) :]
    sketch = Sketch(pen.plane, tuple(Profile(loop) for loop in loops))
    tool = prism((sketch,), Extent.SYMMETRIC, height / 2) if centred else prism((sketch,), Extent.ONE, height)
    return pen.combined(tool, "join" if a.flag("combine", True) else "alone")


def _box(pen: Pen, a: Arguments) -> Pen:
    length, width, (cx, cy, cz) = a.number("length"), a.number("width"), a.centred(3)

    def shape(at: Vec2) -> Loop:
        if cx and cy:
            return centred_rectangle(length, width, at)
        return rectangle(length, width, (at[0] - length / 2 * cx, at[1] - width / 2 * cy))

    return _solid(pen, shape, a.number("height"), cz, a)


def _cylinder(pen: Pen, a: Arguments) -> Pen:
    cx, cy, cz = a.centred(3)
    radius = a.number("radius")

    def shape(at: Vec2) -> Loop:
        return Loop((Circle((at[0] + radius * (not cx), at[1] + radius * (not cy)), radius),))

    return _solid(pen, shape, a.number("height"), cz, a)


def _boolean(name: str) -> Callable[[Pen, Arguments], Pen]:
    def act(pen: Pen, a: Arguments) -> Pen:
        other = a.values[f"to{name.capitalize()}"]
        return pen.boolean(name, other.body if isinstance(other, Pen) else None)

    return act


def _line(pen: Pen, a: Arguments) -> Pen:
    return pen.line_to(pen.at[0] + a.number("xDist", 0), pen.at[1] + a.number("yDist", 0))


METHODS: dict[str, tuple[str, Callable[[Pen, Arguments], Pen]]] = {
    "moveTo": ("x? y?", lambda pen, a: pen.move_to(a.number("x", 0), a.number("y", 0))),
    "move": (
        "xDist? yDist?",
        lambda pen, a: pen.move_to(pen.at[0] + a.number("xDist", 0), pen.at[1] + a.number("yDist", 0)),
    ),
    "lineTo": ("x y", lambda pen, a: pen.line_to(a.number("x"), a.number("y"))),
    "line": ("xDist yDist", _line),
    "hLine": ("xDist", _line),
    "vLine": ("yDist", _line),
    "hLineTo": ("xCoord", lambda pen, a: pen.line_to(a.number("xCoord"), pen.at[1])),
    "vLineTo": ("yCoord", lambda pen, a: pen.line_to(pen.at[0], a.number("yCoord"))),
    "polyline": (
        "listOfXYTuple forConstruction? includeCurrent?",
        lambda pen, a: pen.polyline(a.points("listOfXYTuple"), a.flag("includeCurrent")),
    ),
    "threePointArc": ("point1 point2", lambda pen, a: pen.arc_to(a.point("point1"), a.point("point2"))),
    "close": ("", lambda pen, a: pen.close()),
    "rect": ("xLen yLen centered? forConstruction?", _rect),
    "circle": ("radius forConstruction?", _circle),
    "slot2D": ("length diameter angle?", _slot),
    "polygon": ("nSides diameter forConstruction? circumscribed?", _polygon),
    "center": ("x y", lambda pen, a: pen.center(a.number("x"), a.number("y"))),
    "pushPoints": ("pntList", lambda pen, a: pen.push(a.points("pntList"))),
    "rarray": ("xSpacing ySpacing xCount yCount center?", _rarray),
    "workplane": ("offset?", lambda pen, a: pen.offset(a.number("offset", 0))),
    "box": ("length width height centered? combine? clean?", _box),
    "cylinder": ("height radius centered? combine? clean?", _cylinder),
    "extrude": ("until combine? clean? both? taper?", _extrude),
    "cutBlind": ("until clean? both? taper?", _cut_blind),
    "cutThruAll": ("clean? taper?", _cut_through),
    "union": ("toUnion clean? glue? tol?", _boolean("union")),
    "cut": ("toCut clean? tol?", _boolean("cut")),
    "intersect": ("toIntersect clean? tol?", _boolean("intersect")),
    "translate": ("vec", lambda pen, a: pen.translated(*a.point("vec", 3))),
    "clean": ("", lambda pen, a: pen),
}
"""Name to its parameters and what it does."""

_PLAIN = "The typed program has no such feature: leave it out, or model it by extrusions"
_REMEDIES = {
    **dict.fromkeys(("fillet", "chamfer", "shell", "revolve", "loft", "sweep", "twistExtrude", "sphere"), _PLAIN),
    **dict.fromkeys(
        ("faces", "edges", "vertices", "wires", "solids", "tag", "workplaneFromTagged"),
        "Selectors are not read: name the plane by cq.Workplane(cq.Plane(origin=..., xDir=..., normal=...))",
    ),
    "hole": "Write .moveTo(x, y).circle(diameter / 2).cutThruAll()",
    "spline": "Use lines and threePointArc",
}
