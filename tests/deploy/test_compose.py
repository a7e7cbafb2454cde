"""The compose files: valid by the specification's own schema, and in step with the images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from containers import ROOT, Image

FILES = {"docker-compose.cpu.yml": 5000, "docker-compose.gpu.yml": 5001}


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest) -> Path:
    return ROOT / "deploy" / request.param


@pytest.fixture
def service(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    assert list(found["services"]) == ["redraft"] and list(found["volumes"]) == ["state"]
    service: dict[str, Any] = found["services"]["redraft"]
    return service


@pytest.fixture
def image(file: Path, service: dict[str, Any]) -> Image:
    context = (file.parent / service["build"]["context"]).resolve()
    assert context == ROOT
    return Image.read(context / service["build"]["dockerfile"])


def test_the_file_is_valid(file: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_publishes_the_images_port_to_this_machine_alone(
    file: Path, service: dict[str, Any], image: Image
) -> None:
    port = FILES[file.name]
    assert image.ports == [port]
    assert service["ports"] == [f"${{REDRAFT_BIND:-127.0.0.1}}:{port}:{port}"]


def test_state_lies_in_a_volume_and_the_rest_cannot_be_written(service: dict[str, Any], image: Image) -> None:
    assert service["volumes"] == [f"state:{image.volumes[0]}"]
    assert service["read_only"] is True
    assert [entry.partition(":")[0] for entry in service["tmpfs"]] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service and "user" not in service


def test_it_is_looked_after_and_stopped_with_time_to_save(service: dict[str, Any], image: Image) -> None:
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"] == ["CMD", *image.health]
    assert service["stop_grace_period"] == "3m"


def test_no_secret_stands_in_it(service: dict[str, Any]) -> None:
    for name, value in service["environment"].items():
        assert value == f"${{{name}:-}}", f"{name} is handed on, never written down"


def test_the_gpu_is_asked_for_where_it_is_used(file: Path, service: dict[str, Any]) -> None:
    devices = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    assert bool(devices) == ("gpu" in file.name)
    if devices:
        assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
