"""Real histories through every dialect and back, built by the kernel: the same volume."""

from __future__ import annotations

import json

import pytest

from redraft.tasks.cad.dialects import read_program, write_program
from redraft.tasks.cad.dialects.compact_write import fit
from redraft.tasks.cad.kernel.pool import KernelPool
from redraft.tasks.cad.program import codec
from redraft.tasks.cad.program.types import Program

NAMES = ("00000069", "00001005", "00001010", "00003877", "00003999", "00005081", "00015361", "00633023")
TOLERANCE = {"deepcad": 1e-6, "cadquery": 1e-6, "build123d": 1e-6, "openecad": 1e-4}


@pytest.fixture(scope="module")
def pool():
    with KernelPool(workers=1) as opened:
        yield opened


def measure(pool: KernelPool, program: Program) -> dict:
    outcome = pool.call("measure", {"program": codec.to_data(program)})
    assert outcome.reason in ("ok", "invalid_solid"), outcome
    return outcome.value


@pytest.mark.parametrize("name", NAMES)
def test_a_real_history_keeps_its_volume_in_every_dialect(name: str, pool: KernelPool, shared_data) -> None:
    program, _ = read_program((shared_data / "deepcad" / f"{name}.json").read_bytes())
    expected = json.loads((shared_data / "deepcad" / "expected_properties.json").read_text())["parts"][name]
    built = measure(pool, program)
    assert built["volume_mm3"] == pytest.approx(expected["volume_mm3"], rel=1e-4)
    for dialect, tolerance in TOLERANCE.items():
        again, _ = read_program(write_program(program, dialect))
        assert measure(pool, again)["volume_mm3"] == pytest.approx(built["volume_mm3"], rel=tolerance), dialect
    theirs, _ = read_program((shared_data / "openecad" / f"{name}.openecad.txt").read_bytes())
    assert measure(pool, theirs)["volume_mm3"] == pytest.approx(built["volume_mm3"], rel=1e-4)
    for grid in (1_000, 10_000)[: 1 if name == "00015361" else 2]:
        found = fit(program, grid=grid)
        again, _ = read_program(found.text)
        slack = built["area_mm2"] * found.step_mm
        assert measure(pool, again)["volume_mm3"] == pytest.approx(built["volume_mm3"], abs=slack)
