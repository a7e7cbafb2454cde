"""Lines as a machine writes them, for blocks of code: the same in every language."""

from __future__ import annotations

import random

PARTS = ("pump", "gate", "sensor", "queue", "store", "clock", "relay", "fan", "door", "valve")
LEVELS = ("INFO", "INFO", "INFO", "WARN", "DEBUG")


def log_lines(rng: random.Random) -> list[str]:
    """Three to ten lines, later ones later in time."""
    second = rng.randrange(60_000)
    lines = []
    for _ in range(rng.randint(3, 10)):
        second += rng.randint(1, 900)
        time = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        part = rng.choice(PARTS)
        reading = f"{part}[{rng.randint(1, 12)}] = {rng.uniform(0, 100):.2f}"
        lines.append(f"{time} {rng.choice(LEVELS):5} {reading}{'  # checked' * (rng.random() < 0.15)}")
    return lines
