"""A small task of rectangular plates, and predictors that answer it, for tests of evaluation and its report."""

from __future__ import annotations

import io
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from PIL import Image as Pictures
from PIL import ImageDraw

from redraft.core.example import Example, Image, Message, message
from redraft.core.prediction import Prediction
from redraft.core.score import Score

VIEWS = ("front", "top", "right")


class PlateTask:
    """The three views of a box w x d x h with a hole of radius r; the answer is those four numbers."""

    name, title, revision = "plates", "Views of a plate to its sizes", "1"
    image_names = tuple(f"{view}.png" for view in VIEWS)

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return dict(given)

    def generate(self, count: int, seed: int, options: Mapping[str, Any], work: Any) -> Iterator[Example]:
        for number in range(count):
            source = random.Random(seed * 1_000_003 + number)
            truth = {name: source.randrange(20, 100) for name in "wdh"}
            truth["r"] = source.randrange(4, min(truth["w"], truth["d"]) // 2)
            yield Example(f"plate-{number:04d}", self.draw(truth, 0, {}), self.messages(truth, {}), truth, number)

    def draw(self, truth: Mapping[str, Any], seed: int, options: Mapping[str, Any]) -> tuple[Image, ...]:
        return tuple(Image(f"{view}.png", _view(view, truth)) for view in VIEWS)

    def messages(self, truth: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[Message, ...]:
        return (*self.prompt(options), message("assistant", " ".join(str(truth[name]) for name in "wdhr")))

    def prompt(self, options: Mapping[str, Any]) -> tuple[Message, ...]:
        return (message("user", "How large is this plate?", len(VIEWS)),)

    def importers(self) -> dict[str, Any]:
        return {}

    def same(self, example: Example) -> str:
        return example.answer

    def check(self, examples: Any, options: Any, work: Any) -> Iterator[Any]:
        return iter(())

    def score(self, answers: Sequence[str], examples: Sequence[Example], work: Any) -> list[Score]:
        return [self._score(answer, example.truth) for answer, example in zip(answers, examples, strict=True)]

    def _score(self, answer: str, truth: Mapping[str, Any]) -> Score:
        given = self._read(answer)
        if given is None:
            return Score(0.0, "parse")
        if given["r"] * 2 >= min(given["w"], given["d"]):
            return Score(0.0, "empty")
        common = both = 1.0
        for name in "wdh":
            common *= min(given[name], truth[name])
            both *= max(given[name], truth[name])
        exact = given == dict(truth)
        return Score(common / both, "ok", {"exact": exact, "height_error_mm": abs(given["h"] - truth["h"])})

    def _read(self, answer: str) -> dict[str, int] | None:
        found = re.fullmatch(r"(\d+) (\d+) (\d+) (\d+)", answer)
        return dict(zip("wdhr", map(int, found.groups()), strict=True)) if found else None

    def illustrate(self, answer: str, example: Example) -> tuple[Image, ...]:
        given = self._read(answer)
        return self.draw(given, 0, {}) if given else ()

    def versions(self) -> dict[str, str]:
        return {"plates": "1"}


def _view(view: str, truth: Mapping[str, Any], size: int = 256) -> bytes:
    picture = Pictures.new("RGB", (size, size), "white")
    pen = ImageDraw.Draw(picture)
    across, up = {"front": ("w", "h"), "top": ("w", "d"), "right": ("d", "h")}[view]
    scale, middle = 2.0, size / 2
    x, y, r = truth[across] * scale / 2, truth[up] * scale / 2, truth["r"] * scale
    pen.rectangle((middle - x, middle - y, middle + x, middle + y), outline="black", width=2)
    if view == "top":
        pen.ellipse((middle - r, middle - r, middle + r, middle + r), outline="black", width=2)
    else:
        for edge in (middle - r, middle + r):
            for start in range(int(middle - y), int(middle + y), 11):
                pen.line((edge, start, edge, min(start + 7, middle + y)), fill="black")
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


class Answering:
    """A predictor whose answers are a function of the example and the number of the sample."""

    def __init__(self, name: str, answer: Callable[[Example, int], str]) -> None:
        self.name, self._answer = name, answer

    def predict(self, examples: Sequence[Example], *, samples: int = 1) -> list[list[Prediction]]:
        started = time.perf_counter()
        texts = [[self._answer(example, sample) for sample in range(samples)] for example in examples]
        seconds = time.perf_counter() - started
        return [
            [Prediction(example.id, text, "stop", len(text.split()) + 1, seconds, -0.1) for text in row]
            for example, row in zip(examples, texts, strict=True)
        ]


class Seeing(Answering):
    """Also has losses: lower by gain nats a token where it is shown the example's own images."""

    def __init__(self, name: str, answer: Callable[[Example, int], str], loss: float, gain: float) -> None:
        super().__init__(name, answer)
        self.loss, self.gain = loss, gain

    def answer_losses(self, examples: Sequence[Example]) -> list[tuple[float, int]]:
        found = []
        for example in examples:
            own = PlateTask().draw(example.truth, 0, {}) == example.images
            noise = random.Random(example.id).gauss(0, 0.05)
            found.append((5 * (self.loss + noise - (self.gain if own else 0.0)), 5))
        return found


def near(error: int, fail: float) -> Callable[[Example, int], str]:
    """Answers that are off by up to error a number; a share of fail are no answer at all."""

    def answer(example: Example, sample: int) -> str:
        source = random.Random(f"{example.id} {sample} {error}")
        if source.random() < fail:
            return "a plate"
        sizes = [max(12, int(example.truth[name]) + source.randint(-error, error)) for name in "wdh"]
        hole = min(int(example.truth["r"]), min(sizes[:2]) // 2 - 1)
        return " ".join(map(str, [*sizes, hole]))

    return answer
