"""Looks for the style that shows a document in the fewest tokens, by few layouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import Any

from redraft.tasks.summary.budget.measure import Measured, Meter
from redraft.tasks.summary.budget.sizes import Size
from redraft.tasks.summary.pages.style import PageStyle

STEP = 0.1
"""Pixels between two font sizes that are told apart."""
COMFORTABLE = 12.0
"""Pixels of the x-height in the model beyond which letters gain nothing."""
LONGEST_LINE = 55.0
"""Ems of a column, some 110 characters: longer lines are rare on printed pages, which models were trained on."""
SHORTEST_LINE = 26.0
"""Ems of a column among several."""
SMALLEST_FONT, LARGEST_FONT = 4.0, 200.0
FINE = 3
"""Steps between two font sizes at which halving ends."""


@dataclass(frozen=True, slots=True)
class Limits:
    """ratio: text tokens a page token, which no page reaches. letters: the least x-height, in pixels in the model.

    room: tokens of all pages; None where it is not limited.
    """

    ratio: float
    letters: float
    max_pages: int
    room: int | None


@dataclass(frozen=True, slots=True)
class Tried:
    """A size that was looked at. note: why it was not chosen; empty for the chosen one."""

    measured: Measured
    note: str

    def as_data(self) -> dict[str, Any]:
        return {**self.measured.figures(), "note": self.note}


class Search:
    """Over sizes and font sizes. Font sizes are whole numbers of STEP here, so that no two are nearly equal."""

    def __init__(
        self, meter: Meter, base: PageStyle, fixed: frozenset[str], limits: Limits, x_height: float
    ) -> None:
        self.meter, self.base, self.fixed, self.limits, self.x_height = meter, base, fixed, limits, x_height

    def all(self, sizes: Sequence[Size]) -> list[Tried]:
        """What was tried, the chosen one first; where none fits, all have a note."""
        first = [(size, self._at(size, self._least(size))) for size in sizes]
        # The smallest letters give the fewest tokens of a size: the promising ones go first and end the search.
        first.sort(key=lambda pair: (pair[1].tokens, pair[0].seen.tokens))
        best: tuple[Size, Measured] | None = None
        tried: list[Tried] = []
        for size, smallest in first:
            least_tokens = max(smallest.tokens, self.meter.text_tokens / self.limits.ratio)
            if best is not None and least_tokens > best[1].tokens:
                tried.append(Tried(smallest, "more tokens"))
                continue
            found = self._smallest(size, smallest)
            note = self._fault(found)
            if note:
                tried.append(Tried(found, note))
            elif best is None or (found.tokens, -found.letters) < (best[1].tokens, -best[1].letters):
                if best is not None:
                    tried.append(Tried(best[1], "more tokens"))
                best = (size, found)
            else:
                tried.append(Tried(found, "more tokens"))
        rest = sorted(tried, key=lambda one: one.measured.tokens)
        return [Tried(self._largest(*best), ""), *rest] if best is not None else rest

    def _fault(self, found: Measured) -> str:
        """Why a document cannot be shown so; empty where it can."""
        limits = self.limits
        if found.letters < limits.letters - 1e-9:
            return f"letters of {found.letters:.1f} pixels"
        if found.densest >= limits.ratio:
            return f"{found.densest:.1f} text tokens a page token"
        if not found.complete or found.pages > limits.max_pages:
            return f"more than {limits.max_pages} pages"
        if limits.room is not None and found.tokens > limits.room:
            return f"{found.tokens:,} tokens, and there is room for {limits.room:,}"
        return ""

    def _dense(self, found: Measured) -> bool:
        return found.densest >= self.limits.ratio

    def _least(self, size: Size) -> int:
        """The smallest font whose letters are high enough, in steps."""
        if "font_size" in self.fixed:
            return round(self.base.font_size / STEP)
        scale = self.x_height * min(1.0, size.seen.scale)
        return ceil(max(SMALLEST_FONT, self.limits.letters / scale) / STEP - 1e-9)

    def _smallest(self, size: Size, found: Measured) -> Measured:
        """The smallest font at which no page is too dense; found: with the smallest one of all.

        Density falls with the square of the font size, which gives the first guess; halving does the rest.
        """
        if not self._dense(found) or "font_size" in self.fixed:
            return found
        low = steps(found)
        high = low
        while self._dense(found):
            if high >= round(LARGEST_FONT / STEP):
                return found
            low, factor = high, max(1.01, sqrt(found.densest / self.limits.ratio) * 1.005)
            high = min(round(LARGEST_FONT / STEP), max(high + 1, round(high * factor)))
            found = self._at(size, high)
        while high - low > FINE:
            middle = (low + high) // 2
            tried = self._at(size, middle)
            if self._dense(tried):
                low = middle
            else:
                high, found = middle, tried
        return found

    def _largest(self, size: Size, found: Measured) -> Measured:
        """The largest comfortable font that takes no more pages."""
        comfortable = floor(COMFORTABLE / (self.x_height * min(1.0, size.seen.scale)) / STEP)
        low, high = steps(found), min(comfortable, round(LARGEST_FONT / STEP))
        if "font_size" in self.fixed or high <= low:
            return found
        tried = self._at(size, high)
        while True:
            if tried.pages <= found.pages and not self._fault(tried):
                low, found = steps(tried), tried
            else:
                high = steps(tried)
            if high - low <= FINE:
                return found
            tried = self._at(size, (low + high) // 2)

    def _at(self, size: Size, font: int) -> Measured:
        style = {**self.base.model_dump(), **size.fields, "font_size": round(font * STEP, 2)}
        if "columns" not in self.fixed:
            style["columns"] = columns(size.width, self.base.margin, font * STEP)
        return self.meter.measure(PageStyle.from_data(style), self.limits.max_pages)


def steps(found: Measured) -> int:
    return round(found.style.font_size / STEP)


def columns(width: int, margin: float, font_size: float) -> int:
    """The fewest columns without lines that are too long, as long as none gets too short; 1 to 4."""
    ems = width * (1 - 2 * margin) / font_size
    return max(1, min(ceil(ems / LONGEST_LINE), floor(ems / SHORTEST_LINE), 4))
