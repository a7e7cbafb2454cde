"""Samples whose answers are texts: the pages shown to the model, the reference and the answer side by side, what
the answer states on its own marked in it, and what else answered the same example."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import PIL.Image

SHOWN_PAGES = 8
THUMBNAIL = 640
"""Pixels of a page's height in the report; the file in the run keeps all of them."""
LEVELS = 16
"""Greys of a thumbnail: enough for print, and a third of the bytes."""
MAX_PIXELS = 64_000_000


def prose(base: Path, row: dict[str, Any], after: str, before: str) -> str:
    """The inside of a sample's card. after, before: what to call its answer and the earlier one."""
    answer = _text(row["answer"], row.get("marks") or ())
    columns = f"{_column('Reference', '', _text(row['true_answer'], ()))}{_column(after, _verdict(row), answer)}"
    notes = dict.fromkeys(note for _, _, note in row.get("marks") or ())
    legend = "".join(f'<p class="note"><mark>marked</mark> {escape(note)}</p>' for note in notes)
    return f'{pages(base, row["images"])}<div class="columns n2">{columns}</div>{legend}{_others(row, before)}'


def pages(base: Path, paths: Sequence[str]) -> str:
    """Thumbnails of an example's pictures in a row."""
    if not paths:
        return ""
    shown = "".join(
        f'<div class="page">{_page(base / path, number)}</div>'
        for number, path in enumerate(paths[:SHOWN_PAGES], start=1)
    )
    more = len(paths) - SHOWN_PAGES
    rest = f'<p class="more">and {more:,} more</p>' if more > 0 else ""
    count = "1 picture" if len(paths) == 1 else f"{len(paths):,} pictures"
    return f'<h4>Shown to the model: {count}</h4><div class="pages" tabindex="0">{shown}{rest}</div>'


def _page(path: Path, number: int) -> str:
    try:
        data = _thumbnail(path.read_bytes())
    except (OSError, ValueError, PIL.Image.DecompressionBombError):
        return f'<p class="nothing">{escape(path.name)} is missing or cannot be read.</p>'
    return f'<img alt="Picture {number}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def _thumbnail(data: bytes) -> bytes:
    """A PNG of at most THUMBNAIL pixels in height, in few greys where the picture has no colour."""
    picture: PIL.Image.Image = PIL.Image.open(io.BytesIO(data))
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError("too large")
    picture = picture.convert("RGB")
    if picture.height > THUMBNAIL:
        width = max(1, round(picture.width * THUMBNAIL / picture.height))
        picture = picture.resize((width, THUMBNAIL), PIL.Image.Resampling.LANCZOS)
    red, green, blue = (channel.tobytes() for channel in picture.split())
    if red == green == blue:
        picture = picture.convert("L").quantize(LEVELS)
    packed = io.BytesIO()
    picture.save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _column(name: str, badge: str, text: str) -> str:
    return f"<section><h4>{escape(name)} {badge}</h4>{text}</section>"


def _text(text: str, marks: Sequence[Sequence[Any]]) -> str:
    """A text with its marks, in the direction of its own script."""
    if not text.strip():
        return '<p class="nothing short">No text.</p>'
    parts, at = [], 0
    for start, end, note in marks:
        if at <= start < end <= len(text):
            parts.append(escape(text[at:start]))
            parts.append(f'<mark title="{escape(str(note))}">{escape(text[start:end])}</mark>')
            at = end
    parts.append(escape(text[at:]))
    return f'<div class="prose" dir="auto">{"".join(parts)}</div>'


def _verdict(row: dict[str, Any]) -> str:
    score = row["score"]
    if score["reason"] != "ok":
        return f'<span class="badge bad">{escape(score["reason"].replace("_", " "))}</span>'
    ended = {"length": "cut at the limit", "loop": "repeated itself"}.get(str(row.get("finish")), "")
    badge = f'<span class="badge bad">{ended}</span>' if ended else ""
    return f'<span class="badge">{score["value"]:.2f}</span>{badge}'


def _others(row: dict[str, Any], before: str) -> str:
    """What else answered, and the answer's figures, folded away."""
    earlier = [{**row["before"], "name": before}] if row.get("before") else []
    answers = "".join(
        _column(str(other["name"]), _verdict(other), _text(other["answer"], other.get("marks") or ()))
        for other in [*earlier, *row.get("beside", [])]
    )
    details = ", ".join(
        f"{escape(name.replace('_', ' '))} {_short(value)}"
        for name, value in row["score"]["details"].items()
        if value is not None
    )
    note = f'<p class="note">The answer in figures: {details}.</p>' if details else ""
    if not answers and not note:
        return ""
    title = "Other answers, and figures" if answers else "Figures"
    return f'<details><summary>{title}</summary><div class="columns n2">{answers}</div>{note}</details>'


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else escape(str(value))
