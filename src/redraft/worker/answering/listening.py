"""One answer of a chat while it is written: its text goes out as soon as it is sure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

from redraft.inference.text_stream import TextStream

Emit = Callable[[dict[str, Any]], None]


class Listener:
    """A `watching.Watch`. index: of the answer among its request's. rated: tell each token's log-probability.

    emit gets {"event": "delta", index, text, tokens: [{token, logprob}]}.
    """

    def __init__(
        self,
        index: int,
        stream: TextStream,
        end_ids: list[int],
        emit: Emit,
        cancelled: threading.Event,
        rated: bool,
    ) -> None:
        self.index, self.begun, self.count = index, False, 0
        self.finish: Literal["stop", "length"] = "length"
        self._stream, self._ends, self._emit = stream, frozenset(end_ids), emit
        self._cancelled, self._rated = cancelled, rated
        self._tokens: list[dict[str, Any]] = []

    def token(self, id: int, logprob: float) -> bool:
        self.begun = True
        self.count += 1
        if self._cancelled.is_set():
            return True
        if id in self._ends:
            self.finish = "stop"
            return True
        if self._rated:
            self._tokens.append({"token": self._stream.decode([id]), "logprob": logprob})
        text = self._stream.push(id)
        if text:
            self._say(text)
        if self._stream.stopped:
            self.finish = "stop"
        return self._stream.stopped

    def end(self) -> None:
        """After the last token: says what was held back."""
        text = self._stream.end()
        if self._stream.stopped:
            self.finish = "stop"
        if text or self._tokens:
            self._say(text)

    def _say(self, text: str) -> None:
        tokens, self._tokens = self._tokens, []
        self._emit({"event": "delta", "index": self.index, "text": text, "tokens": tokens})
