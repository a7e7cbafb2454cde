"""Makes the environments in which tests and benchmarks run the real peers.

cadquery 2.8 wants OpenCascade below 8, build123d 0.13 wants 8 with a wheel of its own; TRL and ms-swift want
versions of libraries that redraft uses too. So none can live in redraft's environment nor with another. Each gets
a folder beside this checkout's files (`.venv-cadquery`, `.venv-build123d`, `.venv-trl`, `.venv-swift`), which git
ignores. Usage:

    python scripts/peer_environment.py [cadquery] [build123d] [trl] [swift]

Without a name: those that tests need (all but swift). An environment that works already is left alone.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRAINER = ["torch==2.13.0", "accelerate==1.15.0", "datasets==5.2.0", "peft==0.21.2", "pillow==13.0.0"]
"""What a trainer is measured on: the libraries below it are those of constraints.txt, so that only it differs."""
PEERS = {
    "cadquery": ["cadquery>=2.8,<2.9"],
    "build123d": ["build123d>=0.13,<0.14"],
    "trl": ["trl==1.16.*", "transformers==5.23.0", *TRAINER],
    "swift": [
        "ms-swift==4.6.*",
        "qwen-vl-utils==0.0.14",
        "torch==2.13.0",
    ],  # it wants older libraries than TRL and we
}
"""Name of the module to its requirements: the versions that docs/dialects.md and benchmarks/README.md speak of."""
TESTED = ("cadquery", "build123d", "trl")
"""Those that tests need; the others serve benchmarks alone."""


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment, whether it exists or not."""
    folder = ROOT / f".venv-{name}"
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def works(name: str) -> bool:
    """True when the environment exists and its library imports."""
    python = python_of(name)
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", f"import {name}"], capture_output=True).returncode == 0


def make(name: str) -> None:
    if works(name):
        print(f"{name}: ready in {python_of(name)}")
        return
    print(f"{name}: installing {', '.join(PEERS[name])} (hundreds of megabytes)", flush=True)
    venv.create(python_of(name).parents[1], with_pip=True, clear=True)
    subprocess.run([str(python_of(name)), "-m", "pip", "install", "--quiet", *PEERS[name]], check=True)
    if not works(name):
        raise SystemExit(f"{name}: installed, but it does not import. Run {python_of(name)} -c 'import {name}'")
    print(f"{name}: ready in {python_of(name)}")


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(TESTED)
    unknown = [name for name in wanted if name not in PEERS]
    if unknown:
        raise SystemExit(f"unknown peer {unknown[0]!r}. Choose from: {', '.join(PEERS)}")
    for peer in wanted:
        make(peer)
