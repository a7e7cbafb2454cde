"""Draws the histograms and the contact sheet of docs/generated-parts.md.

    python scripts/part_histograms.py [--count 1100] [--real ../shared/data/deepcad] [--out docs/images]

Generated parts are those of seed 0. The real histories are all DeepCAD files in a folder.
"""

from __future__ import annotations

import argparse
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from redraft.core.work import Silent
from redraft.tasks.cad.dialects import read_program
from redraft.tasks.cad.generate import draft, generate_parts, part_seed
from redraft.tasks.cad.kernel.pool import KernelPool
from redraft.tasks.cad.parts.options import PartOptions
from redraft.tasks.cad.program.codec import to_data
from redraft.tasks.cad.program.types import Program
from redraft.tasks.cad.views.style import ViewStyle

MADE, REAL, INK, SOFT = "#2f6fb3", "#e08a2c", "#24292f", "#8b949e"
PANEL, HEIGHT, GAP = 300, 130, 44
SIZES = (0, 10, 20, 40, 80, 160, 320)
Chart = tuple[str, list[str], list[float], list[float]]
"""Title, names of the bars, and the share in percent of each among generated and real parts."""


def charts(made: Sequence[tuple[Program, float]], real: Sequence[tuple[Program, float]]) -> list[Chart]:
    """The five histograms; each part comes with its longest side in mm."""

    def pair(title: str, names: list[str], pick: object) -> Chart:
        assert callable(pick)
        return title, names, _shares(names, pick(made)), _shares(names, pick(real))

    def steps(parts: Sequence[tuple[Program, float]]) -> Iterable[object]:
        return (step for program, _ in parts for step in program.steps)

    size_names = [f"{a}-{b}" for a, b in pairwise(SIZES)]
    return [
        pair("operations", ["new", "join", "cut", "intersect"], lambda p: [s.operation.value for s in steps(p)]),
        pair(
            "curves",
            ["line", "arc", "circle"],
            lambda p: [type(c).__name__.lower() for program, _ in p for c in program.curves()],
        ),
        pair("extents", ["one", "symmetric", "two"], lambda p: [s.extent.value for s in steps(p)]),
        pair("extrusions a part", list("123456"), lambda p: [str(len(program.steps)) for program, _ in p]),
        pair("longest side, mm", size_names, lambda p: [size_names[_bin(side)] for _, side in p]),
    ]


def _bin(side: float) -> int:
    return int(min(np.searchsorted(SIZES, side, side="right") - 1, len(SIZES) - 2))


def _shares(names: list[str], values: Iterable[str]) -> list[float]:
    counts = Counter(values)
    total = sum(counts[name] for name in names) or 1
    return [100 * counts[name] / total for name in names]


def histograms(found: list[Chart], made: int, real: int) -> str:
    """All charts as one SVG, three to a row."""
    width, height = 3 * PANEL + 40, 2 * (HEIGHT + 2 * GAP) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="12" '
        f'font-family="system-ui, sans-serif"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for number, chart in enumerate(found):
        x, y = 24 + number % 3 * PANEL, 20 + number // 3 * (HEIGHT + 2 * GAP)
        parts.append(f'<g transform="translate({x} {y})">{_panel(*chart)}</g>')
    x, y = 24 + 2 * PANEL, 20 + HEIGHT + 2 * GAP + 40
    for row, (colour, text) in enumerate([(MADE, f"{made:,} generated parts"), (REAL, f"{real} real histories")]):
        parts.append(f'<rect x="{x}" y="{y + 26 * row}" width="14" height="14" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{x + 22}" y="{y + 26 * row + 12}" fill="{INK}">{text}</text>')
    return "".join([*parts, "</svg>\n"])


def _panel(title: str, names: list[str], made: list[float], real: list[float]) -> str:
    step = (PANEL - 40) / len(names)
    bar = min(22.0, step * 0.38)
    top = max(*made, *real)
    out = [f'<text y="12" fill="{INK}" font-weight="600">{title}</text>']
    base = 34 + HEIGHT
    fine = 12 if max(map(len, names)) * len(names) < 32 else 10
    for index, name in enumerate(names):
        middle = step * (index + 0.5)
        for x, share, colour in ((middle - bar - 1, made[index], MADE), (middle + 1, real[index], REAL)):
            tall = HEIGHT * share / top
            if share:
                out.append(
                    f'<rect x="{x:.1f}" y="{base - tall:.1f}" width="{bar:.1f}" height="{tall:.1f}" rx="1.5" '
                    f'fill="{colour}"/>'
                )
            text = f"{share:.0f}" if share >= 1 or share == 0 else f"{share:.1f}"
            out.append(
                f'<text x="{x + bar / 2:.1f}" y="{base - tall - 4:.1f}" fill="{SOFT}" font-size="9.5" '
                f'text-anchor="middle">{text}</text>'
            )
        out.append(
            f'<text x="{middle:.1f}" y="{base + 16}" fill="{INK}" font-size="{fine}" text-anchor="middle">'
            f"{name}</text>"
        )
    out.append(f'<path d="M0 {base}H{PANEL - 40}" stroke="{SOFT}"/>')
    return "".join(out)


def contact_sheet(images: Sequence[dict[str, bytes]], columns: int = 6, side: int = 128) -> Image.Image:
    """The views of parts in third angle, each in a square of two by two views."""
    rows = -(-len(images) // columns)
    page = Image.new("L", (columns * 2 * side, rows * 2 * side), 255)
    for number, views in enumerate(images):
        x, y = number % columns * 2 * side, number // columns * 2 * side
        for name, (column, row) in {"top": (0, 0), "front": (0, 1), "right": (1, 1)}.items():
            view = Image.open(io.BytesIO(views[name])).convert("L").resize((side, side), Image.Resampling.LANCZOS)
            page.paste(
                view.point(lambda v: max(0, 255 - round((255 - v) * 1.8))), (x + column * side, y + row * side)
            )
    return page.quantize(16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1100)
    parser.add_argument("--real", type=Path, default=Path("../shared/data/deepcad"))
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    real = []
    with KernelPool() as pool:
        for file in sorted(given.real.glob("[0-9]*.json")):
            program = read_program(file.read_text(), "deepcad")[0]
            real.append((program, max(pool.call("measure", {"program": to_data(program)}).value["bbox_mm"])))
        shown = list(generate_parts(24, 5, PartOptions(), Silent(), pool, ViewStyle(line_width=3, hidden_width=2)))
    made = []
    for number in range(given.count):
        candidate = draft(part_seed(0, number), PartOptions())
        made.append((candidate.program, max(candidate.sides)))
    svg = histograms(charts(made, real), len(made), len(real))
    (given.out / "generated-parts-histograms.svg").write_text(svg)
    sheet = contact_sheet([dict(part.images or {}) for part in shown])
    sheet.save(given.out / "generated-parts.png", optimize=True)


if __name__ == "__main__":
    main()
