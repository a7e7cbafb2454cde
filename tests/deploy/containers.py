"""A container without an engine: the image as its Dockerfile says, in namespaces of the kernel.

The last stage's COPYs are done, its environment, user, folder and commands are taken as they stand. The file
system is this machine's own, read-only but for the volume and /tmp, with the image's paths put in; network,
processes and mounts are the container's own, so ports are the file's very numbers. Needs root, or user namespaces.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "etc", "opt")
BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INIT = Path(__file__).with_name("container_init.py")


@dataclass
class Image:
    """What the last stage of a Dockerfile says."""

    file: Path
    bases: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    copies: list[tuple[list[str], str]] = field(default_factory=list)
    """From the context; those from another stage are not here."""
    user: str = "0:0"
    folder: str = "/"
    ports: list[int] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Image:
        parser = DockerfileParser(fileobj=io.BytesIO(file.read_bytes()), env_replace=True)
        image = cls(file, bases=list(parser.parent_images), environment=dict(parser.envs))
        stages = [at for at, step in enumerate(parser.structure) if step["instruction"] == "FROM"]
        image.environment["PATH"] += BASE_PATH  # the file appends the one of its base, which no parser knows
        for step in parser.structure[stages[-1] :]:
            image._take(step["instruction"], step["value"])
        return image

    def _take(self, instruction: str, value: str) -> None:
        match instruction:
            case "COPY" if not value.startswith("--from"):
                *sources, target = value.split()
                self.copies.append((sources, target))
            case "USER":
                self.user = value
            case "WORKDIR":
                self.folder = value
            case "EXPOSE":
                self.ports += [int(port) for port in value.split()]
            case "VOLUME":
                self.volumes += json.loads(value)
            case "ENTRYPOINT":
                self.entrypoint = json.loads(value)
            case "CMD":
                self.command = json.loads(value)
            case "HEALTHCHECK":
                self.health = json.loads(value[value.index("CMD") + 3 :])
            case "RUN" if "apt-get install" in value:
                words = re.split(r"\s+", value.split("apt-get install", 1)[1].split("&&")[0])
                self.packages += [word for word in words if word and not word.startswith("-") and word != "\\"]


class Container:
    """image, running. volume: the folder that is its first volume, kept when it ends."""

    def __init__(self, image: Image, volume: Path, scratch: Path, **environment: str) -> None:
        self.image, self.volume = image, volume
        self.log = scratch / "container.log"
        venv, python = Path(sys.prefix), Path(sys.base_prefix)
        shown = [[str(path), str(path), False] for path in (venv, python, ROOT / "src")]
        layer = scratch / "layer"
        for sources, target in image.copies:
            for source in sources:
                found, to = ROOT / source, layer / target.lstrip("/")
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(found, to, dirs_exist_ok=True) if found.is_dir() else shutil.copy(found, to)
        # What the first stage installs is this environment.
        (layer / "opt/redraft").mkdir(parents=True, exist_ok=True)
        for part in ("bin", "lib", "pyvenv.cfg"):
            (layer / "opt/redraft" / part).symlink_to(venv / part)
        spec = {
            "root": str(scratch / "root"),
            "system": SYSTEM,
            "binds": [*shown, [str(layer / "opt/redraft"), "/opt/redraft", False],
                      [str(volume), image.volumes[0], True]],
            "folder": image.folder,
            "user": [int(part) for part in image.user.split(":")],
            "environment": image.environment | environment,
            "command": [*image.entrypoint, *image.command],
        }  # fmt: skip
        self.environment: dict[str, str] = dict(spec["environment"])
        (scratch / "root").mkdir()
        (scratch / "spec.json").write_text(json.dumps(spec))
        with self.log.open("ab") as log:
            self.outside = subprocess.Popen(
                [*unshared(), sys.executable, str(INIT), str(scratch / "spec.json")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def init(self) -> int:
        """The first process of the container, by its number outside."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.outside.poll() is None:
            found = Path(f"/proc/{self.outside.pid}/task/{self.outside.pid}/children").read_text().split()
            if found:
                return int(found[0])
            time.sleep(0.05)
        raise AssertionError(f"the container did not start: {self.log.read_text()}")

    def run(self, command: list[str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Another command in it, as its user: what `docker exec` and the health check do."""
        user = self.image.user.partition(":")[0]
        as_user = (
            ["--setuid", user, "--setgid", user] if os.geteuid() == 0 else ["--preserve-credentials", "--user"]
        )
        return subprocess.run(
            ["nsenter", "--target", str(self.init), "--mount", "--pid", "--net", "--root", "--wd", *as_user,
             "env", "-i", *[f"{k}={v}" for k, v in self.environment.items()], *command],
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def healthy(self, seconds: float = 90) -> str:
        """Waits until the health check says so; what it said."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.outside.poll() is None:
            done = self.run(self.image.health)
            if done.returncode == 0:
                return done.stdout
            time.sleep(0.3)
        raise AssertionError(f"never healthy: {self.log.read_text()[-3000:]}")

    def stop(self, seconds: float = 60) -> int:
        """As `docker stop`: SIGTERM to the first process, and its exit code."""
        os.kill(self.init, signal.SIGTERM)
        return self.outside.wait(seconds)


def unshared() -> list[str]:
    apart = ["unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child"]
    return apart if os.geteuid() == 0 else [*apart, "--user", "--map-root-user"]


@functools.cache
def refused() -> str:
    """Why this machine makes no namespaces with mounts of their own, such as inside of a locked container."""
    try_it = ["sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /tmp && mount -t proc proc /proc"]
    try:
        done = subprocess.run([*unshared(), *try_it], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


@contextlib.contextmanager
def running(image: Image, volume: Path, scratch: Path, **environment: str) -> Iterator[Container]:
    if refused():
        pytest.skip(f"containers cannot be made here: {refused()}")
    container = Container(image, volume, scratch, **environment)
    try:
        yield container
    finally:
        if container.outside.poll() is None:
            with contextlib.suppress(OSError, AssertionError):
                os.kill(container.init, signal.SIGKILL)
            container.outside.wait(20)
