"""Many streams of events, each of one job, that break off now and then and go on with Last-Event-ID."""

from __future__ import annotations

import asyncio
import random
import re
import time
from dataclasses import dataclass, field
from itertools import pairwise

from load_sides.client import Target, quantile

EVENT = re.compile(rb'"n":(\d+),"sent":([0-9.]+)\}\}\r?\nid: (\d+)\r?\n|\nid: (\d+)\r?\n')
"""Of an event: its number among its job's, when it was written, its id; or the id of another one."""


@dataclass
class Watched:
    """What came to all streams. numbers: of each job, in the order in which they came."""

    numbers: dict[str, list[int]]
    latencies: list[float] = field(default_factory=list)
    after_reconnect: list[float] = field(default_factory=list)
    reconnects: int = 0
    beats: int = 0

    def has_all(self, last: dict[str, int]) -> bool:
        """Whether the last event of every job has come."""
        return all(self.numbers[job][-1:] == [number] for job, number in last.items())

    def figures(self, last: dict[str, int]) -> dict[str, float]:
        """last: the number of each job's last event, as written."""
        missing = doubled = disordered = 0
        for job, numbers in self.numbers.items():
            wanted = last[job] + 1
            missing += wanted - len(set(numbers))
            doubled += len(numbers) - len(set(numbers))
            disordered += sum(b <= a for a, b in pairwise(numbers))
        ordered, again = sorted(self.latencies), sorted(self.after_reconnect)
        return {
            "streams": len(self.numbers),
            "events": len(ordered) + len(again),
            "reconnects": self.reconnects,
            "missing": missing,
            "doubled": doubled,
            "out_of_order": disordered,
            "p50_ms": round(1000 * quantile(ordered, 0.5), 1),
            "p99_ms": round(1000 * quantile(ordered, 0.99), 1),
            "max_ms": round(1000 * ordered[-1], 1),
            "p99_after_reconnect_ms": round(1000 * quantile(again, 0.99), 1) if again else 0.0,
        }


async def watch(target: Target, watched: Watched, stop: asyncio.Event, every: float, seed: int = 1) -> None:
    """A stream for each job until `stop`; each breaks off after `every` seconds on the mean, 0 for never."""
    source = random.Random(seed)
    await asyncio.gather(*(_stream(target, job, watched, stop, every, source) for job in watched.numbers))


async def _stream(
    target: Target, job: str, watched: Watched, stop: asyncio.Event, every: float, source: random.Random
) -> None:
    last, first = 0, True
    while not stop.is_set():
        stays = time.perf_counter() + (source.expovariate(1 / every) if every else 1e9)
        reader, writer = await asyncio.open_connection(target.host, target.port, limit=2**22)
        more = (f"Last-Event-ID: {last}",) if last else ()
        writer.write(target.head(f"/api/jobs/{job}/events", *more))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:20]:
            raise SystemExit(f"a stream answered {head[:200]!r}")
        if not first:
            watched.reconnects += 1
        last = await _read(reader, job, watched, stop, stays, last, caught_up=first)
        first = False
        writer.close()


async def _read(
    reader: asyncio.StreamReader,
    job: str,
    watched: Watched,
    stop: asyncio.Event,
    stays: float,
    last: int,
    caught_up: bool,
) -> int:
    """Reads until the stream is to break off; the id of the last event."""
    rest = b""
    connected = time.time()
    while not stop.is_set() and time.perf_counter() < stays:
        try:
            async with asyncio.timeout(0.5):
                data = await reader.read(2**16)
        except TimeoutError:
            continue
        now = time.time()
        if not data:
            break
        rest += data
        at = 0
        for found in EVENT.finditer(rest):
            at = found.end() - 1
            if found.group(1) is None:
                continue
            last = int(found.group(3))
            watched.numbers[job].append(int(found.group(1)))
            sent = float(found.group(2))
            # What was written while nobody was connected waited for the connection, not for the server.
            (watched.latencies if caught_up or sent >= connected else watched.after_reconnect).append(now - sent)
        rest = rest[at:]
    return last
