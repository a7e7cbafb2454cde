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

from redraft.tasks.cad.dialects import read_program, write_program
from redraft.tasks.cad.kernel.pool import KernelPool
from redraft.tasks.cad.program import codec
from redraft.tasks.cad.program.types import Program

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
RUNNER = """
import json, sys
answers = []
for text in json.load(sys.stdin):
    names = {}
    try:
        exec(text, names)
        result = names["result"]
        if hasattr(result, "val"):
            shape = result.val()
            answers.append([shape.Volume() if shape else 0.0, ""])
        else:
            answers.append([result.volume if result is not None else 0.0, ""])
    except Exception as error:
        answers.append([None, f"{type(error).__name__}: {error}"])
print(json.dumps(answers))
"""
ROUND_MEETS_ROUND = {"00001005": 2e-5}
"""Parts whose curved faces cut each other: the curve between two cylinders is an approximation, and OpenCascade 7
and 8 differ in it (7200.7334 and 7200.7564 mm3; the reference file, by an older build of 7, says 7200.6290)."""


def volumes(library: str, texts: list[str]) -> list[float]:
    """The volumes in mm3 that the real library gives the texts."""
    python = ROOT / f".venv-{library}" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        pytest.skip(f"no environment with {library}: python scripts/peer_environment.py {library} makes it")
    ran = subprocess.run(
        [str(python), "-c", RUNNER], input=json.dumps(texts), capture_output=True, text=True, timeout=500
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    answers = json.loads(ran.stdout.splitlines()[-1])
    for text, (_, fault) in zip(texts, answers, strict=True):
        assert not fault, f"{fault}\n{text}"
    return [volume for volume, _ in answers]


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
