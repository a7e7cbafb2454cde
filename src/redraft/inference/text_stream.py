"""Tokens to text while they come: what was given out is never taken back, and no letter is cut.

A letter may be several tokens, as byte-level vocabularies write rare ones; a stop text may begin in one token and
end in another. What may still change is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

HALF = "\ufffd"
"""What a decoder writes for a letter whose last bytes are missing."""


class TextStream:
    """One answer. decode: ids to text, without special tokens. stops: texts that end the answer and are not in it.

    White space at the answer's beginning and end is left out, as evaluation does.
    """

    def __init__(self, decode: Callable[[list[int]], str], stops: Sequence[str] = ()) -> None:
        self.decode, self.stops = decode, tuple(stops)
        self.stopped = False
        """Whether a stop text was found: nothing comes after it."""
        self._ids: list[int] = []
        self._from, self._read = 0, 0
        self._held = ""
        self._begun = False

    def push(self, id: int) -> str:
        """The text that is sure now."""
        if self.stopped:
            return ""
        self._ids.append(id)
        # Tokens before the new ones are decoded with them: what a token looks like depends on its neighbours.
        known = self.decode(self._ids[self._from : self._read])
        whole = self.decode(self._ids[self._from :])
        if whole.endswith(HALF) or len(whole) <= len(known):
            return ""
        self._from, self._read = self._read, len(self._ids)
        return self._sure(whole[len(known) :])

    def end(self) -> str:
        """The rest, after the last token. A letter whose last bytes never came is left out."""
        if self.stopped:
            return ""
        known = self.decode(self._ids[self._from : self._read])
        whole = self.decode(self._ids[self._from :]).rstrip(HALF)
        self._read = len(self._ids)
        given = self._sure(whole[len(known) :])
        rest, self._held = self._held.rstrip(), ""
        return given + ("" if self.stopped else rest)

    def _sure(self, text: str) -> str:
        self._held += text
        if not self._begun:
            self._held = self._held.lstrip()
            self._begun = bool(self._held)
        # The stop that is complete first, however the text is cut into tokens.
        ends = [(at + len(stop), at) for stop in self.stops if (at := self._held.find(stop)) >= 0]
        if ends:
            given, self._held, self.stopped = self._held[: min(ends)[1]].rstrip(), "", True
            return given
        sure = len(self._held) - max((_overlap(self._held, stop) for stop in self.stops), default=0)
        given = self._held[:sure].rstrip()
        self._held = self._held[len(given) :]
        return given


def _overlap(text: str, stop: str) -> int:
    """How much of the text's end is the beginning of the stop text."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if stop.startswith(text[-length:]):
            return length
    return 0
