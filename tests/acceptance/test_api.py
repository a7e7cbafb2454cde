"""`import redraft` in a notebook: the same verbs, the same values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import redraft
from redraft.core.errors import RedraftError

PROGRAM = """SketchPlane0 = add_sketchplane(origin=[0, 0, 0], normal=[0, 0, 1], x_axis=[1, 0, 0])
Loops0 = []
Curves0_0 = []
Circle0_0_0 = add_circle(center=[0, 0], radius=5)
Loop0_0 = add_loop(Curves0_0)
Profile0 = add_profile(Loops0)
Sketch0 = add_sketch(sketch_plane=SketchPlane0, profile=Profile0)
Extrude0 = add_extrude(sketch=Sketch0, operation=0, type=0, extent_one=10, extent_two=0)
"""


def test_importing_loads_nothing_heavy() -> None:
    code = "import redraft, sys; print([n for n in ('torch', 'OCP', 'numpy', 'pydantic') if n in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    )


def test_a_part_is_converted_measured_and_compared(tmp_path: Path) -> None:
    source = tmp_path / "pin.txt"
    source.write_text(PROGRAM)
    copy = tmp_path / "pin.py"
    redraft.convert(source, "cadquery", copy)
    measured = redraft.measure(copy)
    assert measured["valid"]
    assert measured["volume_mm3"] == pytest.approx(785.398, rel=1e-5)
    assert redraft.compare(source, copy)["iou"] == pytest.approx(1.0)


def test_errors_are_ours() -> None:
    with pytest.raises(RedraftError, match="no verb"):
        redraft.do("cad.fly")
    with pytest.raises(AttributeError):
        redraft.nothing  # noqa: B018


def test_a_dataset_is_made_and_checked(tmp_path: Path) -> None:
    made = redraft.generate("cad", tmp_path / "parts", 3, validation=1, seed=4, level="simple")
    assert made["counts"] == {"train": 3, "validation": 1}
    assert redraft.check(tmp_path / "parts")["errors"] == 0
