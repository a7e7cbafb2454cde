"""The model that comes with the installation answers without being named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PLATE = """compact 1 grid 64 size 64 40 10
+ z 0 10
p 0 0
l 64 0
l 64 40
l 0 40
"""


def redraft(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "redraft", *map(str, arguments)], capture_output=True, text=True,
                          timeout=180, check=False)  # fmt: skip


def test_a_plain_plate_comes_back_with_its_size(tmp_path: Path) -> None:
    plate, views, part = tmp_path / "plate.txt", tmp_path / "views", tmp_path / "part.step"
    plate.write_text(PLATE)
    assert redraft("cad", "draw", plate, "-o", views).returncode == 0
    done = redraft(
        "reconstruct", *(views / f"{name}.png" for name in ("front", "top", "right")), "-o", part, "--json"
    )
    answer = json.loads(done.stdout)
    assert (answer["valid"], answer["size_source"]) == (True, "drawing")
    assert answer["bbox_mm"] == pytest.approx([64, 40, 10], abs=0.5)
    compared = json.loads(redraft("cad", "compare", part, plate, "--json").stdout)
    assert compared["iou_aligned"] > 0.9
