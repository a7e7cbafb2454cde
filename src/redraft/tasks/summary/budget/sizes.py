"""The pages that a model is made for: those named sizes, and those of its own, that it sees without loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redraft.core.sight import Seen, Sight
from redraft.tasks.summary.pages.style import LARGEST, SIZES, SMALLEST, PageStyle

PROBED = (*sorted(set(SIZES.values())), 1536, 2048)
"""Sides in pixels of the square pages that a model is asked about; what it makes of them are further ones."""
NAMES = {side: name for name, side in reversed(SIZES.items())}


@dataclass(frozen=True, slots=True)
class Size:
    """A page of width x height pixels as it is drawn, and what it becomes in a model."""

    width: int
    height: int
    seen: Seen

    @classmethod
    def of(cls, style: PageStyle, sight: Sight) -> Size:
        return cls(*style.pixels, sight.picture(*style.pixels))

    @property
    def fields(self) -> dict[str, Any]:
        """Those of `PageStyle` that make it: the name where it has one."""
        if self.width == self.height and self.width in NAMES:
            return {"size": NAMES[self.width], "width": 0, "height": 0}
        return {"width": self.width, "height": self.height}


def sizes_for(sight: Sight) -> list[Size]:
    """Square pages worth trying, by their tokens: of those that become the same in the model, the one that it
    takes as it is."""
    native = {max(seen.width, seen.height) for side in PROBED if (seen := sight.picture(side, side))}
    best: dict[tuple[int, int, int], Size] = {}
    for side in sorted(side for side in {*PROBED, *native} if SMALLEST <= side <= LARGEST):
        size = Size(side, side, sight.picture(side, side))
        key = (size.seen.tokens, size.seen.width, size.seen.height)
        if key not in best or abs(size.seen.scale - 1) < abs(best[key].seen.scale - 1):
            best[key] = size
    return sorted(best.values(), key=lambda size: (size.seen.tokens, size.width))
