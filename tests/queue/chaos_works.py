"""What a chaos run disturbs: trainings under `redraft serve`, or light work in steps under a worker alone."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from stepping_work import HERE, KINDS

from redraft.queue.jobs import Jobs
from redraft.state.tables import ENDED, Job


class Work(Protocol):
    kind: str
    kinds: Mapping[str, Any] | None
    roles: dict[str, int]
    """What is killed, and how often beside the others."""
    environment: dict[str, str]

    def prepare(self, jobs: Jobs) -> dict[str, Any]:
        """The payload of every job; what it needs has been made."""
        ...

    def start(self, environment: Mapping[str, str], log: Path) -> tuple[subprocess.Popen[bytes], float]:
        """The process that a machine would start again whenever it ends, and the seconds until it is ready."""
        ...

    def outcome(self, home: Path, job: Job) -> Any:
        """What the job came to, the same of every undisturbed one."""
        ...


class Training:
    kind, kinds = "train", None
    roles = {"server": 2, "worker": 2, "keeper": 3, "trainer": 3}  # noqa: RUF012
    environment = {"OMP_NUM_THREADS": "1"}  # noqa: RUF012

    def __init__(self, steps: int = 24) -> None:
        self.train = {"max_steps": steps, "epochs": 1000, "save_every": 3, "batch_size": 2, "log_every": 1}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def prepare(self, jobs: Jobs) -> dict[str, Any]:
        asked = {"task": "cad", "train": 12, "seed": 1, "options": {"level": "simple"}}
        made = jobs.submit("generate", asked)
        while (made := jobs.get(made.id)).state not in ENDED:
            time.sleep(0.1)
        id = str(made.output["dataset"])
        recipe = {"task": "cad", "dataset": id, "model": {"base": "tiny", "freeze": []}, "train": self.train}
        return {"recipe": recipe, "dataset": id}

    def start(self, environment: Mapping[str, str], log: Path) -> tuple[subprocess.Popen[bytes], float]:
        command = [sys.executable, "-m", "redraft", "serve", "--port", str(self.port), "--no-open"]
        began = time.monotonic()
        server = begin(command, environment, log)
        while True:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=5) as answer:
                    assert json.load(answer)["status"] == "ok"
                return server, time.monotonic() - began
            assert server.poll() is None and time.monotonic() - began < 120, log.read_text()[-4000:]
            time.sleep(0.02)

    def outcome(self, home: Path, job: Job) -> Any:
        """Hashes of all tensors of the last checkpoint (weights, moments, random states), and each step's loss."""
        folder = home / "runs" / str(job.output["run"])
        checkpoints = sorted(folder.glob("checkpoints/step-*"), key=lambda path: int(path.name.split("-")[1]))
        if not checkpoints:
            return job.id
        manifest = json.loads((checkpoints[-1] / "manifest.json").read_text())
        files = sorted(manifest["files"].items())
        tensors = [(name, facts["sha256"]) for name, facts in files if name.endswith("safetensors")]
        rows = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        losses = [(row["step"], row["loss"]) for row in rows if row["kind"] == "step"]
        return manifest["step"], tensors, losses


class Stepping:
    kind, kinds = "stepping", KINDS
    roles = {"worker": 3, "keeper": 4, "trainer": 4}  # noqa: RUF012
    environment = {"REDRAFT_TASKS": str(HERE / "tasks")}  # noqa: RUF012

    def prepare(self, jobs: Jobs) -> dict[str, Any]:
        return {"request": {"steps": 60, "seconds": 0.03, "save_every": 4, "loading": 0.1}}

    def start(self, environment: Mapping[str, str], log: Path) -> tuple[subprocess.Popen[bytes], float]:
        return begin([sys.executable, str(HERE / "stepping_worker.py")], environment, log), 0.0

    def outcome(self, home: Path, job: Job) -> Any:
        return job.result


def begin(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
