"""The names under which the server may be called: a page of another site that points its own name at this address
(DNS rebinding) calls us by a name that is not ours, and is refused."""

from __future__ import annotations

import ipaddress
import socket

from redraft.web.settings import Settings

LOCAL = ("localhost", "127.0.0.1", "::1")


class Hosts:
    """The allow-list. Beyond this machine it holds any plain address too, since an address cannot be rebound."""

    def __init__(self, settings: Settings) -> None:
        self._names = {*LOCAL, *(name.lower() for name in settings.allowed_hosts)}
        self._any_address = not settings.is_local
        if not settings.is_local:
            self._names |= {settings.host.lower(), socket.gethostname().lower()}

    def allows(self, host: str) -> bool:
        """Whether a Host header, with or without a port, names this server."""
        name = name_of(host)
        if name in self._names:
            return True
        if not self._any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def name_of(host: str) -> str:
    """The name in a Host header, without its port and the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()
