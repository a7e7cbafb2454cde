"""A load generator for one machine: HTTP/1.1 on kept connections, as little work a request as Python allows.

It shares the cores with the server, so what it measures is a lower bound of what the server can do.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


@dataclass
class Target:
    host: str
    port: int
    token: str

    def head(self, path: str, *more: str) -> bytes:
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Authorization: Bearer {self.token}"]
        return ("\r\n".join([*lines, *more]) + "\r\n\r\n").encode()


@dataclass
class Seen:
    """Seconds of every answer, and how large the last one was."""

    seconds: list[float] = field(default_factory=list)
    bytes: int = 0
    wall: float = 0.0
    answers: int = 0
    """With those of the warm-up."""

    def figures(self) -> dict[str, float]:
        ordered = sorted(self.seconds)
        return {
            "requests": len(ordered),
            "per_second": round(len(ordered) / self.wall, 1),
            "p50_ms": round(1000 * quantile(ordered, 0.50), 2),
            "p99_ms": round(1000 * quantile(ordered, 0.99), 2),
            "max_ms": round(1000 * ordered[-1], 2),
            "bytes": self.bytes,
        }


def quantile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """(status, body) of one request."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    body = await reader.readexactly(int(length.group(1))) if length else b""
    return int(head[9:12]), body


async def load(target: Target, path: str, clients: int, seconds: float, warm_up: float = 0.5) -> Seen:
    """`clients` connections that each ask for `path` as soon as they have the answer before."""
    request, seen = target.head(path), Seen()
    begin = time.perf_counter() + warm_up
    end = begin + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection(target.host, target.port, limit=2**20)
        while (sent := time.perf_counter()) < end:
            status, body = await get(reader, writer, request)
            if status != 200:
                raise SystemExit(f"{path} answered {status}: {body[:300]!r}")
            seen.answers += 1
            if sent >= begin:
                seen.seconds.append(time.perf_counter() - sent)
                seen.bytes = len(body)
        writer.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    seen.wall = seconds
    return seen
