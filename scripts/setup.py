"""Makes the virtual environment and finds what the system lacks. Needs nothing but Python 3.11 and pip.

The CPU build of torch is taken where there is no NVIDIA GPU. Missing system libraries and fonts are installed
where that is allowed (root on Debian or Ubuntu); elsewhere the one command that installs them is printed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = {"libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libX11.so.6": "libx11-6"}
"""Loaded by the geometry kernel's and skia's wheels although nothing here opens a window; by Debian package."""
FONTS = {"NotoSansDevanagari-Regular.*": "fonts-noto-core", "NotoSansCJK-Regular.*": "fonts-noto-cjk"}
"""Pages of documents in other scripts than Latin, Cyrillic and Greek are drawn with them; by Debian package."""
SERVER = "postgresql"
"""The Debian package with PostgreSQL's programs; the tests start a server of their own with them."""
SERVER_FOLDERS = (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt"))
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", default=".venv", type=Path)
    parser.add_argument("--no-dev", action="store_true", help="without the tools for tests and lint")
    arguments = parser.parse_args()
    if sys.version_info < (3, 11):
        print(
            f"error: redraft needs Python 3.11 or newer, this is {platform.python_version()}. "
            "Run `make PYTHON=python3.11 setup`.",
            file=sys.stderr,
        )
        return 2
    if not system_libraries():
        return 1
    system_fonts()
    if not arguments.no_dev:
        database_server()
    return install(arguments.venv, dev=not arguments.no_dev)


def system_libraries() -> bool:
    """True where all libraries load, after installing them where that is possible."""
    if sys.platform != "linux":
        return True
    missing = [package for library, package in LIBRARIES.items() if not loads(library)]
    if not missing:
        return True
    if apt_install("system libraries", missing) and all(loads(library) for library in LIBRARIES):
        return True
    names = ", ".join(missing)
    print(f"error: system libraries are missing ({names}). Run: sudo {apt_command(missing)}", file=sys.stderr)
    return False


def system_fonts() -> None:
    """Installs the fonts of the world's scripts where that is possible; else says how. Nothing fails without."""
    if sys.platform != "linux":
        return
    missing = [package for pattern, package in FONTS.items() if not has_font(pattern)]
    if missing and not apt_install("fonts", missing):
        print(
            f"note: without {' and '.join(missing)} documents in some scripts have no font "
            f"(`redraft doctor` lists them). Run: sudo {apt_command(missing)}"
        )


def database_server() -> None:
    """Installs the server on which the tests of the state run besides SQLite; else says how. Using redraft needs
    none."""
    found = shutil.which("postgres") or any(next(place.glob("*/bin/postgres"), None) for place in SERVER_FOLDERS)
    if found or apt_install("the database server of the tests", [SERVER]):
        return
    ways = {"linux": f"sudo {apt_command([SERVER])}", "darwin": "brew install postgresql"}
    print(
        "note: the tests start a PostgreSQL server, and its programs are not here. "
        + (f"Run: {ways[sys.platform]}" if sys.platform in ways else "Install PostgreSQL")
        + "; `pytest -m 'not postgresql'` leaves these tests out"
    )


def has_font(pattern: str) -> bool:
    return any(next(folder.rglob(pattern), None) for folder in FONT_FOLDERS)


def apt_command(packages: list[str]) -> str:
    return f"apt-get install -y --no-install-recommends {' '.join(packages)}"


def apt_install(what: str, packages: list[str]) -> bool:
    """True where apt did it: as root on Debian or Ubuntu."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    print(f"installing {what}: {' '.join(packages)}", flush=True)
    subprocess.run(["apt-get", "update", "-q"], check=False)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(apt_command(packages).split(), env=environment, check=False).returncode == 0


def loads(library: str) -> bool:
    # A process of its own, since the loader remembers a library that it did not find.
    return (
        subprocess.run(
            [sys.executable, "-c", f"import ctypes; ctypes.CDLL({library!r})"],
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
        == 0
    )


def has_gpu() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def install(folder: Path, *, dev: bool) -> int:
    if not (folder / "bin" / "python").exists() and not (folder / "Scripts" / "python.exe").exists():
        print(f"making {folder}")
        venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        str(ROOT / "constraints.txt"),
    ]
    if not any(attempt([*pip, *step]) for step in torch_steps()):
        print("error: torch could not be installed; pip says above why.", file=sys.stderr)
        return 1
    print("installing redraft" + (" and its tools" if dev else ""), flush=True)
    if not attempt([*pip, "-e", str(ROOT) + ("[dev]" if dev else "")]):
        print("error: the installation failed; pip says above why. Run `make setup` again.", file=sys.stderr)
        return 1
    return 0


def attempt(command: list[str]) -> bool:
    return subprocess.run(command, check=False).returncode == 0


def torch_steps() -> list[list[str]]:
    """Ways to get torch, the best first: on Linux without a GPU its CPU build, which is a tenth of the size.

    The CPU build is found where pip's configuration or REDRAFT_TORCH_INDEX names an index that has it; the way
    to the default build stays open where neither does.
    """
    pinned = next(
        line.split("#")[0].strip()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line.startswith("torch==")
    )
    steps = [[pinned]]
    if sys.platform == "linux" and not has_gpu():
        print(f"installing {pinned}, the CPU build where pip finds one", flush=True)
        steps.insert(0, [f"{pinned}+cpu"])
        if index := os.environ.get("REDRAFT_TORCH_INDEX"):
            steps.insert(0, [pinned, "--index-url", index])
    return steps


if __name__ == "__main__":
    sys.exit(main())
