"""Three pictures of a part to the answer whose own drawing agrees with them best.

The question is the one that training asked, about pictures in the form that training drew. Every answer is built
and drawn again by the same function; nothing but this drawing decides which answer is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from redraft.core.errors import Refusal
from redraft.core.example import Example, Image
from redraft.core.prediction import Prediction, Predictor
from redraft.tasks.cad.answers import Answer, put_to_size, read_answer
from redraft.tasks.cad.conversation import question
from redraft.tasks.cad.kernel.outcome import Outcome
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.pictures import Gray, ink_agreement, pixels
from redraft.tasks.cad.program import Program
from redraft.tasks.cad.sizing import Sizing
from redraft.tasks.cad.truth import VIEW_FILES, describe_request, images_of

VIEW_NAMES = tuple(name.removesuffix(".png") for name in VIEW_FILES)
ASSUMED = 100.0
"""Millimetres of the largest side where nothing says it; of a compact answer, one grid step is 1 mm instead."""


@dataclass(frozen=True)
class Drawing:
    """What a person gave. images: front, top, right as a model was trained on them. sizing: None where neither the
    pictures nor the person say how large the part is."""

    id: str
    images: tuple[Image, ...]
    sizing: Sizing | None = None


@dataclass(frozen=True)
class Candidate:
    """One answer. answer: as it was read. program: put to size, in mm. valid: whether it builds a valid solid.

    agreement: view to the F1 of its ink with the given picture's (see `pictures.ink_agreement`).
    """

    prediction: Prediction
    reason: str
    detail: str = ""
    answer: Answer | None = None
    program: Program | None = None
    agreement: Mapping[str, float] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        return self.reason == "ok"

    @property
    def mean_agreement(self) -> float:
        return sum(self.agreement.values()) / len(VIEW_NAMES)

    @property
    def rank(self) -> tuple[bool, float, bool, bool]:
        """Valid ones first, then by agreement; a program that only reads is better than a text that does not."""
        return self.valid, self.mean_agreement, self.program is not None, self.answer is not None


@dataclass(frozen=True)
class Reconstruction:
    """The best of the answers, how many there were and how many built a valid solid."""

    drawing: Drawing
    best: Candidate
    sizing: Sizing
    samples: int
    valid_samples: int


def reconstruct_drawings(
    drawings: Sequence[Drawing], predictor: Predictor, options: Mapping[str, Any], samples: int
) -> list[Reconstruction]:
    """One reconstruction a drawing, in their order. options: the complete ones that the model was trained with."""
    asked = [Example(d.id, d.images, (question(options),), {}) for d in drawings]
    answered = predictor.predict(asked, samples=samples)
    assumed = Sizing(float(options["grid"]) if options["dialect"] == "compact" else ASSUMED, "assumed")
    return [
        _choose(drawing, predictions, drawing.sizing or assumed, options)
        for drawing, predictions in zip(drawings, answered, strict=True)
    ]


def _choose(
    drawing: Drawing, predictions: Sequence[Prediction], sizing: Sizing, options: Mapping[str, Any]
) -> Reconstruction:
    distinct: dict[str, Prediction] = {}
    for prediction in predictions:
        distinct.setdefault(prediction.text.strip(), prediction)
    candidates = list(_candidates(drawing, list(distinct.values()), sizing, options))
    valid_texts = {candidate.prediction.text.strip() for candidate in candidates if candidate.valid}
    return Reconstruction(
        drawing,
        max(candidates, key=lambda candidate: candidate.rank),
        sizing,
        samples=len(predictions),
        valid_samples=sum(prediction.text.strip() in valid_texts for prediction in predictions),
    )


def _candidates(
    drawing: Drawing, predictions: Sequence[Prediction], sizing: Sizing, options: Mapping[str, Any]
) -> Iterator[Candidate]:
    given = {name: pixels(image.bytes) for name, image in zip(VIEW_NAMES, drawing.images, strict=True)}
    readings = [_read(prediction, options["dialect"]) for prediction in predictions]
    requests = (describe_request(r.answer.program, options) for r in readings if r.answer is not None)
    outcomes = shared_pool().map("describe", requests)
    for reading in readings:
        yield reading if reading.answer is None else _judged(reading, next(outcomes), given, sizing.longest)


def _read(prediction: Prediction, dialect: str) -> Candidate:
    if not prediction.text.strip():
        return Candidate(prediction, "empty", "the model answered nothing")
    try:
        return Candidate(prediction, "ok", answer=read_answer(prediction.text, dialect))
    except Refusal as error:
        return Candidate(prediction, error.code, str(error))


def _judged(reading: Candidate, outcome: Outcome, given: Mapping[str, Gray], longest: float) -> Candidate:
    """The candidate with its drawing held against the given one, and its program put to size."""
    if not outcome.ok or reading.answer is None:
        return replace(reading, reason=outcome.reason, detail=outcome.detail)
    measure = outcome.value["measure"]
    drawn = {n: pixels(image.bytes) for n, image in zip(VIEW_NAMES, images_of(outcome.value), strict=True)}
    try:
        program = put_to_size(reading.answer, measure, longest)
    except Refusal as error:
        return replace(reading, reason=error.code, detail=str(error))
    return replace(
        reading,
        reason="ok" if measure["valid"] else measure["reason"],
        detail=measure["detail"],
        program=program,
        agreement={name: ink_agreement(given[name], drawn[name]) for name in VIEW_NAMES},
    )
