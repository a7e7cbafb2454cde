"""Compact text to a program: one command a line, whole numbers of grid steps. Grammar: docs/dialects.md."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.limits import MAX_TEXT, checked_text, located
from redraft.tasks.cad.program.normalise import AXES, flipped
from redraft.tasks.cad.program.transform import bounding_box, scale, translate
from redraft.tasks.cad.program.types import (
    MAX_CURVES,
    MAX_EXTRUSIONS,
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
    Vec2,
    plane,
)

VERSION = 1
OPERATIONS = {"+": Operation.JOIN, "*": Operation.NEW, "-": Operation.CUT, "&": Operation.INTERSECT}
NUMBERS = {"c": 3, "o": 3, "r": 4, "q": 4, "p": 2, "h": 2, "l": 2, "a": 3, "b": 4}
"""How many numbers follow the commands of a loop."""
REMEDY = "docs/dialects.md holds the grammar of compact"
_WHOLE = re.compile(r"-?\d{1,7}\Z")
_ANGLE = re.compile(r"-?\d{1,3}(?:\.\d{1,6})?\Z")
_HEADER = re.compile(r"compact (\d+) grid (\d+) size ((?:\S+ ?){3}?)(?: at (\S+ \S+ \S+))?\Z")


def read_compact(
    text: str | bytes, *, where: str = "", size: Sequence[float] | None = None, grid: int | None = None
) -> Program:
    """Reads compact text with or without its header.

    With a header the part has its size and place. Without one, `size` gives the largest side in mm: over `grid`
    steps where grid is given, else over the text's own box; without size one step is 1 mm, an assumption.
    """
    body = checked_text(text, MAX_TEXT, where)
    first, _, rest = body.partition("\n")
    if not first.strip().startswith("compact"):
        program = read_body(body, where=where)
        return _sized(program, size, grid)
    with located(f"{where}, line 1" if where else "line 1"):
        steps, largest, corner = _header(first)
    program = read_body(rest, where=where, line=2)
    with located(where):
        return translate(scale(program, largest / steps), corner)


def _sized(program: Program, size: Sequence[float] | None, grid: int | None) -> Program:
    if size is None:
        return program
    if not size or not all(math.isfinite(v) and v >= 0 for v in size) or max(size) <= 0:
        raise Refusal(f"a size of {list(size)}", remedy="Give the sides of the part's box in mm")
    if grid is None:
        low, high = bounding_box(program)
        sides = [b - a for a, b in zip(low, high, strict=True)]
        return scale(program, max(size) / max(sides)) if max(sides) > 0 else program
    return scale(program, max(size) / grid)


def _header(line: str) -> tuple[int, float, tuple[float, float, float]]:
    match = _HEADER.match(" ".join(line.split()))
    if match is None:
        raise Refusal(
            "not a compact header", remedy="Write: compact 1 grid <steps> size <x> <y> <z> [at <x> <y> <z>]"
        )
    if int(match[1][:9]) != VERSION:
        raise Refusal(f"compact version {match[1][:9]}", remedy=f"Version {VERSION} is read here", code="refused")
    try:
        size = [float(value) for value in match[3].split()]
        x, y, z = (float(value) for value in (match[4] or "0 0 0").split())
        steps = int(match[2][:12])
    except ValueError:
        raise Refusal("a header with something else than numbers", remedy=REMEDY) from None
    if (
        not all(math.isfinite(v) for v in (*size, x, y, z))
        or max(size) <= 0
        or min(size) < 0
        or not 1 <= steps <= 1e6
    ):
        raise Refusal("a header without a positive size", remedy="Give sizes in mm above 0")
    return steps, max(size), (x, y, z)


@dataclass
class _Path:
    """A loop that is being drawn."""

    hole: bool
    start: Vec2
    at: Vec2
    curves: list[Curve] = field(default_factory=list)


@dataclass
class _Reader:
    steps: list[Extrude] = field(default_factory=list)
    operation: Operation = Operation.NEW
    extent: tuple[Extent, float, float] | None = None
    plane: Plane | None = None
    turned: bool = False
    sketches: list[Sketch] = field(default_factory=list)
    profiles: list[tuple[Loop, list[Loop]]] = field(default_factory=list)
    path: _Path | None = None
    curves: int = 0

    def command(self, words: list[str]) -> None:
        name, values = words[0], words[1:]
        if name in OPERATIONS or name == ",":
            self._open(name, values)
        elif name in NUMBERS:
            self._draw(name, values)
        else:
            raise Refusal(f"the unknown command '{name[:20]}'", remedy=REMEDY)

    def finish(self) -> Program:
        self._close_step()
        return Program(tuple(self.steps))

    def _open(self, sign: str, values: list[str]) -> None:
        if sign == ",":
            self._close_sketch()
            if self.extent is None:
                raise Refusal("a further plane before the first extrusion", remedy="Start with +")
            self.plane, extent = _place(values)
            self.turned = not _equal(extent, self.extent)
            if self.turned and not _equal((extent[0], -extent[1], -extent[2]), self.extent):
                raise Refusal("a further plane with another extent", remedy="Give it the same distances")
            return
        self._close_step()
        if len(self.steps) >= MAX_EXTRUSIONS:
            raise Refusal(f"more than {MAX_EXTRUSIONS} extrusions", remedy="Split the part", code="limit")
        self.operation = Operation.NEW if sign == "+" and not self.steps else OPERATIONS[sign]
        self.plane, self.extent = _place(values)
        self.turned = False

    def _draw(self, name: str, values: list[str]) -> None:
        if self.plane is None:
            raise Refusal("a curve before the first extrusion", remedy="Start with a line such as: + z 0 10")
        if len(values) != NUMBERS[name]:
            raise Refusal(f"'{name}' with {len(values)} numbers", remedy=f"It takes {NUMBERS[name]}")
        self.curves += 1
        if self.curves > MAX_CURVES:
            raise Refusal(f"more than {MAX_CURVES} curves", remedy="Simplify the part", code="limit")
        if name in "lab":
            self._curve(name, values)
            return
        numbers = [_whole(value) for value in values]
        self._close_path()
        if name in "co":
            self._loop(Loop((Circle((numbers[0], numbers[1]), numbers[2]),)), name == "o")
        elif name in "rq":
            x0, y0, x1, y1 = numbers
            corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
            sides = zip(corners, corners[1:] + corners[:1], strict=True)
            self._loop(Loop(tuple(Line(a, b) for a, b in sides)), name == "q")
        else:
            self.path = _Path(name == "h", (numbers[0], numbers[1]), (numbers[0], numbers[1]))

    def _curve(self, name: str, values: list[str]) -> None:
        if self.path is None:
            raise Refusal(f"'{name}' outside a path", remedy="Start the path with p or h")
        at = self.path.at
        if name == "b":
            mx, my, x, y = (_whole(value) for value in values)
            self.path.curves.append(Arc(at, (mx, my), (x, y)))
        else:
            x, y = _whole(values[0]), _whole(values[1])
            sweep = _angle(values[2]) if name == "a" else 0.0
            self.path.curves.append(Line(at, (x, y)) if sweep == 0 else swept(at, (x, y), sweep))
        self.path.at = (x, y)

    def _loop(self, loop: Loop, hole: bool) -> None:
        if not hole:
            self.profiles.append((loop, []))
        elif self.profiles:
            self.profiles[-1][1].append(loop)
        else:
            raise Refusal("a hole before its outer loop", remedy="Draw the outer loop first")

    def _close_path(self) -> None:
        if self.path is None:
            return
        path, self.path = self.path, None
        if path.at != path.start:
            path.curves.append(Line(path.at, path.start))
        self._loop(Loop(tuple(path.curves)), path.hole)

    def _close_sketch(self) -> None:
        self._close_path()
        if self.plane is None:
            return
        sketch = Sketch(self.plane, tuple(Profile(outer, tuple(holes)) for outer, holes in self.profiles))
        self.sketches.append(flipped(sketch) if self.turned else sketch)
        self.profiles = []

    def _close_step(self) -> None:
        self._close_sketch()
        if self.extent is None:
            return
        extent, one, two = self.extent
        self.steps.append(Extrude(tuple(self.sketches), self.operation, extent, one, two))
        self.sketches, self.extent, self.plane = [], None, None


def read_body(text: str, *, where: str = "", line: int = 1) -> Program:
    """The commands of a compact text as a program in grid steps. Empty lines and lines from # on are skipped."""
    reader = _Reader()
    number = line
    for number, raw in enumerate(text.splitlines(), line):
        words = raw.partition("#")[0].split()
        if not words:
            continue
        with located(f"{where}, line {number}" if where else f"line {number}"):
            reader.command(words)
    with located(f"{where}, line {number}" if where else f"line {number}"):
        return reader.finish()


def swept(start: Vec2, end: Vec2, degrees: float) -> Arc:
    """The arc from start to end that turns by a signed angle, counter-clockwise positive, below a full circle."""
    if not 0 < abs(degrees) < 360:
        raise Refusal(f"an arc that turns by {degrees:g} degrees", remedy="Turn by less than 360")
    bulge = math.tan(math.radians(degrees) / 4) / 2
    dx, dy = end[0] - start[0], end[1] - start[1]
    mid = ((start[0] + end[0]) / 2 + dy * bulge, (start[1] + end[1]) / 2 - dx * bulge)
    return Arc(start, mid, end)


def _place(values: list[str]) -> tuple[Plane, tuple[Extent, float, float]]:
    """The plane and the extent of a step line."""
    if not values:
        raise Refusal("a step without a plane", remedy="Name an axis: + z 0 10")
    name, *rest = values
    if name in AXES:
        return _across(name, rest)
    if name != "@":
        raise Refusal(f"the plane '{name[:20]}'", remedy="Use x, y, z or @")
    if len(rest) < 6:
        raise Refusal("a slanted plane with too few numbers", remedy="Write: + @ x y z azimuth climb distance")
    x, y, z = (_whole(value) for value in rest[:3])
    azimuth, climb = (math.radians(_angle(value)) for value in rest[3:5])
    level = math.cos(climb)
    normal = (level * math.cos(azimuth), level * math.sin(azimuth), math.sin(climb))
    frame = plane((x, y, z), normal, (-math.sin(azimuth), math.cos(azimuth), 0.0))
    if rest[5] == "s" and len(rest) == 7:
        return frame, (Extent.SYMMETRIC, _whole(rest[6]), 0.0)
    if rest[5] == "t" and len(rest) == 8:
        return frame, (Extent.TWO, _whole(rest[6]), -_whole(rest[7]))
    if len(rest) == 6:
        return frame, (Extent.ONE, _whole(rest[5]), 0.0)
    raise Refusal("a slanted plane with other numbers", remedy="Write: + @ x y z azimuth climb distance")


def _across(name: str, rest: list[str]) -> tuple[Plane, tuple[Extent, float, float]]:
    normal, x_axis = AXES[name]
    axis = "xyz".index(name)
    if len(rest) < 2:
        raise Refusal("a step without its extent", remedy=f"Write: + {name} <from> <to>")
    base = _whole(rest[0])
    origin = [0.0, 0.0, 0.0]
    origin[axis] = base
    frame = Plane((origin[0], origin[1], origin[2]), normal, x_axis)
    sign = normal[axis]
    if rest[1] == "s" and len(rest) == 3:
        return frame, (Extent.SYMMETRIC, _whole(rest[2]), 0.0)
    if rest[1] == "t" and len(rest) == 4:
        return frame, (Extent.TWO, sign * (_whole(rest[2]) - base), -sign * (_whole(rest[3]) - base))
    if len(rest) == 2:
        return frame, (Extent.ONE, sign * (_whole(rest[1]) - base), 0.0)
    raise Refusal("a step with other numbers", remedy=f"Write: + {name} <from> <to>")


def _equal(a: tuple[Extent, float, float], b: tuple[Extent, float, float]) -> bool:
    """Equal extents; places that are rounded one by one may differ by a step."""
    return a[0] is b[0] and abs(a[1] - b[1]) <= 1 and abs(a[2] - b[2]) <= 1


def _whole(word: str) -> float:
    if not _WHOLE.match(word):
        raise Refusal(f"'{word[:20]}' where a whole number belongs", remedy="Give grid steps of up to 7 digits")
    return float(word)


def _angle(word: str) -> float:
    if not _ANGLE.match(word):
        raise Refusal(f"'{word[:20]}' where an angle belongs", remedy="Give degrees")
    return float(word)
