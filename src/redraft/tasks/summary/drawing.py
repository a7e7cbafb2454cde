"""A truth's pages: parsed, laid out, drawn, as PNG files."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Image
from redraft.tasks.summary.documents.blocks import Document
from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.options import SummaryOptions, read
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.layout import Layout, lay_out
from redraft.tasks.summary.pages.png import encode
from redraft.tasks.summary.pages.report import PageReport, report
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.truth import page_name

KEPT_LEVEL = 6
"""zlib's level for pages that stay in a dataset: a tenth of the size for ten times the work."""


@dataclass(frozen=True)
class Drawn:
    """images: a PNG file a page. layout: what stands where. reports: one a page, made when first asked for."""

    images: tuple[Image, ...]
    layout: Layout

    @property
    def document(self) -> Document:
        return self.layout.document

    @cached_property
    def reports(self) -> tuple[PageReport, ...]:
        return tuple(report(self.layout, index) for index in range(len(self.layout.pages)))


def draw_pages(
    truth: Mapping[str, Any], seed: int, options: Mapping[str, Any], *, style: PageStyle | None = None
) -> Drawn:
    """Draws the pages of a truth. options: complete or not. style: in place of the options' one and its variety.

    The same truth, seed, options and fonts give the same bytes. A document without text, and one that is too long
    (unless `long` is "cut"), is an InputError.
    """
    layout = lay_out_truth(truth, seed, options, style=style)
    level = KEPT_LEVEL if options.get("keep_images") else 0
    images = tuple(
        Image(page_name(index), encode(draw(layout, index), level)) for index in range(len(layout.pages))
    )
    return Drawn(images, layout)


def count_pages(
    truth: Mapping[str, Any], seed: int, options: Mapping[str, Any], *, style: PageStyle | None = None
) -> int:
    """How many pages `draw_pages` draws; the same errors."""
    return len(lay_out_truth(truth, seed, options, style=style).pages)


def lay_out_truth(
    truth: Mapping[str, Any], seed: int, options: Mapping[str, Any], *, style: PageStyle | None = None
) -> Layout:
    """The layout of a truth, see `draw_pages`."""
    given = read(options)
    document = document_of(truth, given)
    plain = lay_out_plain(document, style or given.page_style, given)
    if style is not None or given.variety <= 0:
        return plain
    from redraft.tasks.summary.augment.styles import sample_style

    strength = given.variety
    for attempt in range(4):
        sampled = sample_style(given.page_style, random.Random(f"{seed}/{attempt}"), strength)
        try:
            layout = lay_out(document, sampled, most_pages=len(plain.pages))
        except UsageError:
            continue
        if layout.complete or not plain.complete:
            return layout
        strength /= 2
    return plain


def document_of(truth: Mapping[str, Any], options: SummaryOptions) -> Document:
    text = str(truth.get("text", ""))
    if len(text) > options.max_characters:
        raise InputError(
            f"the document has {len(text):,} characters, more than max_characters={options.max_characters:,}",
            remedy="Split it, or raise the option max_characters",
        )
    document = parse(
        text, str(truth.get("format", "text")), str(truth.get("title", "")), str(truth.get("language", ""))
    )
    if not document.text.strip():
        raise InputError("the document has no text", remedy="Leave it out")
    return document


def lay_out_plain(document: Document, style: PageStyle, options: SummaryOptions) -> Layout:
    layout = lay_out(document, style, most_pages=options.max_pages)
    if not layout.complete and options.long == "leave_out":
        raise InputError(
            f"the document has more than {options.max_pages} pages",
            remedy="Raise max_pages, choose a denser style, or set long=cut to keep its first pages",
        )
    return layout
