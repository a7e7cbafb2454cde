"""Keepers on the nodes of a Ray cluster: Ray finds a node with processors and GPUs, our lease stays the truth.

A keeper is held by a detached, named actor, so that it outlives this worker and the next one finds it by its name.
Ray restarts nothing: whether a job is tried again is decided by its row alone. docs/clusters.md says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal

from redraft import __version__
from redraft.core.errors import Busy, StateError, from_data
from redraft.core.ray_cluster import NAMESPACE, connect
from redraft.queue import liveness
from redraft.queue.executors import ray_node
from redraft.queue.executors.base import Handle, Life
from redraft.queue.executors.local import GRACE, PROGRAM, LocalExecutor
from redraft.queue.keeping.logs import job_folder
from redraft.state.tables import Job

BEGIN = 15.0
"""Seconds in which a keeper must have begun, Ray's start of a process on the node included."""
ANSWER = 0.1
"""Seconds to wait for a node's answer at each look; it may come at a later look."""
SILENT = 10.0
"""Seconds without an answer after which a keeper's life is unknown."""


class RayExecutor:
    name = "ray"

    def __init__(
        self,
        address: str | None = None,
        *,
        grace: float = GRACE,
        local: bool = True,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        """address: host:port of the cluster; None: RAY_ADDRESS, or the one of this machine. grace: seconds that
        the work of a dead keeper has to save. local: whether a keeper that runs on this very machine is looked
        after as a process of it, which needs no answer of Ray. program: as of `LocalExecutor`."""
        self.address, self.grace, self.program = address, grace, tuple(program)
        self._local = LocalExecutor(grace) if local else None
        self._connected: ModuleType | None = None
        self._asked: dict[str, _Question] = {}
        self._ending: dict[str, float] = {}

    def submit(self, job: Job) -> dict[str, Any]:
        """As `Executor.submit`. Busy where no node has room now; StateError where the cluster does not answer."""
        ray = self.connect()
        job_folder(job.id).mkdir(parents=True, exist_ok=True)
        needs = resources(job, with_gpus=ray.cluster_resources().get("GPU", 0) > 0)
        name = f"{_prefix(job.id)}{job.lease_token}"
        once = {"lifetime": "detached", "max_restarts": 0, "max_task_retries": 0}
        try:
            actor: Any = (
                ray.remote(ray_node.KeeperHost).options(name=name, namespace=NAMESPACE, **once, **needs).remote()
            )
            begun = actor.begin.remote(job.id, job.lease_token, __version__, self.program)
            said = ray.get(begun, timeout=BEGIN)
        except ray.exceptions.GetTimeoutError:
            ray.kill(actor)  # a keeper that begins in this very moment finds its lease gone, and ends
            raise Busy(
                f"no node of the Ray cluster has room for it now ({_in_words(needs)})",
                where=job.id,
                remedy="It is tried again; `ray status` shows what is free",
            ) from None
        except ray.exceptions.RayError as error:
            raise StateError(
                f"the Ray cluster could not start its keeper ({type(error).__name__})",
                where=job.id,
                remedy="Look with `ray status`, and into Ray's logs on its nodes",
            ) from error
        if "error" in said:
            ray.kill(actor)
            raise from_data(said["error"])
        return {"job": job.id, "actor": name, **said}

    def poll(self, handle: Handle) -> Life:
        if self._local is not None and _is_here(handle):
            return self._local.poll(handle)
        job = handle["job"]
        question = self._asked.pop(job, None) or self._ask_actor(handle)
        answer = question.answer(self.connect())
        if answer == "waiting":
            self._asked[job] = question
            return "alive" if question.age() < SILENT else "unknown"
        if answer == "gone" and question.of_actor and "node" in handle:
            self._asked[job] = self._on(handle["node"], ray_node.look, handle["keeper"])
            return "alive"  # as far as is known yet: its node says more at the next look
        if answer == "gone":
            return "unknown"
        return "alive" if answer else "dead"

    def stop(self, handle: Handle, hard: bool = False) -> None:
        if self._local is not None and _is_here(handle):
            self._local.stop(handle, hard)
            return
        if "node" in handle:
            self._on(handle["node"], ray_node.signal_keeper, handle["keeper"], hard)
        for actor in self._actors(handle["job"]):
            actor.stop.remote(hard)

    def recover(self, handle: Handle) -> bool:
        """As `Executor.recover`, on the keeper's node. Of a node that is gone there is nothing to be ended."""
        job = handle["job"]
        if self._local is not None and _is_here(handle):
            return self._local.recover(handle)
        if "node" not in handle:  # its worker died before it knew where the keeper begins
            left = self._actors(job)
            for actor in left:
                actor.stop.remote(True)
                self.connect().kill(actor)
            return not left
        until = self._ending.setdefault(job, time.monotonic() + self.grace)
        question = self._asked.pop(f"end {job}", None)
        answer = question.answer(self.connect()) if question is not None else None
        if answer == 0 or answer == "gone":
            del self._ending[job]
            return True
        if question is None or answer != "waiting":
            question = self._on(handle["node"], ray_node.signal_rest, job, time.monotonic() > until)
        self._asked[f"end {job}"] = question
        return False

    def connect(self) -> ModuleType:
        """The module `ray`, connected; errors as `ray_cluster.connect`."""
        if self._connected is None:
            self._connected = connect(self.address)
        return self._connected

    def _ask_actor(self, handle: Handle) -> _Question:
        found = self._actors(handle["job"])
        return _Question(found[0].alive.remote() if found else None, of_actor=True)

    def _actors(self, job: str) -> list[Any]:
        """The actors of a job, found by their names: those of an earlier worker too."""
        ray = self.connect()
        names = [name for name in ray.util.list_named_actors() if name.startswith(_prefix(job))]
        found = []
        for name in names:
            try:
                found.append(ray.get_actor(name, namespace=NAMESPACE))
            except ValueError:
                continue  # it has ended in between
        return found

    def _on(self, node: str, function: Callable[..., Any], *arguments: Any) -> _Question:
        """Calls a function on one node, whatever is busy there."""
        ray = self.connect()
        pinned = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        call = ray.remote(function).options(num_cpus=0, max_retries=0, scheduling_strategy=pinned)
        return _Question(call.remote(*arguments))


class _Question:
    """Something asked of a node, whose answer is not waited for long."""

    def __init__(self, reference: Any, of_actor: bool = False) -> None:
        self.reference, self.of_actor = reference, of_actor
        self._since = time.monotonic()

    def age(self) -> float:
        return time.monotonic() - self._since

    def answer(self, ray: ModuleType) -> Any | Literal["waiting", "gone"]:
        if self.reference is None:
            return "gone"
        try:
            return ray.get(self.reference, timeout=ANSWER)
        except ray.exceptions.GetTimeoutError:
            return "waiting"
        except ray.exceptions.RayError:
            return "gone"


def resources(job: Job, *, with_gpus: bool) -> dict[str, float]:
    """What Ray keeps free for a job while it runs. with_gpus: whether the cluster has any.

    A job for a device gets a GPU and a processor for each of its processes, or processors alone on a cluster
    without GPUs; every other job a processor. All of one job on one node.
    """
    processes = int(job.payload.get("processes") or 1)
    if job.resource != "device":
        return {"num_cpus": 1}
    return {"num_cpus": processes, "num_gpus": processes} if with_gpus else {"num_cpus": processes}


def _is_here(handle: Handle) -> bool:
    return "keeper" in handle and liveness.here(handle["keeper"])


def _prefix(job: str) -> str:
    return f"keeper-{job}-"


def _in_words(needs: Mapping[str, float]) -> str:
    words = {"num_cpus": "processors", "num_gpus": "GPUs"}
    return ", ".join(f"{count:g} {words[what]}" for what, count in needs.items())


def executor() -> RayExecutor:
    """Connected, so that a worker which cannot use its cluster says so before it takes a job."""
    found = RayExecutor()
    found.connect()
    return found
