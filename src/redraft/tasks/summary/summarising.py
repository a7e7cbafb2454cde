"""Documents to summaries: the pages that were shown, what the model answered, and what of it the source does not
hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redraft.core.prediction import Prediction, Predictor
from redraft.tasks.summary.score.claims import Claims, Source, claims
from redraft.tasks.summary.showing import Shown

LOOP_STOP = 48
"""Tokens that the last piece of an answer must fill by repeating itself before it is ended."""


@dataclass(frozen=True)
class Summary:
    """An answer about a document. found: None where the document's text is not known."""

    shown: Shown
    prediction: Prediction
    model: str
    found: Claims | None

    @property
    def text(self) -> str:
        return self.prediction.text.strip()

    @property
    def notes(self) -> tuple[str, ...]:
        """All that has to be said about it, a sentence each."""
        own = {
            "length": f"The summary was cut at {self.prediction.tokens:,} tokens; --max-new-tokens allows more",
            "loop": "The model began to repeat itself and was stopped there; the repeated piece stands once",
        }
        ended = [own[self.prediction.finish]] if self.prediction.finish in own else []
        empty = [] if self.text else ["The model answered nothing"]
        unknown = (
            ["Numbers and names were not looked up: the document's text is not known"] if not self.found else []
        )
        return (*self.shown.notes, *ended, *empty, *unknown)

    def as_data(self) -> dict[str, Any]:
        """JSON data, as `redraft summarize --json` prints it; docs/summarize.md lists it."""
        shown, cost = self.shown, self.shown.cost
        return {
            "document": shown.given.name,
            "summary": self.text,
            "finish": self.prediction.finish,
            "model": self.model,
            "language": str(shown.given.truth.get("language") or ""),
            "pages": shown.pages,
            "complete": shown.complete,
            "own_pages": shown.given.own_pages,
            "page_size": list(shown.style.pixels),
            "font_size": None if cost is None else shown.style.font_size,
            "page_tokens": shown.page_tokens,
            "tokens": shown.tokens,
            "text_tokens": None if cost is None else round(sum(cost.page_texts)),
            "ratio": None if cost is None else round(cost.ratio, 3),
            "letters": None if cost is None else round(cost.letters, 3),
            "summary_tokens": self.prediction.tokens,
            "missing": [f"U+{code:04X}" for code in shown.missing],
            "numbers": None if self.found is None else len(self.found.numbers),
            "names": None if self.found is None or self.found.names is None else len(self.found.names),
            "not_in_source": None if self.found is None else not_in_source(self.found),
            "notes": list(self.notes),
            "seconds": round(self.prediction.seconds, 3),
        }


def not_in_source(found: Claims) -> list[str]:
    """Numbers and names of an answer that its source does not hold, each once, in their order."""
    return list(dict.fromkeys(" ".join(claim.text.split()) for claim in found.unsupported))


def summarise(shown: Sequence[Shown], predictor: Predictor) -> list[Summary]:
    """One summary a document, in their order; the model is asked about all of them at once."""
    answers = predictor.predict([one.example for one in shown])
    return [
        Summary(one, rows[0], predictor.name, claims(rows[0].text, Source(one.text)) if one.text else None)
        for one, rows in zip(shown, answers, strict=True)
    ]
