"""STEP files in and out."""

import json

import pytest
from kernel_parts import BOX, FLANGE, SOUND, circle, extrude, part

from redraft.core.errors import Refusal
from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.jobs import JOBS
from redraft.tasks.cad.program.codec import to_data


def step_of(program, **options):
    return JOBS["export"]({"program": to_data(program), "formats": ["step"], **options})["step"]


def test_real_files_measure_what_another_kernel_measured(shared_data):
    folder = shared_data / "step"
    expected = json.loads((folder / "expected_properties.json").read_text())
    assert len(expected) > 25
    for name, properties in expected.items():
        found = JOBS["measure"]({"step": (folder / name).read_bytes()})
        assert found["solids"] == properties["solids"], name
        assert found["faces"] == properties["faces"], name
        assert found["bbox_mm"] == pytest.approx(properties["bbox"], abs=1e-4), name
        if properties["solids"]:
            assert found["valid"], name
            assert found["volume_mm3"] == pytest.approx(properties["volume"], rel=1e-6), name


def test_an_open_surface_is_no_solid(shared_data):
    found = JOBS["measure"]({"step": (shared_data / "step" / "fixtures__open_shell.step").read_bytes()})
    assert (found["valid"], found["reason"]) == (False, "invalid_solid")
    assert (found["volume_mm3"], found["area_mm2"]) == (0, pytest.approx(200))
    assert "open surface" in found["detail"]


@pytest.mark.parametrize("name", SOUND)
def test_a_part_survives_the_way_through_a_file(name):
    before = JOBS["measure"]({"program": to_data(SOUND[name])})
    after = JOBS["measure"]({"step": step_of(SOUND[name])})
    for key in ("valid", "solids", "faces", "edges", "betti"):
        assert after[key] == before[key], key
    for key in ("volume_mm3", "area_mm2"):
        assert after[key] == pytest.approx(before[key], rel=1e-9), key
    assert after["bbox_mm"] == pytest.approx(before["bbox_mm"], abs=1e-5)


def test_units_of_a_file_become_millimetres():
    text = step_of(BOX).decode()
    assert ".MILLI.,.METRE." in text
    in_metres = text.replace("SI_UNIT(.MILLI.,.METRE.)", "SI_UNIT($,.METRE.)")
    assert JOBS["measure"]({"step": in_metres.encode()})["bbox_mm"] == pytest.approx([30e3, 20e3, 10e3], rel=1e-9)


def test_files_are_the_same_bytes_every_time_and_hold_name_and_time():
    first = step_of(FLANGE)
    step_of(BOX)
    assert step_of(FLANGE) == first
    named = step_of(FLANGE, name="flange", time="2026-01-02T03:04:05").decode()
    assert "'flange.step','2026-01-02T03:04:05'" in named
    assert "PRODUCT('flange','flange'" in named
    two = step_of(part(extrude(circle(3), 5), extrude(circle(3, 10), 5)), name="pair")
    assert two == step_of(part(extrude(circle(3), 5), extrude(circle(3, 10), 5)), name="pair")


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\x00" * 1000, b"ISO-10303-21;\nHEADER;", step_of(BOX)[:2000]],
    ids=["nothing", "text", "zeros", "header", "cut off"],
)
def test_what_is_no_step_file_is_refused_with_a_remedy(data):
    with pytest.raises(Refusal) as caught:
        JOBS["measure"]({"step": data})
    assert caught.value.code == "parse"
    assert "STEP" in caught.value.remedy


def test_a_file_without_a_shape_is_empty():
    nothing = b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\nENDSEC;\nEND-ISO-10303-21;\n"
    with pytest.raises(KernelFault) as caught:
        JOBS["measure"]({"step": nothing})
    assert caught.value.reason == "empty"


def test_the_kernel_says_nothing_on_standard_output(capfd):
    JOBS["measure"]({"step": step_of(FLANGE)})
    with pytest.raises(Refusal):
        JOBS["measure"]({"step": b"ISO-10303-21;\nHEADER;\nrubbish"})
    assert capfd.readouterr().out == ""
