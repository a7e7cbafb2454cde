"""What a server is started with. Secrets are not among it: the token stays in its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from redraft.core.home import home

KIB, MIB, GIB = 2**10, 2**20, 2**30


@dataclass(frozen=True)
class Settings:
    """Defaults serve one person on this machine."""

    host: str = "127.0.0.1"
    port: int = 7001
    home: Path = field(default_factory=home)
    database: str | None = None
    """URL of the database; None: as `Database.open` finds it."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides this machine's own by which browsers and clients may call the server, without a port."""
    body_limit: int = 2 * MIB
    """Bytes of a request's body where its route names no other limit (`max_body_size`)."""
    upload_limit: int = 4 * GIB
    """Bytes of one file that is sent."""
    upload_quota: int = 20 * GIB
    """Bytes that all uploads of an owner may take on the disk."""
    worker: bool = False
    """Whether the server sees to it that a worker takes jobs (`redraft serve` does unless told not to)."""
    drain: float = 5.0
    """Seconds that open answers and streams get to end when the server is stopped."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in ("127.0.0.1", "localhost", "::1")
