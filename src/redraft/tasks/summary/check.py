"""What is wrong with the examples of a summary dataset: documents, pages, summaries, each held to the others."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
from PIL import Image as Pictures

from redraft.core.errors import RedraftError
from redraft.core.example import Example
from redraft.core.score import Fault
from redraft.core.work import Work
from redraft.tasks.summary.drawing import lay_out_truth
from redraft.tasks.summary.pages.draw import Pixels, draw
from redraft.tasks.summary.pages.layout import Layout
from redraft.tasks.summary.pages.report import report

SMALLEST_LETTER = 5.0
"""Pixels of a lower-case x below which letters run together: of dot matrices, 5 x 7 is the coarsest that
ISO 9241-303 admits, and its x is five dots high."""
NAMED = 8
"""Code points that a fault names; it counts the others."""


def check_examples(examples: Iterable[Example], options: Mapping[str, Any], work: Work) -> Iterator[Fault]:
    """Every fault of every example, in order. options: complete ones.

    Errors: no_summary, empty_document, document (it cannot be laid out, or is too long), page_places (not as many
    as pages), clipped_line, picture (a kept one cannot be read). Warnings: missing_glyphs, small_letters,
    long_summary (longer than its document), other_page (a kept picture is not what its truth draws here).
    """
    for done, example in enumerate(examples, 1):
        yield from _faults(example, options)
        work.progress("checking documents", done)


def _faults(example: Example, options: Mapping[str, Any]) -> Iterator[Fault]:
    truth = example.truth
    summary, text = str(truth.get("summary", "")), str(truth.get("text", ""))
    if not summary.strip():
        yield _fault(example, "no_summary", "error", "it has no summary")
    elif text.strip() and len(summary) > len(text):
        reason = f"its summary has {len(summary):,} characters, its document {len(text):,}"
        yield _fault(example, "long_summary", "warning", reason)
    places = sum(message.image_count for message in example.messages)
    if truth.get("pages") == "given":
        if places != len(example.images):
            yield _places(example, places, len(example.images))
        return
    if not text.strip() and not str(truth.get("title", "")).strip():
        yield _fault(example, "empty_document", "error", "its document has no text")
        return
    try:
        layout = lay_out_truth(truth, example.seed, options)
    except RedraftError as error:
        yield _fault(example, "document", "error", error.what)
        return
    if places != len(layout.pages):
        yield _places(example, places, len(layout.pages))
    elif example.images and len(example.images) != places:
        yield _places(example, places, len(example.images))
    yield from _page_faults(example, layout)


def _page_faults(example: Example, layout: Layout) -> Iterator[Fault]:
    if layout.missing:
        yield _fault(example, "missing_glyphs", "warning", missing_glyphs(layout.missing))
    if layout.letter_height < SMALLEST_LETTER:
        reason = f"its letters are {layout.letter_height:.1f} pixels high, readable ones {SMALLEST_LETTER:g}"
        yield _fault(example, "small_letters", "warning", reason)
    for index in range(len(layout.pages)):
        pixels = draw(layout, index)
        found = report(layout, index, pixels)
        if found.clipped:
            lines = ", ".join(str(number + 1) for number in found.clipped[:NAMED])
            reason = f"page {index + 1}: lines do not fit: {lines}{' ...' * (len(found.clipped) > NAMED)}"
            yield _fault(example, "clipped_line", "error", reason)
        shown = _pixels(example.images[index].bytes) if index < len(example.images) else pixels
        if shown is None:
            yield _fault(example, "picture", "error", f"{example.images[index].path} cannot be read as a PNG file")
        elif not np.array_equal(shown, pixels):
            reason = (
                f"{example.images[index].path} is not the page that its truth draws with the fonts of this machine"
            )
            yield _fault(example, "other_page", "warning", reason)


def missing_glyphs(code_points: Iterable[int]) -> str:
    """A sentence that names them."""
    points = sorted(code_points)
    named = [f"U+{point:04X} {unicodedata.name(chr(point), 'without a name')}" for point in points[:NAMED]]
    more = f" and {len(points) - NAMED} more" if len(points) > NAMED else ""
    return f"no installed font has {', '.join(named)}{more}"


def _pixels(data: bytes) -> Pixels | None:
    try:
        with Pictures.open(io.BytesIO(data), formats=("PNG",)) as image:
            return np.asarray(image.convert("L"))
    except Exception:  # Pillow's decoders raise anything; the caller tells of a broken picture
        return None


def _places(example: Example, places: int, pages: int) -> Fault:
    return _fault(example, "page_places", "error", f"its messages have {places} places for {pages} pages")


def _fault(example: Example, kind: str, severity: Literal["error", "warning"], reason: str) -> Fault:
    return Fault(example.id, kind, severity, reason)
