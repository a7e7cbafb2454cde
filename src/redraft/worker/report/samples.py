"""The samples of a report: what the model saw, what it answered before training and after, drawn side by side."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from redraft.worker.report.gather import Evaluation
from redraft.worker.report.prose import prose

SHEET = ("front", "top", "right")
"""Images of these names are laid out as a third-angle drawing: top above front, right beside it."""
UNTRAINED = "the untrained model"
"""The name that `inference.opening` gives to what a checkpoint was before its training."""
MAX_IMAGE_BYTES = 2_000_000
"""A larger picture is not inlined, but named."""


def samples(evaluation: Evaluation | None) -> str:
    """A card for each sample of the evaluation; a sentence where there are none."""
    if evaluation is None or not evaluation.samples:
        return '<p class="note">This run kept no samples.</p>'
    rows = evaluation.samples
    alike = len({row["score"]["value"] for row in rows}) == 1
    return "".join(_card(evaluation.base, row, _after(evaluation), alike) for row in rows)


def _after(evaluation: Evaluation) -> str:
    return f"After {evaluation.step:,} steps" if evaluation.step else "Answer"


def _before(row: dict[str, Any]) -> str:
    model = str(row.get("model") or "")
    return "Before training" if not model or model == UNTRAINED or row.get("step") == 0 else model


def _card(base: Path, row: dict[str, Any], after: str, alike: bool) -> str:
    before = row.get("before")
    head = (
        f'<article class="sample"><header><h3>{_rank(row["rank"], row["of"], alike)}</h3>'
        f'<span class="id">{escape(str(row["id"]))}</span>{_change(before, row)}</header>'
    )
    if not row.get("draws", True):
        earlier = _before(before) if before else ""
        return f"{head}{prose(base, row, after if before else 'Answer', earlier)}</article>"
    columns = [_column("Shown to the model", _pictures(base, row["images"]), "")]
    if before:
        columns.append(_column(_before(before), _drawn(base, before), _verdict(before["score"])))
    columns.append(_column(after if before else "Answer", _drawn(base, row), _verdict(row["score"])))
    return f'{head}<div class="columns n{len(columns)}">{"".join(columns)}</div>{_texts(row, before)}</article>'


def _rank(rank: int, of: int, alike: bool) -> str:
    """alike: all shown examples have the same score, so that none of them is best or worst."""
    if of == 1:
        return "The only example"
    if alike:
        return f"One of {of:,} examples"
    if rank == 1:
        return f"Best of {of:,} examples"
    if rank == of:
        return f"Worst of {of:,} examples"
    return f"Rank {rank:,} of {of:,} examples"


def _change(before: dict[str, Any] | None, row: dict[str, Any]) -> str:
    value = row["score"]["value"]
    if before is None:
        return f'<span class="change">{value:.2f}</span>'
    return f'<span class="change">{before["score"]["value"]:.2f} <i>→</i> {value:.2f}</span>'


def _column(title: str, body: str, foot: str) -> str:
    return f"<section><h4>{escape(title)}{foot}</h4>{body}</section>"


def _verdict(score: dict[str, Any]) -> str:
    if score["reason"] != "ok":
        return f'<span class="badge bad">{escape(score["reason"])}</span>'
    return f'<span class="badge">{score["value"]:.2f}</span>'


def _drawn(base: Path, row: dict[str, Any]) -> str:
    if row.get("drawn"):
        return _pictures(base, row["drawn"])
    if row["score"]["reason"] != "ok":
        return '<p class="nothing">Nothing to draw: the answer failed.</p>'
    return f'<pre class="answer">{escape(row["answer"])}</pre>'


def _pictures(base: Path, paths: Sequence[str]) -> str:
    views = {path: _view(path) for path in paths}
    sheet = sorted(views.values()) == sorted(SHEET)
    pictures = []
    for path, view in views.items():
        place = f' style="grid-area:{view}"' if sheet else ""
        pictures.append(f"<div{place}>{_picture(base / path, view)}</div>")
    return f'<div class="{"sheet" if sheet else "strip"}">{"".join(pictures)}</div>'


def _view(path: str) -> str:
    """The view's name in a kept file's name: "02/1-answer-front.png" is "front"."""
    return Path(path).stem.rpartition("-")[2]


def _picture(path: Path, alt: str) -> str:
    try:
        data = path.read_bytes()
    except OSError:
        return f'<p class="nothing">{escape(path.name)} is missing.</p>'
    if len(data) > MAX_IMAGE_BYTES:
        return f'<p class="nothing">{escape(path.name)} is too large to show here.</p>'
    kind = "jpeg" if data[:2] == b"\xff\xd8" else "png"
    return f'<img alt="{escape(alt)}" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'


def _texts(row: dict[str, Any], before: dict[str, Any] | None) -> str:
    parts = [("True answer", row["true_answer"])]
    if before:
        parts.append((_before(before), before["answer"]))
    parts.append(("After" if before else "Answer", row["answer"]))
    columns = "".join(
        f"<section><h4>{title}</h4><pre>{escape(text) or '<i>empty</i>'}</pre></section>" for title, text in parts
    )
    details = ", ".join(
        f"{escape(name.replace('_', ' '))} {_short(value)}"
        for name, value in row["score"]["details"].items()
        if value is not None
    )
    note = f'<p class="note">Score in detail: {details}.</p>' if details else ""
    shown = f'<div class="columns n{len(parts)}">{columns}</div>{note}'
    return f"<details><summary>Texts and details</summary>{shown}</details>"


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))
