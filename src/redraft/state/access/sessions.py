"""A browser's session: a signed value for its cookie, made of the token, so that no server has to remember it.

It outlives restarts of the server, and ends with the token it was signed by: `redraft token --new` ends them all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

from redraft.state.access.token import Token

LIFETIME = 30 * 86400.0
"""Seconds until a browser needs a new link; a token that ends earlier ends its sessions too."""
LONGEST = 200
"""Characters of what may be a session's value."""


def new_session(token: Token) -> tuple[str, int]:
    """The value of a session that begins now, and its life in seconds."""
    ends = time.time() + LIFETIME
    if token.expires_at is not None:
        ends = min(ends, token.expires_at)
    told = f"{int(ends)}.{secrets.token_urlsafe(12)}"
    return f"{told}.{_signature(token, told)}", max(0, int(ends - time.time()))


def session_ends(token: Token, value: str) -> float | None:
    """When the session of that value ends (seconds since 1970), which may have been; None: it is none of ours."""
    told, _, signature = value.rpartition(".")
    if len(value) > LONGEST or not told or not value.isascii():
        return None
    if not hmac.compare_digest(_signature(token, told).encode(), signature.encode()):
        return None
    return float(told.split(".")[0])


def cookie_name(token: Token) -> str:
    """The cookie's name: browsers share cookies between the ports of a machine, so each server has its own."""
    return "redraft_" + hmac.new(_key(token), b"name", hashlib.sha256).hexdigest()[:12]


def _signature(token: Token, told: str) -> str:
    return hmac.new(_key(token), b"session " + told.encode(), hashlib.sha256).hexdigest()


def _key(token: Token) -> bytes:
    return hmac.new(token.value.encode(), b"redraft sessions, version 1", hashlib.sha256).digest()
