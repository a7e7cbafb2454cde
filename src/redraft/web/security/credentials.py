"""Whether a request carries the token or a session: compared in constant time, and told apart when it fails."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass

from redraft.state.access.sessions import cookie_name, session_ends
from redraft.state.access.token import Token


@dataclass(frozen=True)
class Pass:
    """The request may go on."""

    by_cookie: bool


@dataclass(frozen=True)
class Denied:
    """It may not; what its caller should hear."""

    what: str
    remedy: str


ASK = "Send the token that `redraft token` prints as 'Authorization: Bearer TOKEN'"
NONE = Denied("this needs the token of the service", ASK)
WRONG = Denied("the token is not the one of this service", ASK)
EXPIRED = Denied("the token has expired", "Make a new one with `redraft token --new`")
SESSION = Denied("this browser's session has ended", "Open the link that `redraft token --link` prints")
NO_TOKEN = Denied("the service has no token", "Run `redraft token` on its machine")


def check(headers: Mapping[str, str], token: Token | None) -> Pass | Denied:
    """Judges the Authorization header, or else the session's cookie. A wrong header is not rescued by a cookie."""
    if token is None:
        return NO_TOKEN
    given = headers.get("authorization")
    if given is not None:
        scheme, _, value = given.partition(" ")
        if scheme.lower() != "bearer" or not is_token(value.strip(), token):
            return WRONG
        return EXPIRED if token.has_expired else Pass(by_cookie=False)
    session = _cookie(headers.get("cookie", ""), cookie_name(token))
    if session is None:
        return NONE
    ends = session_ends(token, session)
    if ends is None or ends <= time.time() or token.has_expired:
        return SESSION
    return Pass(by_cookie=True)


def is_token(value: str, token: Token) -> bool:
    """Whether the value is the token; takes as long for a wrong one of any length or content."""
    return hmac.compare_digest(
        hashlib.sha256(value.encode(errors="surrogateescape")).digest(),
        hashlib.sha256(token.value.encode()).digest(),
    )


def _cookie(header: str, name: str) -> str | None:
    if name not in header:
        return None
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None
