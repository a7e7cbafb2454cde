"""What this machine can do, each finding with its remedy where one is needed."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
from pathlib import Path
from typing import Any

from redraft.core.home import home
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.worker.device_checks import check, device_checks
from redraft.worker.machine_memory import memory_limit

LOADED = ("torch", "safetensors", "pyarrow", "PIL", "skia", "pypdfium2", "manifold3d")
"""Imported to find out whether they load: each brings a compiled library that may want one of the system's."""
INSTALLED = ("torch", "transformers", "peft", "accelerate", "datasets", "trimesh", "ezdxf")
"""Pure Python: to be installed is enough."""
ENOUGH_MEMORY_GB = 4.0
ENOUGH_DISK_GB = 5.0


def report(request: Request, work: Work) -> Result:
    """Checks libraries, fonts, memory, disk, devices and process walls. request: probe, to try Metal out again.

    Exit code 1 where something needed is missing."""
    devices = device_checks(bool(request.get("probe")))
    checks = [_system(), *_libraries(), _kernel(), _fonts(), _memory(), _disk(), *devices, *_walls()]
    failed = any(found["state"] == "error" for found in checks)
    return Result({"ok": not failed, "checks": checks}, exit_code=int(failed))


def _system() -> dict[str, str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return check(
        "system",
        "ok",
        f"{platform.system()} {platform.release()}, {platform.machine()}, {cores} cores, "
        f"Python {platform.python_version()}",
    )


def _libraries() -> list[dict[str, str]]:
    missing, versions = [], []
    for name in LOADED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append(check(name, "error", f"does not load: {error}", "Run `make setup` again"))
    for name in INSTALLED:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(check(name, "error", "is not installed", "Run `make setup` again"))
    return missing or [check("libraries", "ok", ", ".join(versions))]


def _kernel() -> dict[str, str]:
    try:
        importlib.import_module("OCP.gp")
    except ImportError as error:
        return check(
            "geometry kernel",
            "error",
            f"does not load: {error}",
            "Install the system libraries (Debian: apt-get install libgl1 libegl1 libx11-6)",
        )
    return check(
        "geometry kernel",
        "ok",
        f"OpenCascade by cadquery-ocp-novtk {importlib.metadata.version('cadquery-ocp-novtk')}",
    )


def _memory() -> dict[str, str]:
    memory = memory_limit()
    free, total = memory.available / 2**30, memory.total / 2**30
    say = f"{free:.1f} of {total:.1f} GiB free, limited by {memory.limit}"
    if free < ENOUGH_MEMORY_GB:
        return check("memory", "warning", say, "Close something, or ask `redraft plan` what a recipe needs")
    return check("memory", "ok", say)


def _disk() -> dict[str, str]:
    folder = Path.cwd()
    free = shutil.disk_usage(folder).free / 2**30
    state = "ok" if free >= ENOUGH_DISK_GB else "warning"
    return check(
        "disk",
        state,
        f"{free:.1f} GiB free here; state in {home()}",
        "" if state == "ok" else "Free some space before training",
    )


def _fonts() -> dict[str, str]:
    """Which scripts the pages of documents can show here."""
    report = importlib.import_module("redraft.tasks.summary.pages.font_report")
    found = report.drawn_scripts()
    without = [drawn for drawn in found if not drawn.family]
    say = f"{len(found) - len(without)} of {len(found)} scripts and sets of signs have one"
    if not without:
        return check("fonts", "ok", say)
    packages = sorted({drawn.package for drawn in without})
    names = [f"{drawn.script} ({drawn.package})" for drawn in without]
    return check("fonts", "warning", f"{say}; none for {', '.join(names)}", report.install(packages))


def _walls() -> list[dict[str, str]]:
    walls = importlib.import_module("redraft.tasks.cad.kernel.walls")
    found: dict[str, Any] = walls.report()
    checks = [
        check(f"wall: {wall['name']}", "ok" if wall["stands"] else "warning", wall["says"])
        for wall in found["walls"]
    ]
    if not found["whole"]:
        checks.append(
            check(
                "walls",
                "warning",
                "not all of them stand on this machine",
                "Generated programs are still only parsed, never executed; docs/sandbox.md",
            )
        )
    return checks


def walls(request: Request, work: Work) -> Result:
    """The walls alone, for the server that others will reach: {"whole", "missing": names in one line}."""
    found: dict[str, Any] = importlib.import_module("redraft.tasks.cad.kernel.walls").report()
    missing = ", ".join(str(wall["name"]) for wall in found["walls"] if not wall["stands"])
    return Result({"whole": bool(found["whole"]), "missing": missing})


VERBS = {"doctor.report": report, "doctor.walls": walls}
