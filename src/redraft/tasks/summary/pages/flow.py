"""Boxes put into columns: what stands where, and where a box goes on in the next column."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from redraft.tasks.summary.pages.boxes import Box


@dataclass(frozen=True, slots=True)
class Frame:
    """A column of a page, in page pixels."""

    page: int
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The strip of a box from top to bottom, at x and y of a page. repeated: a header that was shown before."""

    box: Box
    top: int
    bottom: int
    frame: Frame
    y: int
    repeated: bool = False
    bridged: int = 0
    """Pixels above it that the box's bridges fill."""

    @property
    def whole(self) -> bool:
        return self.top == 0 and self.bottom == self.box.height


class TooLow(Exception):
    """A line is higher than a column."""


def fill(boxes: Iterable[Box], frames: Iterator[Frame]) -> Iterator[Slice]:
    """Every box's slices, in order. frames: as many as are asked for.

    Nothing is cut through a line, squeezed or left out. A box that keeps with the next one moves with its first
    lines; a chain that is too high for a column does not.
    """
    flow = _Flow(frames)
    chain: list[Box] = []
    for box in boxes:
        chain.append(box)
        if not box.keep:
            yield from flow.put(chain)
            chain = []
    yield from flow.put(chain)


class _Flow:
    def __init__(self, frames: Iterator[Frame]) -> None:
        self.frames = frames
        self.frame = next(frames)
        self.y = self.frame.top

    @property
    def fresh(self) -> bool:
        return self.y == self.frame.top

    def turn(self) -> None:
        self.frame = next(self.frames)
        self.y = self.frame.top

    def put(self, chain: list[Box]) -> Iterator[Slice]:
        if not chain:
            return
        if not self.fresh and len(chain) > 1:
            last = chain[-1]
            start = last.cuts[0] if last.cuts else last.height
            needed = sum(box.gap + box.height for box in chain[:-1]) + last.gap + start
            if self.y + needed > self.frame.bottom and needed <= self.frame.bottom - self.frame.top:
                self.turn()
        for box in chain:
            yield from self._box(box)

    def _box(self, box: Box) -> Iterator[Slice]:
        gap = 0 if self.fresh else box.gap
        top = 0
        while True:
            repeat = box.repeat if top >= box.repeat > 0 else 0
            if repeat and (repeat > (self.frame.bottom - self.frame.top) // 3):
                repeat = 0
            pad = box.pad if top else 0
            room = self.frame.bottom - self.y - gap - repeat - pad
            end = self._end(box, top, room)
            if end is None:
                if self.fresh:
                    raise TooLow
                self.turn()
                gap = 0
                continue
            self.y += gap
            if repeat:
                yield Slice(box, 0, repeat, self.frame, self.y, repeated=True)
                self.y += repeat
            self.y += pad
            yield Slice(box, top, end, self.frame, self.y, bridged=gap if top == 0 else 0)
            self.y += end - top
            if end == box.height:
                return
            top, gap = end, 0
            self.turn()

    def _end(self, box: Box, top: int, room: int) -> int | None:
        """Where a slice of at most that many pixels ends; None where it had better begin in the next column."""
        if box.height - top <= room:
            return box.height
        room -= box.pad
        if (end := _last(box.cuts, top, top + room)) is not None:
            return end
        # On a fresh column nothing better comes.
        return _last(box.hard_cuts, top, top + room) if self.fresh or top else None


def _last(cuts: list[int], above: int, below: int) -> int | None:
    """The last cut behind `above` and at most `below`."""
    place = bisect_right(cuts, below) - 1
    return cuts[place] if place >= 0 and cuts[place] > above else None
