"""Payloads are kept in rows and shown in answers, so nothing secret may come in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from redraft.core.errors import UsageError

NAMES = re.compile(
    r"(^|_)(token|tokens|secret|secrets|password|passwd|passphrase|credential|credentials|bearer|authorization"
    r"|cookie|(api|access|private|secret|auth|hf)_?(key|token))$"
)
INNOCENT = frozenset({"batch_tokens", "max_new_tokens", "max_tokens"})
"""Keys of recipes and verbs that count tokens of a text."""
VALUES = re.compile(
    r"(^|\W)(hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"
    r"|AKIA[0-9A-Z]{16})|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@"
)
"""Forms of well-known tokens, of private keys, and of a password in an address."""


def refuse_secrets(data: Any, where: str = "") -> None:
    """A UsageError where a key is named like a secret or a text looks like one. The value is not repeated."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            place = f"{where}.{key}" if where else str(key)
            if _is_name(str(key)) and value is not None:
                raise _error(place)
            refuse_secrets(value, place)
    elif isinstance(data, str):
        name, equals, _ = data.partition("=")  # an override
        if VALUES.search(data) or (equals and _is_name(name.rpartition(".")[2])):
            raise _error(where)
    elif isinstance(data, Sequence) and not isinstance(data, bytes | bytearray):
        for value in data:
            refuse_secrets(value, where)


def _is_name(key: str) -> bool:
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_")
    return plain not in INNOCENT and NAMES.search(plain) is not None


def _error(where: str) -> UsageError:
    return UsageError(
        "this looks like a secret, and what a job is asked for is kept and shown",
        where=where,
        remedy="Set it in the worker's environment (HF_TOKEN and the like) and leave it out here",
    )
