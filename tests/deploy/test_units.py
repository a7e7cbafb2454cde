"""The units of systemd: their commands run as the files give them, and jobs outlive a restart."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from containers import BASE_PATH, ROOT, Image, running

UNITS = ("redraft.service", "redraft-worker.service")
SHOULD_STAND = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp")


def settings(name: str) -> dict[str, list[str]]:
    """Of a unit's section [Service]: every value of every key, in order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (ROOT / "deploy" / name).read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def as_image(name: str) -> Image:
    """What the unit says, as a container."""
    unit = settings(name)
    environment = dict(part.split("=", 1) for line in unit["Environment"] for part in line.split())
    return Image(
        ROOT / "deploy" / name,
        environment={"PATH": BASE_PATH, "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        user="10001:10001",
        folder=unit["WorkingDirectory"][0],
        volumes=[f"/var/lib/{unit['StateDirectory'][0]}"],
        command=shlex.split(unit["ExecStart"][0]),
    )


@pytest.mark.parametrize("name", UNITS)
def test_the_walls_can_be_put_up_and_privileges_cannot_be_gained(name: str) -> None:
    unit = settings(name)
    calls = unit["SystemCallFilter"][0].split()
    assert calls[0] == "@system-service" and set(SHOULD_STAND) <= set(calls)
    assert unit["NoNewPrivileges"] == ["yes"] and unit["CapabilityBoundingSet"] == [""]
    assert unit["User"] == ["redraft"] and unit["ProtectSystem"] == ["strict"]
    # Jobs that run on after a restart keep their temporary folder and their devices.
    assert not {"PrivateTmp", "PrivateDevices", "ProtectClock", "RuntimeDirectory", "DynamicUser"} & set(unit)


def test_a_restart_of_either_unit_leaves_jobs_running() -> None:
    assert settings("redraft-worker.service")["KillMode"] == ["process"]
    assert "--no-worker" in settings("redraft.service")["ExecStart"][0].split()


def test_the_server_of_the_unit_serves(volume: Path, scratch: Callable[[], Path]) -> None:
    image = as_image("redraft.service")
    with running(image, volume, scratch()) as container:
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:7001/api/health').status)"
        container.image.health = ["/opt/redraft/bin/python", "-c", ask]
        assert container.healthy().strip() == "200"
        assert container.stop() in (0, 128 + 15, -15)


def test_the_worker_of_the_unit_runs_and_ends(volume: Path, scratch: Callable[[], Path]) -> None:
    with running(as_image("redraft-worker.service"), volume, scratch()) as container:
        deadline = time.monotonic() + 90
        while "slot" not in container.log.read_text() and time.monotonic() < deadline:  # then it has begun
            time.sleep(0.2)
        assert container.stop() == 0, container.log.read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_itself_finds_no_fault(name: str, tmp_path: Path) -> None:
    """With a program and a user that exist here in the place of the installed ones."""
    text = (ROOT / "deploy" / name).read_text()
    user = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
    for before, after in (("/opt/redraft/bin/redraft", "/bin/true"), ("=redraft\n", f"={user}\n")):
        text = text.replace(before, after)
    for unit in UNITS:
        (tmp_path / unit).write_text(text.replace("StateDirectory=root", "StateDirectory=redraft"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0 and not checked.stderr.strip(), checked.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-500:]
