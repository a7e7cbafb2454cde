"""What holds for every document: nothing is clipped, nothing is lost."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from page_documents import documents, styles, texts_of

from redraft.core.errors import UsageError
from redraft.tasks.summary.documents.blocks import Document, Table
from redraft.tasks.summary.pages.layout import lay_out
from redraft.tasks.summary.pages.report import glyph_boxes, page_texts, report
from redraft.tasks.summary.pages.style import PageStyle

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True,
                 phases=[Phase.explicit, Phase.generate])  # fmt: skip
LONG = settings(QUICK, max_examples=400)


@QUICK
@given(documents, styles)
def test_every_character_is_on_one_page_and_inside(document: Document, style: PageStyle) -> None:
    holds(document, style)


@pytest.mark.slow
@LONG
@given(documents, styles)
def test_every_character_of_many_documents(document: Document, style: PageStyle) -> None:
    holds(document, style)


def holds(document: Document, style: PageStyle) -> None:
    try:
        layout = lay_out(document, style)
    except UsageError as error:
        assert "no room" in error.what
        return
    width, height = style.pixels
    found = []
    for index in range(len(layout.pages)):
        boxes = glyph_boxes(layout, index)
        if len(boxes):
            assert boxes[:, :2].min() >= 0
            assert boxes[:, 2].max() <= width
            assert boxes[:, 3].max() <= height
        assert not report(layout, index).clipped
        found += page_texts(layout, index)
    text = "".join("".join(found).split())
    if any(isinstance(block, Table) for block in document.blocks):
        # A row that goes on overleaf has its cells side by side there too; bars stand between cells without room.
        assert Counter(text.replace("|", "")) == Counter(texts_of(document).replace("|", ""))
    else:
        assert text == texts_of(document)
