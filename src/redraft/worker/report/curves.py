"""Curves as inline SVG, drawn here so that the report needs no script and no library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 480, 236
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 12, 28
MAX_POINTS = 400
"""Of one curve; longer ones are averaged in equal stretches."""
MAX_DOTS = 40
"""A curve of at most so many points also shows each of them."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """look: a class of the style sheet ("main", "faint", "other", "good"). band: low and high per point, drawn as
    an area (an interval). dots: points are marked, as they are few and measured apart."""

    name: str
    points: Sequence[Point]
    look: str = "main"
    band: Sequence[tuple[float, float, float]] = ()
    dots: bool = False


def chart(
    title: str, unit: str, curves: Sequence[Curve], *, zero: bool = False, top: float | None = None, note: str = ""
) -> str:
    """A figure of curves over steps; empty where no curve has a point. zero: the axis starts at zero, or below it
    where values do; top: it reaches at least so far."""
    curves = [Curve(c.name, _finite(c.points), c.look, c.band, c.dots) for c in curves]
    curves = [c for c in curves if c.points]
    if not curves:
        return ""
    xs = [x for c in curves for x, _ in c.points]
    ys = [y for c in curves for _, y in c.points] + [y for c in curves for b in c.band for y in b[1:]]
    x_low, x_high = _range(min(xs), max(xs))
    high = max(ys) if top is None else max(*ys, top)
    if zero and max(ys) <= 0 <= min(ys):
        high = top or 1.0
    ticks = nice_ticks(min(0.0, *ys) if zero else min(ys), high)
    y_low, y_high = ticks[0], ticks[-1]

    def place(x: float, y: float) -> Point:
        return (
            LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM),
        )

    grid = _grid(ticks, [t for t in nice_ticks(x_low, x_high, 5) if x_low <= t <= x_high], place)
    drawn = "".join(_area(c, place) for c in curves) + "".join(_line(c, place) for c in curves)
    keys = "".join(f'<span class="key {c.look}">{escape(c.name)}</span>' for c in curves if len(curves) > 1)
    caption = f'<p class="note">{escape(note)}</p>' if note else ""
    label = f"{title}: {', '.join(c.name for c in curves)}"
    return (
        f'<figure class="chart"><figcaption><b>{escape(title)}</b> <i>{escape(unit)}</i>'
        f'<span class="keys">{keys}</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{grid}{drawn}</svg>'
        f"{caption}</figure>"
    )


def smooth(points: Sequence[Point], span: float = 0.05) -> list[Point]:
    """A running mean that forgets over span of all points, without the start-up bias of a plain one."""
    if len(points) < 8:
        return list(points)
    keep = 1 - 1 / max(2.0, span * len(points))
    total = weight = 0.0
    smoothed = []
    for x, y in points:
        total, weight = keep * total + y, keep * weight + 1
        smoothed.append((x, total / weight))
    return smoothed


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers with a step of 1, 2, 2.5 or 5 times a power of ten; the first <= low, the last >= high."""
    low, high = _range(low, high)
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def number(value: float) -> str:
    """A tick's label, short: 12k, 0.25, 3e-5."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:g}M"
    if size >= 1e4:
        return f"{value / 1e3:g}k"
    if size < 1e-3:
        return f"{value:.1e}".replace("e-0", "e-").replace(".0e", "e")
    return f"{value:g}"


def _range(low: float, high: float) -> Point:
    if high > low:
        return low, high
    pad = abs(low) * 0.1 or 1.0
    return low - pad, low + pad


def _finite(points: Sequence[Point]) -> list[Point]:
    kept = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if len(kept) <= MAX_POINTS:
        return kept
    size = len(kept) / MAX_POINTS
    groups = [kept[int(i * size) : int((i + 1) * size)] for i in range(MAX_POINTS)]
    return [(g[-1][0], sum(y for _, y in g) / len(g)) for g in groups]


def _grid(y_ticks: Sequence[float], x_ticks: Sequence[float], place: Callable[[float, float], Point]) -> str:
    parts = []
    for tick in y_ticks:
        _, y = place(0, tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="y" x="{LEFT - 8}" y="{y + 4:.1f}">{number(tick)}</text>')
    for tick in x_ticks:
        if tick != round(tick):
            continue
        x, _ = place(tick, y_ticks[0])
        anchor = "start" if x < LEFT + 6 else "end" if x > WIDTH - RIGHT - 14 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{number(tick)}</text>')
    return "".join(parts)


def _line(curve: Curve, place: Callable[[float, float], Point]) -> str:
    placed = [place(x, y) for x, y in curve.points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
    drawn = f'<path class="{curve.look}" d="{path}"/>' if len(placed) > 1 else ""
    if (curve.dots and len(placed) <= MAX_DOTS) or len(placed) == 1:
        drawn += "".join(
            f'<circle class="{curve.look}" cx="{x:.1f}" cy="{y:.1f}" r="3.2">'
            f"<title>{escape(curve.name)}, step {number(step)}: {value:.4g}</title></circle>"
            for (x, y), (step, value) in zip(placed, curve.points, strict=True)
        )
    return drawn


def _area(curve: Curve, place: Callable[[float, float], Point]) -> str:
    if len(curve.band) < 2:
        return "".join(
            "<line class='{}' x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}'/>".format(
                curve.look, *place(x, low), *place(x, high)
            )
            for x, low, high in curve.band
        )
    around = [place(x, low) for x, low, _ in curve.band] + [place(x, high) for x, _, high in reversed(curve.band)]
    return f'<path class="area {curve.look}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in around)}Z"/>'
