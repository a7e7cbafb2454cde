"""Our CadQuery and build123d texts, run by the real libraries, each in its own environment.

`python scripts/peer_environment.py` makes the environments; without one its tests are skipped with that reason.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from programs_at_random import programs
from test_dialect_python import COMMON

from redraft.tasks.cad.dialects import detect, read_program, write_program
from redraft.tasks.cad.kernel.pool import KernelPool
from redraft.tasks.cad.program import codec
from redraft.tasks.cad.program.types import Program

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
RUNNER = """
import json, sys

def corners(box):
    if hasattr(box, "xmin"):
        return [[box.xmin, box.ymin, box.zmin], [box.xmax, box.ymax, box.zmax]]
    return [list(box.min), list(box.max)]

answers = []
for text in json.load(sys.stdin):
    names = {}
    names["show_object"] = lambda shape: names.__setitem__("result", shape)
    try:
        exec(text, names)
        result = next(names[name] for name in ("result", "part", "r", "p") if name in names)
        result = getattr(result, "part", result)
        if hasattr(result, "val"):
            shape = result.combine().val() if result.size() > 1 else result.val()
            answers.append([shape.Volume(), corners(shape.BoundingBox()), ""])
        else:
            answers.append([result.volume, corners(result.bounding_box()), ""])
    except Exception as error:
        answers.append([None, None, f"{type(error).__name__}: {error}"])
print(json.dumps(answers))
"""
"""Executes texts of this file's own, in a process of another environment."""
CQ, BD = "import cadquery as cq\n", "from build123d import *\n"
CALLS = [
    CQ + "r = cq.Workplane().rarray(20, 10, 3, 2, center=False).rect(4, 2, centered=False).extrude(3)",
    CQ + "r = cq.Workplane().rarray(20, 10, 3, 2, center=True).rect(4, 2, centered=(True, False)).extrude(3)",
    CQ + "r = cq.Workplane('ZX').moveTo(1, 1).polyline([(5, 1), (5, 4)], includeCurrent=True).close().extrude(2)",
    CQ + "r = cq.Workplane('left').cylinder(10, 4, centered=(False, True, False))",
    CQ + "r = cq.Workplane('top').moveTo(3, 4).slot2D(12, 4, 30).extrude(2)",
    CQ + "r = cq.Workplane('back', origin=(1, 2, 3)).center(5, 6).circle(3).extrude(4)",
    CQ + "r = cq.Workplane().rect(20, 20).extrude(10).moveTo(4, 4).rect(3, 3).extrude(10, combine='cut')",
    CQ + "r = cq.Workplane().rect(20, 20).extrude(10).moveTo(4, 4).rect(3, 3).extrude(12, combine=False)",
    CQ + "r = cq.Workplane().rect(20, 20).extrude(-10).moveTo(4, 4).circle(3).cutBlind(-4)",
    CQ + "r = cq.Workplane().rect(20, 20).extrude(10).moveTo(4, 4).circle(3).cutThruAll()",
    CQ + "r = cq.Workplane().pushPoints([(0, 0), (20, 5)]).box(4, 6, 8, centered=(True, False, False))",
    CQ + "r = cq.Workplane('bottom').polygon(6, 10).extrude(2)",
    CQ + "r = cq.Workplane('ZY').moveTo(2, 0).line(3, 0).vLine(3).hLineTo(2).vLineTo(0).close().extrude(2)",
    CQ + "r = cq.Workplane('YX').move(1, 2).move(1, 1).rect(2, 2).extrude(2)",
    CQ + "r = cq.Workplane(cq.Plane.named('right')).rect(4, 2).extrude(2).translate((1, 2, 3))",
    CQ + "r = cq.Workplane(cq.Plane.XZ(origin=(1, 2, 3))).rect(8, 4).circle(1).extrude(2)",
    CQ + "a = cq.Workplane().box(9, 9, 9)\nr = a.intersect(cq.Workplane(origin=(5, 5, 5)).box(9, 9, 9))",
    BD + "with BuildPart() as p:\n    with Locations((10, 0, 0)):\n        with GridLocations(4, 5, 2, 3):\n"
    "            Box(1, 2, 3, align=(Align.MAX, Align.CENTER, Align.MIN))",
    BD + "with BuildPart() as p:\n    with BuildSketch(Plane.left):\n        with Locations((3, 4)):\n"
    "            SlotCenterToCenter(10, 4, rotation=30)\n    extrude(amount=3)",
    BD + "with BuildPart() as p:\n    with BuildSketch(Plane.back):\n        RegularPolygon(5, 6, rotation=10)\n"
    "    extrude(amount=-3)",
    BD + "with BuildPart() as p:\n    Box(10, 6, 2)\n    with BuildSketch(Plane.XY) as s:\n"
    "        Rectangle(4, 3, align=(Align.MIN, Align.MAX))\n    extrude(amount=1, mode=Mode.INTERSECT)",
    BD + "p = Plane.XZ * Pos(1, 2, 3) * Box(2, 4, 6)",
    BD + "p = extrude(Plane.YZ * Pos(1, 2) * Rectangle(2, 4), amount=3, both=True)",
    BD + "p = Pos(1, 2, 3) * extrude(Plane.bottom * (Circle(4) - Pos(1, 0) * Circle(1)), amount=3)",
    BD + "p = extrude(Polygon((0, 0), (5, 0), (5, 3)), amount=2)\np &= Box(4, 4, 4)",
    BD + "with BuildPart() as p:\n    with BuildSketch():\n        Circle(5)\n    extrude(amount=2)\n"
    "    with BuildSketch(Plane((0, 0, 2), x_dir=(0, 1, 0), z_dir=(0, 0, 1))):\n        Rectangle(4, 2)\n"
    "    extrude(amount=2)",
]
"""Calls whose meaning is easily mistaken."""
ROUND_MEETS_ROUND = {"00001005": 2e-5}
"""Parts whose curved faces cut each other: the curve between two cylinders is an approximation, and OpenCascade 7
and 8 differ in it (7200.7334 and 7200.7564 mm3; the reference file, by an older build of 7, says 7200.6290)."""


def run(library: str, texts: list[str]) -> list[tuple[float, list[list[float]]]]:
    """The volumes in mm3 and the boxes that the real library gives the texts."""
    python = ROOT / f".venv-{library}" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        pytest.skip(f"no environment with {library}: python scripts/peer_environment.py {library} makes it")
    ran = subprocess.run(
        [str(python), "-c", RUNNER], input=json.dumps(texts), capture_output=True, text=True, timeout=500
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    answers = json.loads(ran.stdout.splitlines()[-1])
    for text, (_, _, fault) in zip(texts, answers, strict=True):
        assert not fault, f"{fault}\n{text}"
    return [(volume, box) for volume, box, _ in answers]


def volumes(library: str, texts: list[str]) -> list[float]:
    return [volume for volume, _ in run(library, texts)]


@pytest.fixture(scope="module")
def pool():
    with KernelPool(workers=1) as opened:
        yield opened


@pytest.mark.parametrize("library", ["cadquery", "build123d"])
def test_real_histories_have_the_same_volume(library: str, pool: KernelPool, shared_data) -> None:
    files = sorted((shared_data / "deepcad").glob("0*.json"))
    parts = [read_program(file.read_bytes())[0] for file in files]
    found = volumes(library, [write_program(part, library) for part in parts])
    for file, part, volume in zip(files, parts, found, strict=True):
        ours = pool.call("measure", {"program": codec.to_data(part)}).value["volume_mm3"]
        assert volume == pytest.approx(ours, rel=ROUND_MEETS_ROUND.get(file.stem, 1e-6)), file.name


def drawn(count: int) -> list[Program]:
    """Programs of the strategy, the same every time."""
    found: list[Program] = []

    @seed(11)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(), st.none())
    def collect(program: Program, _: None) -> None:
        found.append(program)

    collect()
    return random.Random(3).sample(found, len(found))


@pytest.mark.parametrize("library", ["cadquery", "build123d"])
def test_generated_programs_have_the_same_volume(library: str, pool: KernelPool) -> None:
    """Every plane, extent and operation; parts that end empty or that our kernel calls faulty are left out."""
    parts, ours = [], []
    for part in drawn(60):
        outcome = pool.call("measure", {"program": codec.to_data(part)})
        if outcome.reason == "ok":
            parts.append(part)
            ours.append(outcome.value["volume_mm3"])
    assert len(parts) >= 25
    found = volumes(library, [write_program(part, library) for part in parts])
    wrong = [
        (write_program(part, library), volume, want)
        for part, volume, want in zip(parts, found, ours, strict=True)
        if abs(volume - want) > 1e-6 * max(want, 1.0)
    ]
    assert not wrong, wrong[0]


@pytest.mark.parametrize("library", ["cadquery", "build123d"])
def test_texts_of_people_mean_what_we_read(library: str) -> None:
    """The expectations of the reader's own tests, held against the library itself."""
    cases = [case for case in COMMON if detect(case[0]) == library]
    assert len(cases) >= 7
    for (text, box, solid), (volume, real) in zip(cases, run(library, [case[0] for case in cases]), strict=True):
        assert volume == pytest.approx(solid), text
        for a, b in zip(real, box, strict=True):
            assert a == pytest.approx(b, abs=1e-5), text


@pytest.mark.parametrize("library", ["cadquery", "build123d"])
def test_calls_mean_what_the_library_makes_of_them(library: str, pool: KernelPool) -> None:
    texts = [text for text in CALLS if detect(text) == library]
    for text, (volume, real) in zip(texts, run(library, texts), strict=True):
        program, _ = read_program(text)
        ours = pool.call("measure", {"program": codec.to_data(program)}).value
        assert ours["volume_mm3"] == pytest.approx(volume, rel=1e-6), text
        assert ours["bbox_min"] == pytest.approx(real[0], abs=1e-4), text
        assert ours["bbox_mm"] == pytest.approx([b - a for a, b in zip(*real, strict=True)], abs=1e-4), text
