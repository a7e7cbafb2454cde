"""The report of a search: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from redraft.tasks.summary.search.findings import Findings, Tried

THUMBNAIL = 460
"""Pixels of a thumbnail's width: twice what it is shown at."""


def write_report(
    path: Path, found: Findings, about: Mapping[str, Any], pages: Mapping[int, bytes], chart: Path
) -> None:
    """about: model, dataset, split, documents, seed. pages: the first page of one document by trial, PNG files."""
    css = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    drawing = chart.read_text(encoding="utf-8")
    says = "".join(f"<li>{escape(sentence)}</li>" for sentence in found.says)
    figures = "".join(_figure(found, number, pages[number]) for number in found.front)
    order = sorted(found.tried, key=lambda one: (not one.whole, -one.score))
    rows = "".join(_row(found, one) for one in order)
    head = ("", "style", "page", "pages", "tokens", "compression", "letters", "score", "95 % interval",
            "per 1,000 tokens", "seconds", "documents", "failed")  # fmt: skip
    style = found.of(found.advice).trial.style.model_dump()
    path.write_text(
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Page styles of {escape(about["model"])}</title><style>{css}</style></head><body><main>
<p class="eyebrow">Style search: {escape(about["model"])} on {about["documents"]} documents of
{escape(about["dataset"])}, split {escape(about["split"])}, seed {about["seed"]}</p>
<h1>Which page style buys the most quality per token</h1>
<ul class="says">{says}</ul>
<figure class="chart">{drawing[drawing.index("<svg") :]}</figure>
<h2>The front</h2>
<p class="note">The first page of the same document in each style that no other one beats in score and tokens at
once, the cheapest first.</p><br>
<div class="front">{figures}</div>
<h2>All styles</h2>
<div class="table"><table><thead><tr>{"".join(f"<th>{name}</th>" for name in head)}</tr></thead>
<tbody>{rows}</tbody></table></div>
<h2>The chosen style</h2>
<p class="note">As options of a dataset: <code>{escape("style={" + _yaml(style) + "}")}</code></p>
</main></body></html>
""",
        encoding="utf-8",
    )


def _yaml(style: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in style.items()
    )


def _figure(found: Findings, number: int, page: bytes) -> str:
    one = found.of(number)
    kind = ' class="advice"' if number == found.advice else ""
    return (
        f'<figure{kind}><img alt="page in style {number}" src="data:image/png;base64,{_thumbnail(page)}">'
        f"<figcaption><b>{number}: {escape(one.trial.label)}</b><br>"
        f"score {one.score:.3f}{_interval(one, ' (', ')')}<br>"
        f"{one.tokens:,.0f} tokens, {one.ratio:.1f}x, letters {_letters(one)} px</figcaption></figure>"
    )


def _row(found: Findings, one: Tried) -> str:
    data = one.as_data()
    number = one.trial.number
    kind = "advice-row" if number == found.advice else "front-row" if number in found.front else ""
    kind = kind or ("" if one.whole else "behind")
    cells = (
        str(number),
        escape(one.trial.label),
        f"{data['width']} x {data['height']}",
        f"{one.pages:.1f}",
        f"{one.tokens:,.0f}",
        f"{one.ratio:.1f}x",
        _letters(one),
        f"{one.score:.3f}",
        _interval(one),
        f"{one.per_thousand:.3f}",
        "" if data["seconds"] is None else f"{data['seconds']:.2f}",
        str(len(one.rows)),
        escape(", ".join(f"{count} {reason}" for reason, count in data["failures"].items())),
    )
    return f'<tr class="{kind}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _letters(one: Tried) -> str:
    return f"{max(row.letters for row in one.rows):.1f}"


def _interval(one: Tried, before: str = "", behind: str = "") -> str:
    return "" if one.interval is None else f"{before}{one.interval[0]:.3f} to {one.interval[1]:.3f}{behind}"


def _thumbnail(page: bytes) -> str:
    picture = Image.open(io.BytesIO(page)).convert("L")
    if picture.width > THUMBNAIL:
        picture = picture.resize(
            (THUMBNAIL, round(picture.height * THUMBNAIL / picture.width)), Image.Resampling.LANCZOS
        )
    made = io.BytesIO()
    picture.save(made, "PNG", optimize=True)
    return base64.b64encode(made.getvalue()).decode()
