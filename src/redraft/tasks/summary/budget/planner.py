"""Chooses the pages of a document for a model: the fewest tokens at which they can still be read.

For every size that the model has, the font is made as small as letters and density allow, by few layouts; the size
that takes the fewest tokens wins, and its font then grows as far as the same number of pages holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redraft.core.sight import Sight
from redraft.tasks.summary.budget.measure import Measured, Meter
from redraft.tasks.summary.budget.readability import SAFE_RATIO, least_letters
from redraft.tasks.summary.budget.remedies import cannot_fit
from redraft.tasks.summary.budget.search import Limits, Search, Tried
from redraft.tasks.summary.budget.sentences import sentences
from redraft.tasks.summary.budget.sizes import Size, sizes_for
from redraft.tasks.summary.documents.blocks import Document
from redraft.tasks.summary.options import INSTRUCTION
from redraft.tasks.summary.pages.extents import x_height
from redraft.tasks.summary.pages.fonts import fonts
from redraft.tasks.summary.pages.style import PageStyle

MAX_PAGES = 64
ANSWER_TOKENS = 512
QUESTION_TOKENS = 32
"""Kept free for what a chat template writes, beside the instruction."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A plan. ratio: the highest that was allowed. least_letters: x-height in pixels that was asked for.

    room: tokens that all pages may take; None where the model does not say. exact: whether text was counted by the
    model's own tokenizer. tried: all sizes, the chosen one first.
    """

    model: str
    chosen: Measured
    ratio: float
    least_letters: float
    room: int | None
    exact: bool
    tried: tuple[Tried, ...]
    layouts: int
    says: tuple[str, ...]

    @property
    def style(self) -> PageStyle:
        return self.chosen.style

    @property
    def pages(self) -> int:
        return self.chosen.pages

    @property
    def tokens(self) -> int:
        return self.chosen.tokens

    def as_data(self) -> dict[str, Any]:
        """JSON data, as `redraft summary plan --json` prints it."""
        return {
            "model": self.model,
            "exact": self.exact,
            **self.chosen.figures(),
            "style": self.style.model_dump(),
            "text_tokens": self.chosen.text_tokens,
            "saved_tokens": self.chosen.text_tokens - self.chosen.tokens,
            "max_ratio": self.ratio,
            "least_letters": round(self.least_letters, 3),
            "room": self.room,
            "tried": [tried.as_data() for tried in self.tried],
            "says": list(self.says),
        }


def plan(
    document: Document,
    sight: Sight,
    *,
    ratio: float = SAFE_RATIO,
    letters: float | None = None,
    fixed: Mapping[str, Any] | None = None,
    max_tokens: int | None = None,
    max_pages: int = MAX_PAGES,
    answer_tokens: int = ANSWER_TOKENS,
    instruction: str = INSTRUCTION,
) -> Budget:
    """The pages for a document and a model.

    ratio: text tokens a page token that no page reaches. letters: the least x-height in pixels; None takes what
    `readability` says. fixed: fields of `PageStyle` that stay as given, such as a font or a size. max_tokens: what
    the model takes in all, else as it says itself; answer_tokens and those of the instruction are kept free. A
    document that cannot be shown so is an InputError with what would help.
    """
    meter = Meter(document, sight)
    base = PageStyle.from_data(fixed or {})
    x = x_height(fonts().primary(base.font)[0])
    least = letters or least_letters(meter.text, x)
    positions = max_tokens or sight.positions
    asked = QUESTION_TOKENS + sight.text_tokens(instruction)
    room = None if positions is None else max(0, positions - answer_tokens - asked)
    limits = Limits(ratio, least, max_pages, room)
    sizes = [Size.of(base, sight)] if {"size", "width", "height"} & set(fixed or {}) else sizes_for(sight)
    tried = Search(meter, base, frozenset(fixed or {}), limits, x).all(sizes)
    if tried[0].note:
        raise cannot_fit(tried, limits, positions, meter)
    chosen = tried[0].measured
    says = sentences(chosen, ratio=ratio, least=least, exact=sight.exact, positions=positions)
    return Budget(sight.name, chosen, ratio, least, room, sight.exact, tuple(tried), meter.layouts, says)
