"""What a document in a style costs a model: pages, tokens, the densest page, and the height of its letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redraft.core.sight import Seen, Sight
from redraft.tasks.summary.documents.blocks import Document
from redraft.tasks.summary.pages.extents import x_height
from redraft.tasks.summary.pages.fonts import fonts
from redraft.tasks.summary.pages.layout import Layout, lay_out
from redraft.tasks.summary.pages.style import PageStyle


@dataclass(frozen=True, slots=True)
class Measured:
    """A document laid out in a style, as a model sees it.

    page_tokens: of one page. text_tokens: of the whole document as text. page_texts: of each page, by its share of
    the characters. letters: the x-height of running text in pixels, as the model gets it and never more than was
    drawn, since enlarging makes nothing sharper.
    """

    style: PageStyle
    page_tokens: int
    text_tokens: int
    page_texts: tuple[float, ...]
    letters: float
    complete: bool = True
    """False where laying out ended because there are too many pages: the figures are those of the beginning."""

    @property
    def pages(self) -> int:
        return len(self.page_texts)

    @property
    def tokens(self) -> int:
        """Of all pages."""
        return self.pages * self.page_tokens

    @property
    def ratio(self) -> float:
        """Text tokens a page token, over all that is on the pages."""
        return sum(self.page_texts) / self.tokens

    @property
    def densest(self) -> float:
        """The ratio of the page that holds most."""
        return max(self.page_texts) / self.page_tokens

    def readable(self, ratio: float, letters: float) -> bool:
        """Whether every page is below a ratio, and letters reach a height in pixels."""
        return self.densest < ratio and self.letters >= letters - 1e-9

    def figures(self) -> dict[str, Any]:
        """JSON data."""
        width, height = self.style.pixels
        return {
            "width": width,
            "height": height,
            "columns": self.style.columns,
            "font_size": self.style.font_size,
            "pages": self.pages,
            "page_tokens": self.page_tokens,
            "tokens": self.tokens,
            "ratio": round(self.ratio, 4),
            "densest": round(self.densest, 4),
            "letters": round(self.letters, 4),
        }


class Meter:
    """Measures one document in many styles for one model; counts its text once."""

    def __init__(self, document: Document, sight: Sight) -> None:
        self.document, self.sight = document, sight
        self.text = document.text
        self.text_tokens = sight.text_tokens(self.text)
        self._known: dict[PageStyle, Measured] = {}

    def measure(self, style: PageStyle, max_pages: int) -> Measured:
        """Lays the document out, at most so many pages and one more, unless it was before."""
        if style not in self._known:
            layout = lay_out(self.document, style, most_pages=max_pages + 1)
            self._known[style] = measured(layout, len(self.text), self.text_tokens, self.sight)
        return self._known[style]

    @property
    def layouts(self) -> int:
        """How many were made."""
        return len(self._known)


def measured(layout: Layout, characters: int, text_tokens: int, sight: Sight) -> Measured:
    """The figures of a layout that is there. characters, text_tokens: of its whole document."""
    style = layout.style
    shares = [sum(len(line.text.string) / line.text.lines for line in layout.lines(index) if not line.repeated)
              for index in range(len(layout.pages))]  # fmt: skip
    every = sum(shares) if layout.complete else characters
    texts = tuple(text_tokens * share / max(1.0, every) for share in shares)
    seen = sight.picture(*style.pixels)
    return Measured(style, seen.tokens, text_tokens, texts, letters_of(style, seen), layout.complete)


def letters_of(style: PageStyle, seen: Seen) -> float:
    """The x-height of running text that reaches the model, in pixels."""
    return style.font_size * x_height(fonts().primary(style.font)[0]) * min(1.0, seen.scale)
