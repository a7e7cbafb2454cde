"""Draws the pictures of docs/scripts.md: a paragraph in each of ten scripts, and mixed directions.

    python scripts/script_pictures.py [--out docs/images]

Needs fonts-noto-core and fonts-noto-cjk; a script without a font ends it with the package that has one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from redraft.core.errors import InputError
from redraft.tasks.summary.documents.blocks import Code, Document, Heading, Item, Paragraph, spans
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.font_report import explain_missing
from redraft.tasks.summary.pages.fonts import missing
from redraft.tasks.summary.pages.layout import lay_out
from redraft.tasks.summary.pages.samples import SAMPLES
from redraft.tasks.summary.pages.style import PageStyle

WIDTH, HEIGHT, COLUMNS, LINE = 620, 300, 2, 208
STYLE = PageStyle(width=WIDTH, height=HEIGHT, font_size=22, margin=0.055, line_spacing=1.35)
MIXED = PageStyle(width=COLUMNS * WIDTH, height=460, font_size=22, margin=0.03, line_spacing=1.35)


def page(document: Document, style: PageStyle) -> NDArray[np.uint8]:
    """The only page of a small document."""
    if lacking := missing(document.text):
        what, remedy = explain_missing(lacking)
        raise InputError(what, remedy=remedy)
    layout = lay_out(document, style)
    assert len(layout.pages) == 1, f"{len(layout.pages)} pages"
    return draw(layout, 0)


def ten() -> NDArray[np.uint8]:
    """Two columns of five paragraphs, each with the name of its script, with thin lines between them."""
    tiles = []
    for sample in SAMPLES:
        blocks = (Heading(4, spans(sample.script)), Paragraph(spans(sample.text)))
        tiles.append(page(Document(blocks, language=sample.language), STYLE))
    rows = [trimmed(np.hstack(tiles[at : at + COLUMNS])) for at in range(0, len(tiles), COLUMNS)]
    for row in rows[1:]:
        row[0] = LINE
    picture = np.vstack(rows)
    picture[:, WIDTH - 1] = LINE
    return picture


def trimmed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As much white below the last ink as above the first."""
    inked = np.flatnonzero((picture < 255).any(axis=1))
    return picture[: inked[-1] + 1 + inked[0]]


def mixed() -> NDArray[np.uint8]:
    """Directions and scripts mixed in paragraphs, entries and code."""
    blocks = (
        Heading(4, spans("Directions and scripts in one document")),
        Paragraph(spans("An English sentence may quote שלום עולם, or سلام, or 世界, and goes on to the right.")),
        Paragraph(spans("وقد تذكر الجملة العربية Unicode 16.0 ثم تمضي إلى اليسار.")),
        Item(spans("סעיף ראשון: 12.5% מתוך 300 (Table 3)."), 0, "1."),
        Item(spans("第二項：ページは HTML と Markdown からも作られる。"), 0, "2."),
        Item(spans("तीसरा बिंदु: क्षत्रिय, ज्ञान, श्री।"), 0, "3."),
        Code('words = ["αβγ", "жук", "漢字", "كتاب"]\nprint(len(words))  # 4'),
    )
    return trimmed(page(Document(blocks, language="ja"), MIXED))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=Path("docs/images"), type=Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, picture in (("scripts-ten", ten()), ("scripts-mixed", mixed())):
        Image.fromarray(picture).save(out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
