"""Hostile files through the real command line: one reason, exit code 1, and nothing done or left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "code.py": "import os\nos.system('touch escaped')\nresult = open('escaped2', 'w')\n",
    "openecad.txt": "add_line(start=[0, 0], end=[__import__('os').system('touch escaped'), 1])\nadd_extrude()\n",
    "cadquery.py": "import cadquery as cq\nr = cq.Workplane().box(1, 1, 1)\ncq.exporters.export(r, 'escaped')\n",
    "build123d.py": "from build123d import *\nexport_step(Box(1, 1, 1), 'escaped')\n",
    "power.py": "import cadquery as cq\nresult = cq.Workplane('XY').box(9**9**9, 1, 1)\n",
    "nested.json": '{"sequence": ' + "[" * 100_000,
    "nan.json": '{"entities": {}, "properties": {}, "sequence": [NaN, 1e999]}',
    "null.txt": "add_line\0(start=[0, 0], end=[1, 1])",
    "long.step": "ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n#1=" + "(" * 200_000 + ";\nENDSEC;\nEND-ISO-10303-21;\n",
}


def _measure(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "redraft", "cad", "measure", name, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_one_reason_and_no_effect(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name])
    done = _measure(name, tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    if done.stdout:
        said = json.loads(done.stdout)
        assert said["valid"] is False and said["reason"] not in ("", "ok") and said["detail"]
    else:
        assert done.stderr.strip()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
