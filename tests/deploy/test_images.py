"""The images: what their files say, and what they do when they are started as the files say."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from containers import ROOT, Container, Image, running

IMAGES = {"Dockerfile.cpu": 5000, "Dockerfile": 5001}
ASK = """
import sys, urllib.error, urllib.request
request = urllib.request.Request("http://127.0.0.1:%s" % sys.argv[1])
if len(sys.argv) > 2:
    request.add_header("Authorization", "Bearer " + open(sys.argv[2]).read().split()[0])
try:
    print(urllib.request.urlopen(request, timeout=20).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> Image:
    return Image.read(ROOT / "deploy" / request.param)


@pytest.fixture
def port(image: Image) -> int:
    return IMAGES[image.file.name]


def test_bases_are_pinned_by_version_and_digest(image: Image) -> None:
    assert len(image.bases) == 2
    for base in image.bases:
        assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)


def test_one_port_one_volume_one_user_who_is_not_root(image: Image, port: int) -> None:
    assert image.ports == [port]
    assert image.command == ["serve", "--host", "0.0.0.0", "--port", str(port)]
    assert image.health == [*image.entrypoint, "health", str(port)]
    assert image.volumes == ["/data"] == [image.environment["REDRAFT_HOME"]]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", image.user)


def test_what_is_written_lies_in_the_volume(image: Image) -> None:
    """So that the root file system can be read-only."""
    for name, value in image.environment.items():
        if name == "HOME" or name.endswith(("_HOME", "_DIR", "CONFIGDIR")):
            assert value.startswith("/data"), name


def test_the_linter_finds_nothing(image: Image) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, image.file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_system_packages_are_those_of_the_set_up_and_exist(image: Image) -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from setup import FONTS, LIBRARIES
    finally:
        sys.path.pop(0)
    assert {*LIBRARIES.values(), *FONTS.values()} <= set(image.packages)
    unknown = set(image.packages) - _known_to_apt(image.packages)
    if unknown and os.geteuid() == 0:  # a new machine has no lists yet
        subprocess.run(["apt-get", "update", "-q"], check=True, capture_output=True)
    assert not unknown - _known_to_apt(image.packages)


def _known_to_apt(packages: list[str]) -> set[str]:
    said = subprocess.run(["apt-cache", "policy", *packages], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (?!\(none\))", said, flags=re.M))


def test_everything_that_is_copied_is_there_and_not_ignored(image: Image) -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = _copied_from_the_context(image.file)
    assert {"constraints.txt", "pyproject.toml", "src", "recipes"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(Path(source).is_relative_to(allowed) for allowed in let_in), source


def _copied_from_the_context(file: Path) -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", file.read_text(), flags=re.M)
    return [source for line in lines for source in line.split()[:-1]]


def test_torch_is_the_pinned_one(image: Image) -> None:
    pattern = re.search(r"grep -o '([^']+)' constraints\.txt", image.file.read_text())
    assert pattern is not None
    found = subprocess.run(
        ["grep", "-o", pattern[1], "constraints.txt"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"torch==\d+\.\d+\.\d+\n", found.stdout)


def test_a_container_serves_with_a_token_that_its_volume_keeps(
    image: Image, port: int, volume: Path, scratch: Callable[[], Path]
) -> None:
    """Started twice with one volume, as the file says: ports, user, health check, token, stop."""
    token = ""
    for start in ("first", "second"):
        if start == "second" and port != 5000:
            break  # the two images share their entry; what a second start keeps is shown once
        with running(image, volume, scratch()) as container:
            assert container.healthy().strip() == "ok"
            file = volume / "token"
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            if os.geteuid() == 0:
                assert file.stat().st_uid == 10001
            assert token in ("", file.read_text())
            token = file.read_text()
            ask = ["python", "-c", ASK]
            assert container.run([*ask, f"{port}/api/jobs"]).stdout == "401\n"
            assert container.run([*ask, f"{port}/api/jobs", "/data/token"]).stdout == "200\n"
            assert container.run(["redraft", "token"]).stdout.split() == token.split()[:1]
            assert container.run(["sh", "-c", "touch /etc/x /opt/redraft/x /x"]).returncode != 0
            assert container.stop() == 0
        said = container.log.read_text()
        assert token.split()[0] not in said and "?code=" not in said  # nor a link that signs in


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_stop_saves_a_training_which_the_next_start_goes_on_with(
    volume: Path, scratch: Callable[[], Path]
) -> None:
    image = Image.read(ROOT / "deploy/Dockerfile.cpu")
    with running(image, volume, scratch()) as container:
        container.healthy()
        made = _submit(container, "generate", "task=cad", "train=24", "options.level=simple")
        steps = ["recipe.train.max_steps=120", "recipe.train.epochs=1000", "recipe.train.save_every=1000"]
        recipe = ["recipe.task=cad", "recipe.model.base=tiny", "recipe.model.freeze=[]", *steps]
        job = _submit(container, "train", *recipe, f"dataset={made['output']['dataset']}")["id"]
        _until(container, job, lambda row: (row["progress"] or {}).get("stage") == "training")
        assert container.stop(120) == 0
    with running(image, volume, scratch()) as container:
        container.healthy()
        done = _until(container, job, lambda row: row["state"] in ("finished", "failed"))
        assert (done["state"], done["attempt"]) == ("finished", 2), (done["reason"], done["error"])


def _submit(container: Container, kind: str, *payload: str) -> dict[str, Any]:
    done = container.run(["redraft", "jobs", "submit", kind, *payload, "--json"])
    assert done.returncode == 0, done.stderr
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def _until(
    container: Container, job: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 400
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        row = json.loads(container.run(["redraft", "jobs", "show", job, "--json"]).stdout)
        if holds(row) or row["state"] == "failed":
            return row
        time.sleep(0.5)
    raise AssertionError(f"never came: {row}")


@pytest.mark.slow
def test_the_package_is_built_from_what_the_image_is_given(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for source in _copied_from_the_context(ROOT / "deploy/Dockerfile.cpu"):
        found, to = ROOT / source, context / source
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(found, to, dirs_exist_ok=True) if found.is_dir() else shutil.copy(found, to)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--quiet",
        "--wheel-dir",
        str(tmp_path),
        str(context),
    ]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("redraft-*.whl"))
