"""Ray clusters of two nodes on this machine, for the tests: each node has processors, one of them a (pretended) GPU."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1", "OMP_NUM_THREADS": "1"}


def make_token(folder: Path) -> Path:
    path = folder / "ray-token"
    path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
    return path


@contextmanager
def two_nodes(**variables: str) -> Iterator[Any]:
    """A cluster whose nodes have these variables: what keepers on them find. The head has one processor, the other
    node two, and a GPU as far as Ray knows. This process is not connected yet."""
    before = dict(os.environ)
    os.environ.update(SETTINGS | variables)
    try:
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        try:
            cluster.add_node(num_cpus=2, num_gpus=1)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
    finally:
        os.environ.clear()
        os.environ.update(before)
