"""build123d text to a program, by its syntax tree alone: builder mode, and simple algebra mode.

Builder mode: `with BuildPart`, `BuildSketch`, `BuildLine`, `Locations`, `GridLocations`, and the objects and
operations of build123d_objects. Algebra: extrude(sketch, amount), `Plane * sketch`, `Pos() * object`, + - &.
Everything else is a Refusal that names the construct, its line and what to write instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.arguments import Arguments, bind
from redraft.tasks.cad.dialects.bodies import Body, compose, cut, intersect, moved, union
from redraft.tasks.cad.dialects.build123d_builder import Builder
from redraft.tasks.cad.dialects.build123d_objects import (
    MODES,
    OBJECTS,
    PATTERNS,
    REMEDIES,
    Edges,
    Mode,
    Namespace,
    faces_of,
    frames,
    location,
    plane_call,
    prisms,
)
from redraft.tasks.cad.dialects.flats import Flat, added, placed, subtracted
from redraft.tasks.cad.dialects.planes import BUILD123D_PLANES, WORLD
from redraft.tasks.cad.dialects.syntax import Source, parse, shorten
from redraft.tasks.cad.program.normalise import tidy
from redraft.tasks.cad.program.types import Plane, Program

RESULTS = ("result", "part")
BUILDERS = ("BuildPart", "BuildSketch", "BuildLine")


def read_build123d(text: str | bytes, *, where: str = "") -> Program:
    """Reads build123d text. The part is `result`, else `part`, else the last body made."""
    reader = _Reader(parse(text, where))
    reader.block(reader.source.tree.body)
    body = reader.result()
    with reader.source.at(reader.source.tree):
        return tidy(body.program())


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.open: list[Builder] = []
        self.last: Body | None = None

    def block(self, statements: list[ast.stmt]) -> None:
        for node in statements:
            self._statement(node)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
            return
        if isinstance(node, ast.With) and len(node.items) >= 1:
            self._with(node, list(node.items))
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            self._assign(node.targets[0], self.value(node.value))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign(node.target, self.value(node.value))
        elif isinstance(node, ast.AugAssign):
            self._assign(node.target, self._operated(node, node.op, self.value(node.target), node.value))
        elif isinstance(node, ast.Expr):
            if not isinstance(node.value, ast.Constant):
                self._expression(node.value)
        else:
            raise self.source.refusal(
                node, f"the statement '{shorten(node)}'", "Use with-blocks, assignments and calls of build123d"
            )

    def _assign(self, target: ast.expr, found: Any) -> None:
        if isinstance(target, ast.Tuple) and isinstance(found, tuple) and len(target.elts) == len(found):
            for inner, part in zip(target.elts, found, strict=True):
                self._assign(inner, part)
            return
        if not isinstance(target, ast.Name):
            raise self.source.refusal(target, f"an assignment to '{shorten(target)}'", "Assign to a plain name")
        if isinstance(found, Body):
            found = self.last = replace(found, fresh=False)
        self.source.names[target.id] = found

    def _expression(self, node: ast.expr) -> None:
        if self.open and isinstance(node, ast.Call):
            self.value(node)
            return
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("show", "show_object")
        ):
            return
        raise self.source.refusal(node, f"the expression '{shorten(node)}'", "Remove it, or assign it to a name")

    def result(self) -> Body:
        for name in RESULTS:
            found = self.source.names.get(name)
            body = found.body if isinstance(found, Builder) else found
            if isinstance(body, Body):
                return body
        if self.last is None:
            raise Refusal(
                "no solid in the text", where=self.source.where, remedy="Extrude a sketch in a BuildPart"
            )
        return self.last

    # builder mode

    def _with(self, node: ast.With, items: list[ast.withitem]) -> None:
        if not items:
            self.block(node.body)
            return
        item, call = items[0], items[0].context_expr
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise self.source.refusal(node, f"with '{shorten(call)}'", "Use BuildPart, BuildSketch, BuildLine")
        name = call.func.id
        if name in PATTERNS:
            with self._placing(call, name):
                self._with(node, items[1:])
            return
        if name not in BUILDERS:
            raise self.source.refusal(call, f"with {name}", f"Use {', '.join((*BUILDERS, *PATTERNS))}")
        builder = self._builder(call, name)
        if isinstance(item.optional_vars, ast.Name):
            self.source.names[item.optional_vars.id] = builder
        self.open.append(builder)
        self._with(node, items[1:])
        self.open.pop()
        with self.source.at(call):
            builder.close(self.open[-1] if self.open else None)
        if builder.kind == "BuildPart" and not self.open:
            self.last = builder.body

    def _builder(self, call: ast.Call, name: str) -> Builder:
        values = bind(self.source, call, "placement? mode?", self.value)
        frame = values.get("placement", WORLD)
        with self.source.at(call):
            if isinstance(frame, str) or not isinstance(frame, Plane):
                raise Refusal(f"{name} on something else", remedy="Give it a Plane", code="refused")
            if name != "BuildSketch" and frame != WORLD:
                raise Refusal(f"{name} on a plane", remedy="Give the plane to its BuildSketch", code="refused")
            mode = values.get("mode", Mode.ADD)
            if not isinstance(mode, Mode):
                raise Refusal(f"{name} in a mode unknown", remedy=f"Use {', '.join(MODES)}", code="refused")
            if self.open and self.open[-1].places and name != "BuildLine":
                raise Refusal(f"{name} inside Locations", remedy="Give it the plane itself", code="refused")
            return Builder(name, frame, mode)

    @contextmanager
    def _placing(self, call: ast.Call, name: str) -> Iterator[None]:
        if not self.open:
            raise self.source.refusal(call, f"{name} outside a builder", "Open a BuildPart or BuildSketch first")
        builder = self.open[-1]
        signature, act = PATTERNS[name]
        values = (
            {"places": tuple(self.value(argument) for argument in call.args)}
            if not signature and not call.keywords
            else bind(self.source, call, signature, self.value)
        )
        with self.source.at(call):
            found = frames(act(Arguments(values)), builder.places[-1] if builder.places else (WORLD,))
        builder.places.append(found)
        yield
        builder.places.pop()

    # values

    def value(self, node: ast.expr) -> Any:
        """A Body, a Flat, Edges, a Plane (also for locations), a Mode, or a plain value."""
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.BinOp):
            left = self.value(node.left)
            if isinstance(left, Body | Flat | Plane):
                return self._operated(node, node.op, left, node.right)
            return self.source.value(node)
        if isinstance(node, ast.List | ast.Tuple):
            return self._listed(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node, node.func.id)
        return self.source.value(node)

    def _listed(self, node: ast.List | ast.Tuple) -> Any:
        items: list[Any] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                found = self.value(element.value)
                items += list(found) if isinstance(found, tuple) else [found]
            else:
                items.append(self.value(element))
        return tuple(items)

    def _attribute(self, node: ast.Attribute) -> Any:
        root, name = node.value, node.attr
        if isinstance(root, ast.Name) and root.id == "Plane" and name in BUILD123D_PLANES:
            return BUILD123D_PLANES[name]
        if isinstance(root, ast.Name) and root.id == "Mode" and name in MODES:
            return MODES[name]
        if isinstance(root, ast.Name) and root.id == "Align":
            return Namespace("Align", name)
        if isinstance(root, ast.Name) and isinstance(builder := self.source.names.get(root.id), Builder):
            found = {"part": builder.body, "sketch": builder.flat, "line": builder.edges}.get(name)
            if found is not None:
                return found
        return self.source.value(node)

    def _call(self, node: ast.Call, name: str) -> Any:
        if name == "Plane":
            values = bind(self.source, node, "origin? x_dir? z_dir?", self.value)
            with self.source.at(node):
                return plane_call(Arguments(values))
        if name in ("Pos", "Location"):
            with self.source.at(node):
                values = bind(self.source, node, "X? Y? Z?", self.value)
                return location(Arguments(values))
        if name in ("extrude", "make_face", "add"):
            return self._operation(node, name)
        if name in OBJECTS:
            return self._object(node, name)
        if name in REMEDIES or name[:1].isupper():
            remedy = REMEDIES.get(name, "docs/dialects.md lists the objects and operations that are read")
            raise self.source.refusal(node, f"the call {name}()", remedy)
        return self.source.value(node)

    def _object(self, node: ast.Call, name: str) -> Any:
        signature, act = OBJECTS[name]
        values = (
            {"pts": tuple(self.value(argument) for argument in node.args)}
            | {k.arg: self.value(k.value) for k in node.keywords if k.arg in ("close", "mode")}
            if signature == "*"
            else bind(self.source, node, f"{signature} mode?", self.value)
        )
        if signature == "*" and any(k.arg not in ("close", "mode") for k in node.keywords):
            raise self.source.refusal(node, f"{name} with other options", "Give it points alone")
        with self.source.at(node):
            mode = values.pop("mode", Mode.ADD)
            if not isinstance(mode, Mode):
                raise Refusal("a mode unknown", remedy=f"Use {', '.join(MODES)}", code="refused")
            made = act(Arguments(values))
            return self._made(made, mode)

    def _made(self, made: Body | Flat | Edges, mode: Mode) -> Any:
        """Puts an object into the innermost builder, at each of its places, or gives it back in algebra mode."""
        if not self.open:
            return made
        self.open[-1].put(made, mode)
        return made

    def _operation(self, node: ast.Call, name: str) -> Any:
        source = self.source
        builder = self.open[-1] if self.open else None
        if name == "extrude":
            values = bind(source, node, "to_extrude? amount? both? taper? clean? mode? dir?", self.value)
            with source.at(node):
                return self._extrude(values, builder)
        if name == "make_face":
            values = bind(source, node, "edges? mode?", self.value)
            with source.at(node):
                edges = values.get("edges", builder.edges if builder else None)
                flat = faces_of(edges)
                if builder is not None:
                    builder.edges = Edges(())
                    builder.face(flat, values.get("mode", Mode.ADD))
                return flat
        values = bind(source, node, "objects mode?", self.value)
        with source.at(node):
            if builder is None:
                raise Refusal("add() outside a builder", remedy="Use + between objects", code="refused")
            made, mode = values["objects"], values.get("mode", Mode.ADD)
            if isinstance(made, Builder):
                made = made.body or made.flat
            if isinstance(made, Body):
                builder.solid(made, mode)
            elif isinstance(made, Flat):
                builder.face(made, mode)
            else:
                raise Refusal("add() of something else", remedy="Add a part or a sketch", code="refused")
            return made

    def _extrude(self, values: dict[str, Any], builder: Builder | None) -> Body:
        given = Arguments(values)
        given.never("taper", "dir")
        mode = values.get("mode", Mode.ADD)
        if not isinstance(mode, Mode):
            raise Refusal("a mode unknown", remedy=f"Use {', '.join(MODES)}", code="refused")
        flats = values.get("to_extrude")
        if flats is None:
            if builder is None or not builder.pending:
                raise Refusal("extrude() without a sketch", remedy="Draw a BuildSketch before it")
            flats, builder.pending = tuple(builder.pending), []
        if isinstance(flats, Builder):
            flats = flats.flat
        flats = flats if isinstance(flats, tuple) else (flats,)
        if not flats or not all(isinstance(flat, Flat) for flat in flats):
            raise Refusal("extrude() of something else", remedy="Give it a sketch", code="refused")
        body = prisms(flats, given.number("amount"), given.flag("both"))
        if builder is not None:
            builder.solid(body, mode)
        return body

    def _operated(self, node: ast.AST, operator: ast.operator, left: Any, right: ast.expr) -> Any:
        other = self.value(right)
        if isinstance(left, Builder):
            left = left.body or left.flat
        with self.source.at(node):
            if isinstance(left, Plane) and isinstance(operator, ast.Mult):
                if isinstance(other, Body):
                    return moved(other, left)
                if isinstance(other, Flat):
                    return placed(other, left)
                if isinstance(other, Plane):
                    return compose(left, other)
            if isinstance(left, Body) and isinstance(other, Body):
                for symbol, combine in ((ast.Add, union), (ast.Sub, cut), (ast.BitAnd, intersect)):
                    if isinstance(operator, symbol):
                        return combine(left, other)
            if isinstance(left, Flat) and isinstance(other, Flat):
                if isinstance(operator, ast.Add):
                    return added(left, other)
                if isinstance(operator, ast.Sub):
                    return subtracted(left, other)
            plain = (int, float)
            if isinstance(left, plain) and isinstance(other, plain) and isinstance(operator, ast.operator):
                sides = (ast.Constant(left), ast.Constant(other))
                return self.source.number(ast.copy_location(ast.BinOp(sides[0], operator, sides[1]), node))
        raise self.source.refusal(
            node, f"the operator in '{shorten(node)}'", "Use + - & of parts, + - of sketches"
        )
