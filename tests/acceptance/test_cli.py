"""The command line as a whole: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redraft import __version__

HEAVY = ("torch", "transformers", "OCP", "numpy", "skia", "datasets", "pyarrow", "scipy")


def redraft(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "redraft", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "120", **environment},
    )


def test_help_names_every_verb_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, redraft.cli\nsys.argv=['redraft','--help']\n"
        "try: redraft.cli.main()\nexcept SystemExit: pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.rstrip().endswith("HEAVY []")
    for verb in ("demo", "data", "cad", "train", "evaluate", "reconstruct", "doctor"):
        assert f" {verb} " in done.stdout


def test_version() -> None:
    assert redraft("--version").stdout.strip() == __version__


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["train"], ["data", "generate", "cad"], ["doctor", "--wrong"]]
)
def test_wrong_usage_ends_with_2_and_prints_nothing_on_standard_output(arguments: list[str]) -> None:
    done = redraft(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr and done.stderr.strip()


def test_doctor_prints_one_json_document() -> None:
    done = redraft("doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1)
    names = [check["name"] for check in report["checks"]]
    assert {"system", "libraries", "geometry kernel", "memory", "disk", "CPU", "CUDA"} <= set(names)
    assert any(name.startswith("wall: ") for name in names)


TASK = """
import os, time
from redraft.core.verb import Result

def die(request, work):
    print("a library prints this")
    os.kill(os.getpid(), 9)

def bug(request, work):
    raise KeyError("an inner thing")

def slow(request, work):
    try:
        work.log(f"pid {os.getpid()}")
        time.sleep(60)
    except KeyboardInterrupt:
        work.log("saved in order")
        raise

def noisy(request, work):
    print("a library prints this")
    return Result({"answer": 42})

VERBS = {"odd.die": die, "odd.bug": bug, "odd.slow": slow, "odd.noisy": noisy}
"""
COMMANDS = """
def register(app, run):
    @app.command()
    def odd(verb: str):
        run("odd." + verb, {}, as_json=True)
"""


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "task.py").write_text("TASK = None\n")
    (folder / "verbs.py").write_text(TASK)
    (folder / "commands.py").write_text(COMMANDS)
    return {"REDRAFT_TASKS": str(tmp_path)}


def test_what_libraries_print_stays_off_standard_output(odd: dict[str, str]) -> None:
    done = redraft("odd", "noisy", **odd)
    assert json.loads(done.stdout) == {"answer": 42}


def test_a_lost_worker_is_one_line_with_its_signal(odd: dict[str, str]) -> None:
    done = redraft("odd", "die", **odd)
    assert done.returncode == 1
    assert "SIGKILL" in done.stderr and "Traceback" not in done.stderr


def test_our_own_bug_is_called_one_and_debug_shows_the_traceback(odd: dict[str, str]) -> None:
    done = redraft("odd", "bug", **odd)
    assert done.returncode == 1
    assert "redraft has a bug: KeyError" in done.stderr and "Traceback" not in done.stderr
    assert "Traceback" in redraft("--debug", "odd", "bug", **odd).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_worker_save(odd: dict[str, str], number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "redraft", "odd", "slow"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **odd},
    )
    assert process.stderr is not None
    assert "pid" in process.stderr.readline()
    process.send_signal(number)
    _, rest = process.communicate(timeout=30)
    assert "saved in order" in rest and "Traceback" not in rest
    assert process.returncode == 130


def test_no_worker_outlives_its_command(odd: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "redraft", "odd", "slow"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **odd},
    )
    assert process.stderr is not None
    worker = int(process.stderr.readline().split()[-1])
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the worker is still there 20 seconds after its command was killed")
