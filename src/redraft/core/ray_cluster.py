"""The connection to a Ray cluster: only to one that asks for a token, which is proved and not believed.

Without its token a Ray cluster runs whatever anybody sends it. Ray's client connects to such a cluster without a
word, also when it has a token itself; so before the first use the cluster is asked something without one, and must
refuse. Source: "Ray token authentication" in Ray's documentation; RAY_AUTH_MODE, RAY_AUTH_TOKEN,
RAY_AUTH_TOKEN_PATH and ~/.ray/auth_token are Ray's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from redraft.core.errors import StateError, UsageError

NAMESPACE = "redraft"
MODE, TOKEN, TOKEN_PATH, ADDRESS = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS"
PATIENCE = 15.0
"""Seconds that the cluster has to answer the first question."""
FEWEST = 32
"""Characters of a token that nobody guesses; Ray makes 64."""
OPEN, REFUSED = 0, 3
# Ray reads its settings once a process, so the question without a token takes a process of its own. Its own client
# for this one call says no in a third of a second; `ray.init` takes twenty to say only that it could not connect.
_QUESTION = f"""
import sys
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError
try:
    GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None, timeout=10)
except AuthenticationError:
    sys.exit({REFUSED})
"""


def connect(address: str | None = None) -> ModuleType:
    """The module `ray`, connected to the cluster of `address` (host:port), of RAY_ADDRESS, or of this machine.

    UsageError where Ray or a token is missing, or the cluster is open to everybody; StateError where it cannot be
    reached or refuses our token. A driver needs a node of the cluster on its own machine (`ray start`).
    """
    _require_token()
    os.environ[MODE] = "token"  # before the first import of ray, which reads it once
    ray = _ray()
    if ray.is_initialized():
        return ray
    found = address or os.environ.get(ADDRESS) or _here(ray)
    _prove_closed(found)
    _prove_known(found)
    try:
        ray.init(address=found, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError) as error:
        raise _away(found, str(error)) from error
    return ray


def _ray() -> ModuleType:
    try:
        import ray
    except ModuleNotFoundError:
        raise UsageError(
            "Ray is not installed here", where="executor ray", remedy="Install it: pip install 'redraft[ray]'"
        ) from None
    return ray


def _here(ray: ModuleType) -> str:
    """The cluster that a node of this machine belongs to."""
    found: str | None = ray._private.utils.read_ray_address(None)
    if not found:
        raise UsageError(
            "no Ray cluster is named, and none runs here",
            where=ADDRESS,
            remedy="Start a node (`ray start --head`, or `ray start --address HOST:PORT`), or set RAY_ADDRESS",
        )
    return found


def _require_token() -> None:
    """A UsageError where there is no token, or one that could be guessed; its value is in no message."""
    if os.environ.get(MODE, "token").lower() != "token":
        raise UsageError(
            "only Ray clusters with token authentication are used",
            where=f"{MODE}={os.environ[MODE]}",
            remedy="Set RAY_AUTH_MODE=token here and on every node, before `ray start`",
        )
    token = os.environ.get(TOKEN)
    where = TOKEN
    if not token:
        path = Path(os.environ.get(TOKEN_PATH) or Path.home() / ".ray" / "auth_token")
        where = str(path)
        try:
            token = path.read_text().strip()
        except OSError:
            raise UsageError(
                "there is no token for the Ray cluster",
                where=where,
                remedy="Make one with `ray get-auth-token --generate`, and copy the file to every node",
            ) from None
    if len(token) < FEWEST:
        raise UsageError(
            f"the token of the Ray cluster has fewer than {FEWEST} characters",
            where=where,
            remedy="Make one with `ray get-auth-token --generate`, and copy the file to every node",
        )


def _prove_closed(address: str) -> None:
    """Asks without a token. UsageError where that is answered, StateError where nobody answers."""
    environment = {name: value for name, value in os.environ.items() if name not in (TOKEN, TOKEN_PATH)}
    environment |= {MODE: "disabled", "HOME": os.devnull}
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _QUESTION, address],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _away(address, f"no answer in {PATIENCE:.0f} s") from None
    if asked.returncode == OPEN:
        raise UsageError(
            "this Ray cluster lets everybody in: it asks for no token",
            where=address,
            remedy="Stop it, set RAY_AUTH_MODE=token on every node, and start it again",
        )
    if asked.returncode != REFUSED:
        raise _away(address, asked.stderr.strip().rpartition("\n")[2])


def _prove_known(address: str) -> None:
    """Asks the same with our token, since `ray.init` would not say why it cannot connect."""
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # compiled
    from ray.exceptions import AuthenticationError, RpcError

    try:
        GcsClient(address=address).internal_kv_keys(b"", None, timeout=10)
    except AuthenticationError as error:
        raise StateError(
            "the Ray cluster refuses this machine's token",
            where=address,
            remedy="Copy the head node's token (`ray get-auth-token` prints it) to ~/.ray/auth_token, mode 0600",
        ) from error
    except (RpcError, RuntimeError) as error:
        raise _away(address, str(error)) from error


def _away(address: str, why: str) -> StateError:
    return StateError(
        f"the Ray cluster does not answer ({why or 'it said nothing'})",
        where=address,
        remedy="Look with `ray status`; this machine must be a node of it: ray start --address HOST:PORT",
    )
