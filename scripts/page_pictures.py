"""Draws the pictures of docs/pages.md.

python scripts/page_pictures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.pages import font_files
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.layout import lay_out
from redraft.tasks.summary.pages.style import PageStyle

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
BLOCKS = """## Text and headings

Running text with **bold**, *slanted* and `fixed-width` words. A paragraph goes on overleaf between its lines, and
never leaves one of them alone; a heading stays with what follows it.

> A quotation has a bar at its side, however long it is, and a quotation within it has another one.
>
> > Like this.

## Lists and tables

1. The text of an entry hangs behind its number, so that a long entry, which takes more than a
   line, is seen as one.
   - Lists stand in lists.
   - مرحبا: a list that runs from the right has its markers there.
2. The second entry.

| column | holds | where |
|---|---|---|
| first | short words | so it is narrow |
| second | longer texts, which are wrapped within their cell, and make their row higher | beside it |

```python
def broken(line: str) -> str:
    return f"{line} is wider than the column: it goes on below, and a mark at its right end says so, as it does here, twice"
```

---

## Scripts

هذا نص عربي يبدأ من اليمين، وفيه كلمات English ورقم 123 في وسطه، ثم يعود إلى العربية حتى نهاية السطر. وكل سطر في
هذه الفقرة ينتهي عند اليسار.

Ελληνικά, русский, tiếng Việt, עברית, हिन्दी, ภาษาไทย, 中文, 日本語, 한국어 stand beside each other in one line.
"""  # noqa: E501
STYLES = {
    "the default": {},
    "font: serif, align: justify": {"font": "serif", "align": "justify"},
    "columns: 2, font_size: 10": {"columns": 2, "font_size": 10.0},
    "font: mono": {"font": "mono"},
    "font_size: 20, line_spacing: 1.6": {"font_size": 20.0, "line_spacing": 1.6},
    "margin: 0.15, page_numbers: true": {"margin": 0.15, "page_numbers": True},
    "ink: 70, paper: 215": {"ink": 70, "paper": 215},
    "font_size: 7, paragraph_spacing: 0": {"font_size": 7.0, "paragraph_spacing": 0.0},
}
EDGE, LABEL = 170, 26
"""Grey of a page's border, and pixels of height for its label."""

Page = NDArray[np.uint8]


def pages(text: str, title: str, **style: object) -> list[Page]:
    layout = lay_out(parse(text, "markdown", title), PageStyle.from_data(style))
    return [draw(layout, index) for index in range(len(layout.pages))]


def framed(page: Page) -> Page:
    return np.pad(page, 1, constant_values=EDGE)


def labelled(page: Page, label: str) -> Page:
    strip = Image.new("L", (page.shape[1], LABEL), 255)
    font = ImageFont.truetype(str(font_files.bundled() / "DejaVuSans.ttf"), 13)
    ImageDraw.Draw(strip).text((2, 6), label, font=font, fill=0)
    return np.vstack([np.asarray(strip), page])


def side_by_side(rows: list[list[Page]], gap: int = 14) -> Page:
    wide = [np.hstack([np.pad(page, ((0, gap), (0, gap)), constant_values=255) for page in row]) for row in rows]
    return np.vstack(wide)[:-gap, :-gap]


def main() -> None:
    blocks = pages(BLOCKS, "Every kind of block", width=1024, height=690, font_size=15)
    prose = (ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
    styled = [
        labelled(framed(pages(prose, "", width=480, height=480, **style)[0]), label)
        for label, style in STYLES.items()
    ]
    rows = "\n".join(f"| {n} | {n * n} | {'the square of a number, ' * (1 + n % 3)} |" for n in range(1, 16))
    code = "\n".join(f"row_{n} = squares[{n}]" for n in range(1, 16))
    text = f"## A table goes on\n\n| n | square | remark |\n|---|---|---|\n{rows}\n\n```\n{code}\n```\n"
    overleaf = pages(text, "", width=480, height=400, page_numbers=True, font_size=13)
    for name, picture in {
        "pages-blocks": framed(blocks[0]),
        "pages-styles": side_by_side([styled[:2], styled[2:4], styled[4:6], styled[6:]]),
        "pages-overleaf": side_by_side([[framed(page) for page in overleaf[:3]]]),
    }.items():
        Image.fromarray(picture).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
