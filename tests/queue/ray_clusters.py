"""Ray clusters of two nodes on this machine, for the tests: processors on both, and on one a (pretended) GPU.

Ray reads its settings and its token once a process. So a cluster is started by a process of its own, which is this
file, and all tests of one process share one token.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Nodes:
    address: str


def make_token(folder: Path) -> Path:
    path = folder / "ray-token"
    path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
    return path


@cache
def own_token() -> Path:
    """The token that this process knows."""
    folder = Path(tempfile.mkdtemp(prefix="redraft-ray-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_token(folder)


@contextmanager
def two_nodes(**variables: str) -> Iterator[Nodes]:
    """A cluster whose nodes, and this process, have these variables. The head has one processor, the other node
    two, and a GPU as far as Ray knows. This process is not connected yet."""
    before = dict(os.environ)
    os.environ.update(SETTINGS | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(own_token())} | variables)
    starter = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert starter.stdout is not None
        address = starter.stdout.readline().strip()
        assert address, "the cluster did not start"
        yield Nodes(address)
    finally:
        if "ray" in sys.modules:
            sys.modules["ray"].shutdown()
        starter.communicate(timeout=60)
        os.environ.clear()
        os.environ.update(before)


def main() -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=2, num_gpus=1)
        print(cluster.address, flush=True)
        sys.stdin.read()  # until its test ends, however that happens
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
