"""Whatever the text, a reader gives a program or a Refusal, soon."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs_at_random import programs

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects import DIALECTS, read_program, write_program
from redraft.tasks.cad.dialects.build123d_objects import OBJECTS, PATTERNS
from redraft.tasks.cad.dialects.build123d_read import read_build123d
from redraft.tasks.cad.dialects.cadquery_read import METHODS, read_cadquery
from redraft.tasks.cad.dialects.openecad_read import read_openecad
from redraft.tasks.cad.program.types import Program

DEEP = 5_000
CQ = "import cadquery as cq\nr = cq.Workplane().rect({}, 1).extrude(1)"


def survives(text: str | bytes, dialect: str | None = None) -> Refusal | None:
    """The refusal of a text, or None where it was read; any other exception fails the test."""
    try:
        program, _ = read_program(text, dialect, where="hostile")
    except Refusal as refusal:
        assert refusal.what and refusal.remedy
        assert refusal.code in ("parse", "refused", "limit", "empty")
        assert len(str(refusal)) < 1000
        return refusal
    assert isinstance(program, Program)
    return None


@pytest.mark.parametrize(
    "expression",
    [
        "(" * DEEP + "1" + ")" * DEEP,
        "[" * DEEP + "]" * DEEP,
        "-" * DEEP + "1",
        "- " * DEEP + "1",
        "not " * DEEP + "1",
        "1" + "+1" * DEEP,
        "1" + "**1" * DEEP,
        "f(" * DEEP + ")" * DEEP,
        "a" + ".a" * DEEP,
        "a" + "[0]" * DEEP,
        "a" + "()" * DEEP,
        "lambda: " * DEEP + "1",
        "1 if 1 else " * DEEP + "1",
        "{1:" * DEEP + "1" + "}" * DEEP,
        "x := " * DEEP + "1",
        "await " * DEEP + "1",
        "'" + "a" * 100_000 + "'",
        "9" * 100_000,
        "9" * 4_000,
        "0x" + "f" * 100_000,
        "1e99999",
        "10**10**10",
        "'a' * 10**10",
        "[0] * 10**10",
        "f'{1:{2}}'",
        "1" + "if" * 1000,
        "1j",
        "...",
        "b'x'",
        "None",
        "True",
    ],
)
@pytest.mark.parametrize("dialect", ["cadquery", "build123d", "openecad"])
def test_deep_and_huge_expressions_are_refused(expression: str, dialect: str) -> None:
    text = {
        "cadquery": CQ.format(expression),
        "build123d": f"from build123d import *\np = Box({expression}, 1, 1)",
        "openecad": f"C = add_circle(center=[0, 0], radius={expression})\n",
    }[dialect]
    began = time.monotonic()
    refusal = survives(text, dialect)
    assert refusal is not None
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("depth", [50, 79, 80, 81, 150, 300, 600, 1200])
@pytest.mark.parametrize("reader", ["cadquery", "build123d", "openecad"])
def test_no_depth_exhausts_the_stack(depth: int, reader: str) -> None:
    """Just below, at and beyond the cap; `read_program` would turn an exhausted stack into the same refusal."""
    read = {"cadquery": read_cadquery, "build123d": read_build123d, "openecad": read_openecad}[reader]
    form = {
        "cadquery": CQ,
        "build123d": "from build123d import *\np = Box({}, 1, 1)",
        "openecad": "C = add_circle(center=[0, 0], radius={})\n",
    }[reader]
    few = min(depth, 140)
    for text in (
        "1" + "+1" * depth,
        "-1" + "**-1" * (depth // 2),
        "(" * few + "1" + ")" * few,
        "sqrt(" * few + "1" + ")" * few,
        "cq.Workplane()" + ".union(cq.Workplane().box(1, 1, 1)" * few + ")" * few,
        "Pos(1, 1) * " * depth + "Box(1, 1, 1)",
        "a" + ".b()" * depth,
        "(" + "1, (" * few + ")" * few + ")",
    ):
        try:
            read(form.format(text))
        except Refusal as refusal:
            assert refusal.remedy


@pytest.mark.parametrize(
    "text",
    [
        "if 1:\n" + "".join(" " * i + "if 1:\n" for i in range(1, 200)) + " " * 200 + "pass",
        "with BuildPart() as p:\n"
        + "".join(" " * i + "with BuildPart():\n" for i in range(1, 90))
        + " " * 90
        + "pass",
        "a = b = " * 2000 + "1",
        ";" * 1000,
        "\t\n \tx",
        "\x0c",
        "\ud800".encode("utf-8", "surrogatepass"),
        "import cadquery\n" + "x = 1\n" * 80_000 + ")",
        "import cadquery\n" + "#" * 2_000_000,
        "{" * 1000,
        '{"entities": {}, "sequence": ' + "[" * 5000,
        '{"a":' * 100_000,
        "+ z 0 5\n" * 5_000,
        "+ z 0 5\n" + "c 0 0 1\n" * 30_000,
        "+ z 0 5\np 0 0\n" + "l 1 0\nl 0 0\n" * 12_000,
        "compact 1 grid " + "9" * 10_000 + " size 1 1 1\n",
        "compact 1 grid 10 size 1e308 1e308 1e308 at 1e308 1 1\n+ z 0 5\nr 0 0 1 1",
        "compact 1 grid 999999999999 size 1e-300 0 0\n+ z 0 5\nr 0 0 1 1",
        "+ @ 0 0 0 0 0 9999999\nr 0 0 1 1",
        "+ z -9999999 9999999\nr -9999999 -9999999 9999999 9999999",
    ],
)
def test_other_monsters(text: str | bytes) -> None:
    began = time.monotonic()
    survives(text)
    for dialect in DIALECTS:
        survives(text, dialect)
    assert time.monotonic() - began < 60


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([None, *DIALECTS]))
def test_random_bytes(data: bytes, dialect: str | None) -> None:
    survives(data, dialect)


WORDS = [
    *("cq.Workplane()", ".rect(", ".extrude(", "1", "-2", "(", ")", ",", "=", "\n", "    ", "r", ".cut(", "with "),
    *("BuildPart() as p:", "BuildSketch():", "Circle(", "mode=Mode.SUBTRACT", "extrude(amount=", "Plane.XY", "*"),
    *("add_line(", "start=", "[", "]", "add_loop(", "Curves", "+ z 0 5", "c 1 1 1", "p", "l", "a", "compact 1"),
    *('"entities"', "{", "}", ":", '"sequence"', "null", "NaN", "1e309", "import cadquery as cq"),
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from([None, *DIALECTS]))
def test_random_words(words: list[str], dialect: str | None) -> None:
    survives(" ".join(words), dialect)


def mutated(text: str, rng: random.Random) -> str:
    """The text with a few of its pieces lost, doubled, swapped or replaced."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        size = rng.choice((1, 2, 5, 20, 100))
        piece = text[at : at + size]
        new = rng.choice(
            [
                "",
                piece * 2,
                piece[::-1],
                "0",
                "-1",
                "nan",
                "1e400",
                "None",
                "(",
                ")",
                "[",
                "\n",
                '"',
                ".",
                "é",
                "999999",
            ]
        )
        text = text[:at] + new + text[at + size :]
    return text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs(), st.integers(0, 2**32))
def test_mutated_texts(program: Program, seed: int) -> None:
    rng = random.Random(seed)
    for dialect in DIALECTS:
        try:
            text = write_program(program, dialect)
        except Refusal:
            continue
        for _ in range(4):
            survives(mutated(text, rng), rng.choice([None, dialect]))


def test_mutated_real_texts(shared_data) -> None:
    rng = random.Random(7)
    for file in sorted((shared_data / "deepcad").glob("0*.json")):
        if file.stat().st_size > 30_000:
            continue
        program, _ = read_program(file.read_bytes())
        texts = [file.read_text(), *(write_program(program, dialect) for dialect in DIALECTS)]
        for text in texts:
            for _ in range(6):
                survives(mutated(text, rng))


VALUES = (
    *(
        "1",
        "-1",
        "0",
        "0.5",
        "'XY'",
        "True",
        "None",
        "(1, 2)",
        "[(1, 2), (3, 4)]",
        "(1, 2, 3)",
        "w",
        "b",
        "[]",
        "()",
    ),
    *(
        "1e9",
        "5e4",
        "1e-320",
        "((),)",
        "[w]",
        "[(1,)]",
        "Plane.XZ",
        "Mode.ADD",
        "Align.MIN",
        "(Align.MIN, Align.MAX)",
    ),
    *("Pos(1, 2)", "Circle(1)", "Box(1, 1, 1)", "Line((0, 0), (1, 1))", "p", "s"),
)


def test_every_call_with_arguments_of_every_kind() -> None:
    rng = random.Random(5)
    objects = [
        *OBJECTS,
        *PATTERNS,
        "extrude",
        "make_face",
        "add",
        "Plane",
        "Pos",
        "Location",
        "BuildPart",
        "BuildSketch",
    ]

    def arguments(most: int) -> str:
        found = [rng.choice(VALUES) for _ in range(rng.randint(0, most))]
        if rng.random() < 0.2:
            name = rng.choice(("mode", "align", "amount", "both", "close", "rotation", "centered", "until"))
            found.append(f"{name}={rng.choice(VALUES)}")
        return ", ".join(found)

    def call() -> str:
        return f"{rng.choice(objects)}({arguments(4)})"

    for _ in range(1500):
        links = "".join(f".{name}({arguments(3)})" for name in rng.choices(list(METHODS), k=rng.randint(1, 4)))
        start = rng.choice(("cq.Workplane()", "b", "cq.Workplane().rect(4, 4).extrude(2)"))
        survives(f"import cadquery as cq\nw = cq.Workplane()\nb = w.box(1, 1, 1)\nr = {start}{links}", "cadquery")
        builder = (
            f"with BuildPart() as p:\n    Box(1, 2, 3)\n    with BuildSketch({rng.choice(VALUES)}) as s:\n"
            f"        Circle(3)\n        {call()}\n    {call()}\n    with {call()}:\n        {call()}\n"
            f"    extrude(amount=1)\nq = p {rng.choice('+-*&')} {call()}\n"
        )
        algebra = f"w = 1\nb = p = Box(1, 1, 1)\ns = Circle(2)\nq = {call()} {rng.choice('+-*&/')} {call()}\n"
        survives("from build123d import *\n" + rng.choice((builder, algebra)), "build123d")
