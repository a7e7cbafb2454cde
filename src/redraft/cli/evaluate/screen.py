"""The figures of an evaluation in the terminal: tables, then what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

Figures = dict[str, Any]
WIDEST = 1_000
"""Columns of a terminal on which everything has room."""
MOST_DETAILS = 40
"""Measures shown; the JSON has all."""


def show_evaluation(value: Figures) -> None:
    """Prints on standard output what `redraft evaluate` returned."""
    screen = Console(highlight=False, soft_wrap=True)
    columns = [value, *([value["against"]] if value.get("against") else [])]
    screen.print(_models(columns))
    others = {**value.get("baselines", {}), **value.get("text", {})}
    if others:
        screen.print()
        screen.print(_beside(others))
    against = {value["against"]["model"]: value["against"]} if value.get("against") else {}
    measured = _details(value, {**against, **others})
    if measured is not None:
        if Measurement.get(screen, screen.options.update(width=WIDEST), measured).maximum > screen.width:
            measured = _details(value, {})
        screen.print()
        screen.print(measured)
    screen.print()
    for sentence in value["says"]:
        screen.print(escape(sentence))
    for name in ("out", "report"):
        if value.get(name):
            screen.print(f"[dim]{name}:[/] {escape(value[name])}")


def _models(columns: list[Figures]) -> Table:
    table = _table("", *(column["model"] for column in columns))
    for name, row in _rows(columns):
        if any(row):
            table.add_row(name, *row)
    return table


def _beside(others: dict[str, Figures]) -> Table:
    """What else answered the same examples, and by how much the model is above it."""
    table = _table("beside it", "score", "95 % interval", "the model above it", "95 % interval")
    for name, other in others.items():
        gain = other["gain"]
        table.add_row(
            escape(name),
            figure(other.get("mean")),
            interval(other.get("interval")),
            signed(gain["difference"]),
            interval(gain["interval"], sign=True),
        )
    return table


def _details(value: Figures, others: dict[str, Figures]) -> Table | None:
    """What the task measures besides, of the model with its interval, and of the others where there is room."""
    named = {name: detail for name, detail in value["details"].items() if "mean" in detail or "share" in detail}
    if not named:
        return None
    table = _table("measured besides", "mean", "95 % interval", "answers", *others)
    for name, detail in list(named.items())[:MOST_DETAILS]:
        found = [other["details"].get(name, {}) for other in others.values()]
        table.add_row(
            escape(name.replace("_", " ")),
            short(middle(detail)),
            interval(detail.get("interval"), form=short),
            f"{detail['count']:,}",
            *(short(middle(other)) for other in found),
        )
    return table


def _rows(columns: list[Figures]) -> list[tuple[str, list[str]]]:
    def each(form: Callable[[Figures], str]) -> list[str]:
        return [form(column) for column in columns]

    rows = [
        ("score (first answer)", each(lambda c: figure(c.get("mean")))),
        ("95 % interval", each(lambda c: interval(c["interval"]))),
        ("median", each(lambda c: figure(c.get("median")))),
        ("valid answers", each(lambda c: f"{100 * c['valid']:.1f} %")),
        ("loss", each(lambda c: figure(c.get("loss")))),
        ("loss, wrong images", each(lambda c: figure(c.get("loss_shuffled")))),
        ("tokens a second", each(lambda c: f"{c['speed']['tokens_per_second'] or 0:,.0f}")),
    ]
    best = columns[0]["best_of"]["samples"] if columns[0]["best_of"] else 0
    if best:
        rows.insert(3, (f"best of {best}", each(lambda c: figure(c["best_of"].get("mean")))))
    return rows


def _table(*head: str) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for number, name in enumerate(head):
        table.add_column(escape(name), justify="right" if number else "left")
    return table


def middle(detail: Figures) -> float | None:
    """A detail's mean, or the share of a yes."""
    found = detail.get("mean", detail.get("share"))
    return None if found is None else float(found)


def figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def signed(value: float) -> str:
    """With its sign; what rounds to nothing has none."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text


def short(value: float | None) -> str:
    """Three decimals below a hundred, whole numbers above."""
    return "" if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def interval(found: list[float] | None, *, form: Callable[[float], str] = figure, sign: bool = False) -> str:
    if not found:
        return ""
    low, high = (signed(value) if sign else form(value) for value in found)
    return f"{low} to {high}"
