"""Whether a request comes from a page of another site. Browsers say so in Sec-Fetch-Site and Origin; other clients
send neither, and prove themselves by their token."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE = frozenset({"GET", "HEAD"})


def is_foreign(method: str, headers: Mapping[str, str], *, by_cookie: bool) -> bool:
    """Whether to refuse the request because of where it comes from.

    Reading is refused to other sites' pages, also to those of another port of this machine, except for a link
    that a person follows. What changes something, and a stream of events, must come from our own page; where the
    browser says nothing at all, only a caller with a token is believed.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if origin is not None and not _is_own(origin, headers.get("host", "")):
        return True
    acts = method not in SAFE or "text/event-stream" in headers.get("accept", "")
    if site == "same-origin":
        return False
    if site is None:
        return acts and by_cookie and origin is None
    if site == "none":  # the address bar, a bookmark
        return acts and by_cookie
    follows_a_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return acts or not follows_a_link


def _is_own(origin: str, host: str) -> bool:
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
