"""What runs on a node of a Ray cluster: the actor that starts a keeper there, and looks at its processes.

The actor holds the resources (processors, GPUs) that the job was given and ends with the keeper, which frees them.
It is detached: it outlives the worker that started it. It knows no database and no secret: the node's own settings
(REDRAFT_HOME, REDRAFT_DATABASE) are the keeper's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from redraft import __version__
from redraft.core.errors import RedraftError, UsageError
from redraft.core.home import home
from redraft.core.ray_cluster import ADDRESS
from redraft.queue import liveness
from redraft.queue.keeping.logs import KEEPER, BoundedLog, job_folder

SECRET = "RAY_AUTH_TOKEN"
"""The keeper has no need of it. The file of RAY_AUTH_TOKEN_PATH stays known, to draw data on the cluster."""

OF_RAYS_WORKER = ("RAY_JOB_ID", "RAY_RAYLET_PID", "RAY_WORKER_ID")
"""Facts of the actor's process that are none of the keeper's."""


class KeeperHost:
    """Made an actor by `ray.remote`. Its methods return plain data; errors come as `RedraftError.as_data()`."""

    def __init__(self) -> None:
        self._keeper: subprocess.Popen[bytes] | None = None
        self._identity: dict[str, Any] = {}

    def begin(self, job: str, token: int, version: str, program: Sequence[str]) -> dict[str, Any]:
        """{"keeper": identity, "host", "node"}, or {"error"}. Asked twice, it starts one. program: as of
        `LocalExecutor`."""
        import ray

        if self._keeper is None:
            try:
                self._keeper = _start(job, token, version, program)
            except RedraftError as error:
                return {"error": error.as_data()}
            self._identity = liveness.identity(self._keeper.pid)
            threading.Thread(target=self._end_with_it, daemon=True).start()
        node = ray.get_runtime_context().get_node_id()
        return {"keeper": self._identity, "host": liveness.host(), "node": node}

    def alive(self) -> bool:
        return self._keeper is not None and self._keeper.poll() is None

    def stop(self, hard: bool) -> None:
        if self._keeper is not None and self._keeper.poll() is None:
            self._keeper.send_signal(signal.SIGKILL if hard else signal.SIGTERM)

    def leave(self) -> None:
        import ray

        ray.actor.exit_actor()  # type: ignore[no-untyped-call]

    def _end_with_it(self) -> None:
        import ray

        assert self._keeper is not None
        self._keeper.wait()
        ray.get_runtime_context().current_actor.leave.remote()


def look(keeper: Mapping[str, Any]) -> bool:
    """On the keeper's node: whether it lives, although its actor does not."""
    return liveness.alive(keeper)


def signal_keeper(keeper: Mapping[str, Any], hard: bool) -> None:
    """On the keeper's node, where its actor is gone."""
    if liveness.alive(keeper):
        os.kill(int(keeper["pid"]), signal.SIGKILL if hard else signal.SIGTERM)


def signal_rest(job: str, hard: bool) -> int:
    """On the keeper's node: asks what is left of a job to end, or ends it; how many processes there were."""
    return liveness.signal_job(job, hard)


def _address() -> str:
    import ray

    address: str = ray.get_runtime_context().gcs_address
    return address


def _start(job: str, token: int, version: str, program: Sequence[str]) -> subprocess.Popen[bytes]:
    if version != __version__:
        raise UsageError(
            f"this node has redraft {__version__}, and its worker {version}",
            where=liveness.host(),
            remedy="Install the same version on every node",
        )
    if not job_folder(job).is_dir():
        raise UsageError(
            "this node does not see the worker's state folder",
            where=f"{home()} on {liveness.host()}",
            remedy="Give every node the same REDRAFT_HOME, on a file system that they share, before `ray start`",
        )
    environment = {name: value for name, value in os.environ.items() if name not in (SECRET, *OF_RAYS_WORKER)}
    environment[ADDRESS] = _address()
    with BoundedLog(job_folder(job) / KEEPER).appending() as log:
        return subprocess.Popen(
            [sys.executable, *program, job, str(token)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
