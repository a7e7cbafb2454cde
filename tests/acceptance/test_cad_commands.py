"""`redraft cad ...` and `redraft reconstruct` as a person types them: real processes, real files, real faults."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.tasks.cad.commands import DIALECTS
from redraft.tasks.cad.dialects import DIALECTS as ENGINE_DIALECTS

PLATE = "compact 1 grid 128 size 64 32 16\n+ z 0 32\nr 0 0 128 64\no 64 32 16\n"
VOLUME = 29551.009


def redraft(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "redraft", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)


def answer(*arguments: str | Path, code: int = 0) -> Any:
    done = redraft(*arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def refusal(*arguments: str | Path, code: int) -> str:
    """The one line of a failed command, after looking that nothing else came with it."""
    done = redraft(*arguments)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == "" and "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    path = tmp_path / "plate.txt"
    path.write_text(PLATE)
    return path


def test_the_light_side_knows_the_engines_dialects() -> None:
    assert DIALECTS == ENGINE_DIALECTS


def test_measure(plate: Path) -> None:
    value = answer("cad", "measure", plate)
    assert (value["valid"], value["reason"], value["solids"], value["faces"]) == (True, "ok", 1, 7)
    assert value["volume_mm3"] == pytest.approx(VOLUME, rel=1e-7)
    assert value["bbox_mm"] == pytest.approx([64, 32, 16], abs=1e-6)
    assert value["area_mm2"] > 0 and value["edges"] > 0 and value["dialect"] == "compact"
    shown = redraft("cad", "measure", plate)
    assert shown.returncode == 0 and "29,551.01 mm³" in shown.stdout and "valid" in shown.stdout


def test_measure_several_files_with_bad_ones_among_them(plate: Path, tmp_path: Path) -> None:
    edge, junk = tmp_path / "edge.txt", tmp_path / "junk.py"
    edge.write_text("+ z 0 32\nr 0 0 64 32\nr 64 32 128 64\n")
    junk.write_text("import os\nos.system('true')\n")
    value = answer("cad", "measure", plate, edge, junk, code=1)
    assert value["valid"] is False
    assert [part["reason"] for part in value["parts"]][:2] == ["ok", "non_manifold"]
    assert [part["valid"] for part in value["parts"]] == [True, False, False]


def test_the_invalid_real_history_is_named_invalid(shared_data: Path) -> None:
    value = answer("cad", "measure", shared_data / "deepcad" / "00015361.json", code=1)
    assert value["valid"] is False and value["reason"] == "invalid_solid" and value["detail"]


def test_compare(shared_data: Path) -> None:
    step = shared_data / "step"
    gt = step / "fixtures__jig_metric__test_1__gt.step"
    same = answer("cad", "compare", gt, gt)
    assert (same["iou"], same["iou_aligned"], same["iou_scaled"]) == (1.0, 1.0, 1.0)
    ranked = {
        name: answer("cad", "compare", step / f"fixtures__jig_metric__test_1__candidates__{name}.step", gt)["iou"]
        for name in ("correct", "broken_3_no_hole")
    }
    assert ranked["correct"] > ranked["broken_3_no_hole"]


def test_draw_writes_views_sheet_and_vectors(plate: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn"
    value = answer("cad", "draw", plate, "-o", out, "--sheet", "--svg", "--dxf")
    names = ["front.png", "top.png", "right.png", "sheet.png", "drawing.svg", "drawing.dxf"]
    assert [Path(file).name for file in value["files"]] == names
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert value["mm_per_pixel"] == pytest.approx(64 / 448, rel=1e-3)
    assert "exists already" in refusal("cad", "draw", plate, "-o", out, code=1)


def test_convert_goes_round_through_every_dialect(plate: Path, tmp_path: Path) -> None:
    at = plate
    for dialect in ("openecad", "cadquery", "build123d", "deepcad", "compact"):
        out = tmp_path / f"part.{dialect}"
        value = answer("cad", "convert", at, "--to", dialect, "-o", out)
        assert value["to"] == dialect and out.read_text() == value["text"].rstrip("\n") + "\n"
        at = out
    assert answer("cad", "measure", at)["volume_mm3"] == pytest.approx(VOLUME, rel=1e-4)


def test_convert_prints_the_text_alone(plate: Path) -> None:
    done = redraft("cad", "convert", plate, "--to", "compact", "--grid", "128")
    assert (done.returncode, done.stdout) == (0, PLATE)


def test_build(plate: Path, tmp_path: Path) -> None:
    step = tmp_path / "part.step"
    assert answer("cad", "build", plate, "-o", step)["volume_mm3"] == pytest.approx(VOLUME, rel=1e-7)
    assert answer("cad", "measure", step)["volume_mm3"] == pytest.approx(VOLUME, rel=1e-7)
    answer("cad", "build", plate, "-o", tmp_path / "part.glb")
    assert (tmp_path / "part.glb").read_bytes().startswith(b"glTF")
    assert "exists already" in refusal("cad", "build", plate, "-o", step, code=1)
    assert "STEP file holds a shape" in refusal("cad", "convert", step, "--to", "compact", code=1)


BAD = {
    "other_schema.json": ('{"parts": [1, 2]}', "DeepCAD"),
    "not_json.json": ("{", "not_json.json"),
    "empty.json": ("", "empty"),
    "binary.py": ("\x00\x01\x02", "binary.py"),
    "call.py": (
        "import cadquery as cq\nresult = cq.Workplane('XY').rect(10, 10).extrude(5).teapot()\n",
        "teapot",
    ),
    "nested.py": ("import cadquery as cq\nresult = " + "(" * 5000 + "1" + ")" * 5000 + "\n", "nested.py"),
    "none.step": ("solid nothing\nendsolid\n", "not a STEP file"),
    "broken.step": ("ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n#1=NOTHING(#2);\nENDSEC;\n", "broken.step"),
    "short.txt": ("+ z 0 32\nr 0 0 128\n", "line 2"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_files_that_are_no_part(tmp_path: Path, name: str) -> None:
    text, says = BAD[name]
    path = tmp_path / name
    path.write_text(text)
    if name == "broken.step":
        value = answer("cad", "measure", path, code=1)
        assert value["valid"] is False and value["reason"] in ("parse", "execute", "empty", "invalid_solid")
        return
    assert says in refusal("cad", "measure", path, code=1)


def history(**changed: Any) -> dict[str, Any]:
    """A DeepCAD history of a block of 10 x 10 x 10 mm, with changes to its parts."""

    def point(x: float, y: float) -> dict[str, float]:
        return {"x": x, "y": y, "z": 0.0}

    corners = changed.get("corners", [(0.0, 0.0), (0.01, 0.0), (0.01, 0.01), (0.0, 0.01)])
    lines = [
        {"type": "Line3D", "start_point": point(*a), "end_point": point(*b)}
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
    ]
    axes = {"x_axis": (1, 0, 0), "y_axis": (0, 1, 0), "z_axis": (0, 0, 1), "origin": (0, 0, 0)}
    transform = {name: dict(zip("xyz", map(float, axis), strict=True)) for name, axis in axes.items()}
    curves = changed.get("curves", lines)
    sketch = {
        "type": "Sketch",
        "transform": transform,
        "profiles": {"p": {"loops": [{"is_outer": True, "profile_curves": curves}]}},
    }
    extrude = {
        "type": "ExtrudeFeature",
        "profiles": [{"profile": "p", "sketch": "s"}],
        "operation": "NewBodyFeatureOperation",
        "extent_type": "OneSideFeatureExtentType",
        "extent_one": {"distance": {"value": changed.get("height", 0.01)}, "taper_angle": {"value": 0.0}},
    }
    return {
        "entities": {"s": sketch, "e": extrude},
        "properties": {},
        "sequence": [
            {"index": 0, "type": "Sketch", "entity": "s"},
            {"index": 1, "type": "ExtrudeFeature", "entity": "e"},
        ],
    }


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"curves": []}, "loop"),
        ({"corners": [(0.0, 0.0), (float("nan"), 0.0), (0.01, 0.01)]}, "finite"),
        ({"height": 10_000.0}, "mm"),
        ({"height": 0.0}, "height"),
    ],
)
def test_histories_that_cannot_be(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(history(**changed)))
    assert says in refusal("cad", "measure", path, code=1)


def test_what_is_no_valid_solid_is_not_built(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(history(corners=[(0.0, 0.0), (0.02, 0.02), (0.02, 0.0), (0.0, 0.01)])))
    for command in (("measure", path), ("build", path, "-o", tmp_path / "x.step")):
        message = refusal("cad", *command, code=1)
        assert "itself" in message and "history.json" in message
    compact = tmp_path / "edge.txt"
    compact.write_text("+ z 0 32\nr 0 0 64 32\nr 64 32 128 64\n")
    assert "no valid solid (non_manifold" in refusal("cad", "build", compact, "-o", tmp_path / "x.step", code=1)
    assert not (tmp_path / "x.step").exists()


def test_wrong_usage_is_exit_2_and_starts_nothing(plate: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.json"
    assert "nowhere.json" in refusal("cad", "measure", nowhere, code=2)
    assert "acis" in refusal("cad", "convert", plate, "--to", "acis", code=2)
    assert ".obj" in refusal("cad", "build", plate, "-o", tmp_path / "x.obj", code=2)
    assert "--size" in refusal("reconstruct", plate, "-o", tmp_path / "x.step", "--size", "1,2", code=2)
    both = ("--size", "1,2,3", "--scale", "1")
    assert "Give one" in refusal("reconstruct", plate, "-o", tmp_path / "x.step", *both, code=2)
    assert redraft("cad", "teapot").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="this system cannot limit the size of a file")
def test_a_write_that_fails_leaves_nothing_half_written(plate: Path, tmp_path: Path) -> None:
    import resource

    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    for command in (["draw", str(plate), "-o", "drawn"], ["build", str(plate), "-o", "part.step"]):
        done = subprocess.run(
            [sys.executable, "-m", "redraft", "cad", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
            preexec_fn=little_space,
        )
        assert done.returncode == 1 and "cannot write" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [plate]
    locked = tmp_path / "file"
    locked.write_text("x")
    message = refusal("cad", "convert", plate, "--to", "compact", "-o", locked / "part.txt", code=1)
    assert "cannot write" in message or "not writable" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "plate.txt"]


def test_reconstruct_refuses_pictures_that_are_none(plate: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn"
    answer("cad", "draw", plate, "-o", out)
    step = tmp_path / "part.step"
    exchanged = [out / "top.png", out / "front.png", out / "right.png"]
    assert "another order" in refusal("reconstruct", *exchanged, "-o", step, code=1)
    (out / "right.png").write_bytes((out / "right.png").read_bytes()[:300])
    assert "right.png" in refusal("reconstruct", out, "-o", step, code=1)
    assert "2 pictures" in refusal("reconstruct", out / "front.png", out / "top.png", "-o", step, code=2)
    assert not step.exists()


def test_reconstruct_without_a_model_says_what_to_do(plate: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn"
    answer("cad", "draw", plate, "-o", out)
    message = refusal("reconstruct", out, "-o", tmp_path / "part.step", "-m", tmp_path / "no-model", code=2)
    assert "no such model" in message
    assert not (tmp_path / "part.step").exists()
