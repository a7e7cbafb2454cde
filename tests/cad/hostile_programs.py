"""Seeded makers of hostile input: program texts, program data and STEP files made to break out or to break down.

A text that ran would leave a mark: a file in the folder `mark`, or a connection to `port`.
"""

from __future__ import annotations

import copy
import json
import math
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

from redraft.tasks.cad.program import codec
from redraft.tasks.cad.program.types import (
    Arc,
    Circle,
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

EXPRESSIONS = (
    "__import__('os').system('touch {mark}/a')",
    "open('{mark}/b', 'w').write('x')",
    "(lambda: open('{mark}/c', 'w'))()",
    "[open('{mark}/d', 'w') for _ in (1,)][0]",
    "getattr(__builtins__, 'open')('{mark}/e', 'w')",
    "().__class__.__base__.__subclasses__()",
    "().__class__.__mro__[1].__subclasses__()[104].load_module('os').system('touch {mark}/f')",
    "eval(\"open('{mark}/g', 'w')\")",
    "exec(\"open('{mark}/h', 'w')\")",
    "compile('1', '', 'exec')",
    "__import__('socket').create_connection(('127.0.0.1', {port}))",
    "__import__('urllib.request').request.urlopen('http://127.0.0.1:{port}/')",
    "__import__('subprocess').run(['touch', '{mark}/i'])",
    "'{{0.__class__.__init__.__globals__}}'.format(box)",
    'f\'{{open("{mark}/j", "w")}}\'',
    "globals()['__builtins__']['open']('{mark}/k', 'w')",
    "math.__loader__.load_module('os').system('touch {mark}/l')",
    "np.load('{mark}/../m', allow_pickle=True)",
    "np.fromfile('/etc/passwd')",
    "np.ndarray.tofile(np.zeros(1), '{mark}/n')",
    "cq.importers.importStep('/etc/passwd')",
    "cq.exporters.export(result, '{mark}/o.step')",
    "exporters.export(result, '{mark}/p.step')",
    "export_step(part, '{mark}/q.step')",
    "import_step('/etc/passwd')",
    "(x := open('{mark}/r', 'w'))",
    "(yield)",
    "await x",
    "*range(10**9)",
    "10**10**10",
    "9**9**9**9",
    "1 << 10**12",
    "'a' * 10**12",
    "[0] * 10**12",
    "(1,) * 10**12",
    "sum(range(10**12))",
    "1e400",
    "-1e400",
    "1e400 - 1e400",
    "float('nan')",
    "0/0",
    "1//0",
    "0.0**-1",
    "(-1)**0.5",
    "1j",
    "None",
    "True",
    "...",
    "''",
    "b''",
    "{{}}",
    "[]",
    "[[]]",
    "1e300",
    "-1e9",
    "1e-300",
    "99999999999999999999999999",
    "0x" + "f" * 400,
    "1_0_0",
    "x.y.z",
    "undefined",
    "print",
    "result",
    "self",
    "math.inf",
    "math.factorial(10**6)",
    "math.exp(1e6)",
    "a if b else c",
    "not 1",
    "~1",
    "1 < 2 < 3",
    "1 @ 2",
    "x[0]",
    "x[::]",
    "(" * 140 + "1" + ")" * 140,
    "(" * 5000 + "1" + ")" * 5000,
    "-" * 150 + "1",
    "-" * 5000 + "1",
    "[" * 5000,
    "1" + "+1" * 5000,
    "1" + "**1" * 3000,
    "a" + ".b" * 5000,
    "f" + "()" * 5000,
    "'" + "\\\\x41" * 5000 + "'",
    "\u0661\u0662",
    "\uff11",
    "\u202e1",
)
STATEMENTS = (
    "import os; os.system('touch {mark}/s1')",
    "from os import system as add_line",
    "from pathlib import *",
    "import {mark}",
    "while True: pass",
    "while 1:\n    x = [1] * 10**9",
    "for i in range(10**12): add_line([0, 0], [1, 1])",
    "for i in iter(int, 1): pass",
    "def add_line(*a): open('{mark}/s2', 'w')",
    "class add_line: pass",
    "class X(metaclass=open('{mark}/s3', 'w')): pass",
    "@open('{mark}/s4', 'w')\ndef f(): pass",
    "def f(x=open('{mark}/s5', 'w')): pass",
    "def f(): return f()\nf()",
    "lambda: f()",
    "with open('{mark}/s6', 'w') as f: f.write('x')",
    "try:\n    open('{mark}/s7', 'w')\nfinally: pass",
    "del add_line",
    "global add_line",
    "nonlocal x",
    "raise SystemExit",
    "exit()",
    "quit()",
    "assert open('{mark}/s8', 'w')",
    "__builtins__ = None",
    "math.sin = 1",
    "cq.Workplane = open",
    "x: open('{mark}/s9', 'w') = 1",
    "match open('{mark}/s10', 'w'):\n    case _: pass",
    "async def f(): await g()",
    "x = x = x = x",
    "a, *b = range(10**9)",
    "x += 1",
    "globals().update(add_line=open)",
    "breakpoint()",
    "input()",
    "print(open('/etc/passwd').read())",
    "#!/bin/sh\n",
    "# -*- coding: unicode_escape -*-",
    "# coding: utf-7",
    "\\",
    "\f",
    "\t x = 1",
    "    x = 1",
    "\x1a",
    "'''",
    '"""',
    "if 1:\n" * 90 + " pass",
    "\ud7ff\ue000",
    "x = 1;" * 3000,
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    "1",
    "nan",
    "__class__",
    "/etc/passwd",
    b"\x00\xff",
    math.nan,
    math.inf,
    -math.inf,
    0,
    -0.0,
    1e-300,
    1e-9,
    1e9,
    -1e9,
    1e308,
    99_999.999,
    10**400,
    -1,
    [],
    {},
    [[]],
    {"$bytes": 0},
    {"$float": "nan"},
    [1] * 50_000,
    "x" * 100_000,
)


def rectangle(x: float, y: float, width: float, height: float) -> Loop:
    points = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return polygon(points)


def polygon(points: Sequence[tuple[float, float]]) -> Loop:
    return Loop(tuple(Line(a, b) for a, b in zip(points, [*points[1:], points[0]], strict=True)))


def plate() -> Program:
    """A plate of 40 x 30 x 8 mm with a hole of 5 mm radius, a boss joined and a slot with arcs cut: harmless."""
    base = Sketch(Plane((0, 0, 0)), (Profile(rectangle(0, 0, 40, 30), (Loop((Circle((10, 10), 5),)),)),))
    boss = Sketch(Plane((0, 0, 8)), (Profile(rectangle(22, 8, 10, 12)),))
    slot = Loop(
        (
            Line((25, 12), (29, 12)),
            Arc((29, 12), (31, 14), (29, 16)),
            Line((29, 16), (25, 16)),
            Arc((25, 16), (23, 14), (25, 12)),
        )
    )
    return Program(
        (
            Extrude((base,), Operation.NEW, Extent.ONE, 8.0),
            Extrude((boss,), Operation.JOIN, Extent.ONE, 5.0),
            Extrude((Sketch(Plane((0, 0, 13)), (Profile(slot),)),), Operation.CUT, Extent.ONE, -3.0),
        )
    )


def texts(seed: int, count: int, bases: dict[str, str], mark: str, port: int) -> Iterator[tuple[str, str]]:
    """Dialect that the text pretends to be, and the text. bases: a harmless text in each dialect."""
    for number in range(count):
        draw = random.Random(f"{seed} text {number}")
        dialect = draw.choice(sorted(bases))
        base = bases[dialect]
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            base = _hostile_json(draw, base) if dialect == "deepcad" else _hostile_text(draw, base, mark, port)
        yield dialect, base


def _fill(text: str, mark: str, port: int) -> str:
    return text.replace("{mark}", mark).replace("{port}", str(port)).replace("{{", "{").replace("}}", "}")


def _hostile_text(draw: random.Random, base: str, mark: str, port: int) -> str:
    lines = base.splitlines()
    way = draw.randrange(6)
    if way == 0:
        lines.insert(draw.randint(0, len(lines)), _fill(draw.choice(STATEMENTS), mark, port))
        return "\n".join(lines)
    if way <= 2:
        numbers = list(re.finditer(r"-?\d+(?:\.\d+)?", base))
        if not numbers:
            return base
        at = draw.choice(numbers)
        return base[: at.start()] + _fill(draw.choice(EXPRESSIONS), mark, port) + base[at.end() :]
    if way == 3:
        names = list(re.finditer(r"[A-Za-z_]\w*", base))
        if not names:
            return base
        at = draw.choice(names)
        other = draw.choice(("open", "exec", "__import__", "getattr", draw.choice(names).group(), "lambda"))
        return base[: at.start()] + other + base[at.end() :]
    if way == 4:
        line = draw.randrange(len(lines))
        return "\n".join(lines[:line] + [lines[line]] * draw.choice((2, 50, 3000)) + lines[line + 1 :])
    cut, length = draw.randrange(len(base)), draw.choice((1, 5, 100))
    junk = "".join(chr(draw.choice((*range(32, 127), 0, 10, 0x200B, 0xFEFF))) for _ in range(draw.randrange(8)))
    return base[:cut] + junk + base[cut + length :]


def _hostile_json(draw: random.Random, base: str) -> str:
    way = draw.randrange(5)
    try:
        data = json.loads(base)
    except (ValueError, RecursionError):
        return base[: draw.randrange(1, len(base) + 1)]
    if way <= 2:
        data = mutated(draw, data, json_only=True)
        return json.dumps(data)
    if way == 3:
        return base.replace(draw.choice('{}[]":,'), draw.choice(("", "[", "{", "\\u0000", "NaN", "[" * 3000)), 1)
    depth = draw.choice((50, 5000, 100_000))
    return draw.choice(("[" * depth, '{"a":' * depth, "[" * depth + "]" * depth))


def mutated(draw: random.Random, data: Any, *, json_only: bool = False) -> Any:
    """A copy of the data with one node replaced, removed, repeated or wrapped."""
    data = copy.deepcopy(data)
    nodes: list[tuple[Any, Any]] = []
    pending = [data]
    while pending:
        node = pending.pop()
        for key in node if isinstance(node, dict) else range(len(node)):
            nodes.append((node, key))
            if isinstance(node[key], dict | list):
                pending.append(node[key])
    if not nodes:
        return data
    node, key = draw.choice(nodes)
    way = draw.randrange(8)
    if way <= 3:
        value = draw.choice(VALUES)
        node[key] = "bytes" if json_only and isinstance(value, bytes) else value
    elif way == 4:
        del node[key]
    elif way == 5 and isinstance(node, list):
        node[key:key] = [node[key]] * draw.choice((1, 30, 2000))
    elif way == 6:
        node[key] = _nested(node[key], draw.choice((1, 10, 200)))
    elif isinstance(node[key], int | float):
        node[key] = node[key] * draw.choice((-1, 0, 1e-7, 1e3, 1e6)) + draw.choice(
            (0, 1e-7, draw.uniform(-50, 50))
        )
    else:
        node[key] = draw.choice(nodes)[0]
        try:
            return copy.deepcopy(data) if len(json.dumps(data, default=str)) < 10**6 else []
        except (ValueError, RecursionError):  # it now holds itself
            return []
    return data


def _nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def programs(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Program data: every second broken in its form, the others well formed and bad as geometry."""
    harmless = codec.to_data(plate())
    for number in range(count):
        draw = random.Random(f"{seed} program {number}")
        if number % 2:
            data = harmless
            for _ in range(draw.choice((1, 1, 2, 5))):
                data = mutated(draw, data)
            yield data
        else:
            yield _bad_geometry(draw)


def _bad_geometry(draw: random.Random) -> dict[str, Any]:
    scale = draw.choice((1e-6, 1e-3, 1.0, 1.0, 1.0, 1e3, 9e4))
    steps = []
    for number in range(draw.choice((1, 2, 3, 3, 12))):
        operation = "new" if number == 0 else draw.choice(("new", "join", "cut", "intersect"))
        loops = [_bad_loop(draw, scale) for _ in range(draw.choice((1, 1, 1, 2, 6)))]
        normal, x_axis = draw.choice(
            (([0, 0, 1], [1, 0, 0]), ([1, 0, 0], [0, 1, 0]), ([0, -1, 0], [1, 0, 0]), ([0.6, 0, 0.8], [0, 1, 0]))
        )
        origin = [draw.choice((0, 0, scale * draw.uniform(-1, 1))) for _ in range(3)]
        steps.append(
            {
                "operation": operation,
                "extent": draw.choice(("one", "symmetric", "two")),
                "one": scale * draw.choice((1.0, -1.0, 1e-6, draw.uniform(-2, 2) or 1.0)),
                "two": scale * draw.choice((0.0, 1.0, -0.5)),
                "sketches": [
                    {"plane": {"origin": origin, "normal": normal, "x_axis": x_axis}, "profiles": [loops]}
                ],
            }
        )
    return {"format": 1, "steps": steps}


def _bad_loop(draw: random.Random, scale: float) -> list[list[Any]]:
    kind = draw.choice((0, 0, 1, 2, 3, 4, 4, 4, 5))
    if kind == 0:
        return [["circle", scale * draw.uniform(-1, 1), 0.0, scale * draw.choice((1e-7, 0.5, 1.0))]]
    count = draw.choice((3, 4, 5, 40, 150))
    points = [(scale * draw.uniform(-1, 1), scale * draw.uniform(-1, 1)) for _ in range(count)]
    if kind == 1:  # a star that crosses itself everywhere
        points = [
            (
                scale * math.cos(i * (count // 2) * math.tau / count),
                scale * math.sin(i * (count // 2) * math.tau / count),
            )
            for i in range(count)
        ]
    if kind == 2:  # all but one on one line, there and back
        points = [(scale * abs(2 * i / count - 1), scale * (1e-7 if i else 1.0)) for i in range(0, count, 2)]
        points = list(dict.fromkeys(points)) if len(set(points)) > 2 else [(0, 0), (scale, 0), (0, scale)]
    if kind == 3:  # a comb with teeth of nothing
        points = [(scale * i / count, scale * (1e-7 if i % 2 else 1.0)) for i in range(count)]
    if kind == 4:  # sound by itself; what it is cut from or joined to is not
        x, y, side = (
            scale * draw.uniform(-1, 1),
            scale * draw.uniform(-1, 1),
            scale * draw.choice((1.0, 0.3, 1e-5)),
        )
        points = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    curves: list[list[Any]] = []
    arcs = draw.choice((0.0, 0.0, 0.2))
    for a, b in zip(points, [*points[1:], points[0]], strict=True):
        if draw.random() < arcs:
            mid = [(a[k] + b[k]) / 2 + scale * draw.choice((1e-9, 0.1, 0.9)) * draw.uniform(-1, 1) for k in (0, 1)]
            curves.append(["arc", *a, *mid, *b])
        else:
            curves.append(["line", *a, *b])
    return curves


def step_files(seed: int, count: int, base: bytes) -> Iterator[bytes]:
    """Broken STEP files. base: a sound one."""
    for number in range(count):
        draw = random.Random(f"{seed} step {number}")
        data = base
        for _ in range(draw.choice((1, 1, 3, 10))):
            data = _hostile_step(draw, data)
        yield data


def _hostile_step(draw: random.Random, data: bytes) -> bytes:
    way = draw.randrange(9)
    at = draw.randrange(max(1, len(data)))
    if way == 0:
        return data[:at] + bytes(draw.randrange(256) for _ in range(draw.choice((1, 4, 64)))) + data[at + 1 :]
    if way == 1:
        return data[:at] + data[at + draw.choice((1, 50, 5000)) :]
    if way == 2:
        return data[:at]
    if way == 3:  # numbers beyond all measure
        numbers = list(re.finditer(rb"(?<!\d)-?\d{1,20}\.\d*", data)) or [re.match(b"", data)]
        found = draw.choice(numbers)
        new = draw.choice((b"1.E400", b"-1.E308", b"NaN", b"0.", b"1.E-320", b"9" * 5000, b"$", b"*", b"'x'"))
        return data[: found.start()] + new + data[found.end() :] if found else data
    if way == 4:  # references to oneself, to others, to nothing
        found = draw.choice(list(re.finditer(rb"#\d+", data)) or [None])
        new = draw.choice(
            (b"#1", b"#0", b"#999999999999", b"#-1", b"#4294967297", b"#%d" % draw.randrange(1, 200))
        )
        return data[: found.start()] + new + data[found.end() :] if found else data
    if way == 5:
        return data[:at] + b"(" * draw.choice((10, 10_000, 200_000)) + data[at:]
    if way == 6:  # long names and strings
        return (
            data[:at] + draw.choice((b"A", b"'", b"\\X2\\", b"#", b"9")) * draw.choice((100, 100_000)) + data[at:]
        )
    lines = data.splitlines(keepends=True)
    if way == 7 and lines:
        line = draw.randrange(len(lines))
        return b"".join(lines[:line] + [lines[line]] * draw.choice((2, 500)) + lines[line + 1 :])
    draw.shuffle(lines)
    return b"".join(lines)
