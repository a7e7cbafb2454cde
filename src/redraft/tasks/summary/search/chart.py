"""The picture of a search: score against tokens, with the Pareto front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from redraft.tasks.summary.search.findings import Findings, Tried

INK, SOFT, FAINT, MAIN, OTHER = "#1b1d20", "#5d636b", "#c3c6ca", "#1f4e8c", "#b4531a"
WIDE = 4.0
"""From this ratio of the most to the fewest tokens on, their axis is logarithmic."""
SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "svg.fonttype": "path",
    "svg.hashsalt": "redraft",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


def draw_front(found: Findings, model: str, folder: Path) -> list[Path]:
    """Writes front.png and front.svg: the same bytes for the same findings."""
    with mpl.rc_context(SETTINGS):
        figure = _figure(found, model)
        png, svg = folder / "front.png", folder / "front.svg"
        FigureCanvasAgg(figure).print_png(str(png), metadata={"Software": None})  # type: ignore[no-untyped-call]
        FigureCanvasSVG(figure).print_svg(str(svg), metadata={"Date": None})  # type: ignore[no-untyped-call]
    return [png, svg]


def _figure(found: Findings, model: str) -> Figure:
    figure = Figure(figsize=(8.4, 5.0), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    rest = [one for one in found.tried if one.trial.number not in found.front]
    chosen = [found.of(number) for number in found.front]
    tokens = [one.tokens for one in found.tried]
    if max(tokens) > WIDE * min(tokens):
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    _points(axes, [one for one in rest if not one.whole], FAINT, "fell behind", 26, 0.9)
    _points(axes, [one for one in rest if one.whole], SOFT, "tried on all documents", 34, 1.0)
    # The front is a stair: between two styles the cheaper one is what there is.
    axes.step(
        [one.tokens for one in chosen], [one.score for one in chosen], where="post", color=MAIN, lw=1.4, alpha=0.55
    )
    _points(axes, chosen, MAIN, "Pareto front", 52, 1.0)
    for one in chosen:
        _bar(axes, one)
    _ring(axes, found.of(found.advice), OTHER, "most quality per token")
    _ring(axes, found.of(0), SOFT, "style 0, to compare with")
    for one in chosen:
        _number(axes, one, (8, 7))
    if 0 not in found.front:
        _number(axes, found.of(0), (8, -14))
    _lead(axes, found)
    axes.set_xlabel("page tokens a document")
    axes.set_ylabel("score (ROUGE-Lsum)")
    axes.set_title(f"What page styles cost and bring: {model}", loc="left", color=INK, fontsize=12, pad=12)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if axes.get_ylim()[0] < 0.05 else None)
    axes.grid(axis="y", color="#ececea", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(which="both", length=0)
    figure.legend(frameon=False, fontsize=8.5, labelcolor=SOFT, loc="outside lower center", ncols=5,
                  handletextpad=0.3, columnspacing=1.3)  # fmt: skip
    return figure


def _points(axes: Any, chosen: list[Tried], colour: str, label: str, size: float, alpha: float) -> None:
    if chosen:
        x, y = [one.tokens for one in chosen], [one.score for one in chosen]
        axes.scatter(x, y, s=size, color=colour, alpha=alpha, label=label, linewidths=0, zorder=3)


def _bar(axes: Any, one: Tried) -> None:
    """The 95 % interval of a score."""
    if one.interval is not None:
        axes.plot([one.tokens] * 2, one.interval, color=MAIN, lw=1.2, alpha=0.45, zorder=2)


def _number(axes: Any, one: Tried, place: tuple[int, int]) -> None:
    look = {"color": INK, "fontsize": 9, "fontweight": "bold", "zorder": 5}
    where = (one.tokens, one.score)
    axes.annotate(str(one.trial.number), where, xytext=place, textcoords="offset points", **look)


def _lead(axes: Any, found: Findings) -> None:
    """The score of the first sentences: as a line, or in words where it lies far above all styles."""
    highest = max(one.interval[1] if one.interval else one.score for one in found.tried)
    if found.lead > 1.6 * highest:
        say = f"first three sentences, no model: {found.lead:.3f}, far above"
        axes.annotate(say, (1, 1), ha="right", va="top", xycoords="axes fraction", color=OTHER, fontsize=8.5)
        return
    axes.axhline(found.lead, color=OTHER, lw=1, ls=(0, (2, 3)))
    axes.annotate("first three sentences, no model", (1, found.lead), xycoords=("axes fraction", "data"),
                  xytext=(-4, 4), textcoords="offset points", ha="right", color=OTHER, fontsize=8.5)  # fmt: skip


def _ring(axes: Any, one: Tried, colour: str, label: str) -> None:
    look = {"facecolors": "none", "edgecolors": colour, "linewidths": 1.6}
    axes.scatter([one.tokens], [one.score], s=150, label=label, zorder=4, **look)
