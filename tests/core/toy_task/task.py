"""The task itself: dots are placed by the seed, drawn by Pillow, counted by the model."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import PIL
from PIL import Image as Pictures
from PIL import ImageDraw

from redraft.core.errors import UsageError
from redraft.core.example import Example, Image, Message, message
from redraft.core.score import Fault, Score
from redraft.core.task import Imported, Importer, Options
from redraft.core.work import Work

SIDE, RADIUS = 64, 2


class Dots:
    """Implements `core.task.Task`."""

    name = "toy_task"
    title = "A picture of dots to their number"
    revision = "1"
    image_names = ("dots.png",)

    def options(self, given: Options) -> dict[str, Any]:
        for key in given:
            if key != "most":
                raise UsageError(f"the task toy_task has no option '{key}'", remedy="It has: most")
        most = given.get("most", 9)
        if not isinstance(most, int) or not 1 <= most <= 60:
            raise UsageError(f"option most: {most!r}", remedy="Give a number from 1 to 60")
        return {"most": most}

    def generate(self, count: int, seed: int, options: Options, work: Work) -> Iterator[Example]:
        seen: set[str] = set()
        number = 0
        while len(seen) < count:
            part = random.Random(f"{seed}:{number}")
            number += 1
            grid = [(x, y) for x in range(4, SIDE, 7) for y in range(4, SIDE, 7)]
            truth = {"places": sorted(map(list, part.sample(grid, part.randint(1, options["most"]))))}
            if (key := _key(truth)) in seen:
                continue
            seen.add(key)
            work.progress("placing dots", len(seen), count)
            yield _example(f"dots-{seed}-{len(seen):04}", truth, options)

    def importers(self) -> Mapping[str, Importer]:
        return {"dots": Importer("dots", "a JSON file with a list of places an example", _import)}

    def draw(self, truth: Mapping[str, Any], seed: int, options: Options) -> tuple[Image, ...]:
        picture = Pictures.new("RGB", (SIDE, SIDE), "white")
        pen = ImageDraw.Draw(picture)
        for x, y in truth["places"]:
            pen.ellipse((x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS), fill="black")
        packed = io.BytesIO()
        picture.save(packed, "PNG")
        return (Image("dots.png", packed.getvalue()),)

    def messages(self, truth: Mapping[str, Any], options: Options) -> tuple[Message, ...]:
        return (*self.prompt(options), message("assistant", str(len(truth["places"]))))

    def prompt(self, options: Options) -> tuple[Message, ...]:
        return (message("user", "How many dots?", images=1),)

    def same(self, example: Example) -> str:
        return _key(example.truth)

    def check(self, examples: Iterable[Example], options: Options, work: Work) -> Iterator[Fault]:
        for example in examples:
            if example.images and example.images != self.draw(example.truth, example.seed, options):
                yield Fault(example.id, "wrong_view", "error", "the picture is not the one its truth draws")

    def score(self, answers: Sequence[str], examples: Sequence[Example], work: Work) -> list[Score]:
        return [_score(a, len(e.truth["places"])) for a, e in zip(answers, examples, strict=True)]

    def versions(self) -> dict[str, str]:
        return {"pillow": PIL.__version__}


def _key(truth: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(truth["places"]).encode()).hexdigest()[:16]


def _example(id: str, truth: dict[str, Any], options: Options) -> Example:
    return Example(id, TASK.draw(truth, 0, options), TASK.messages(truth, options), truth)


def _score(answer: str, right: int) -> Score:
    if not answer.strip():
        return Score(0.0, "empty")
    if not answer.strip().isdigit():
        return Score(0.0, "parse")
    return Score(max(0.0, 1 - abs(int(answer) - right) / right), "ok", {"error": abs(int(answer) - right)})


def _import(source: str, options: Options, work: Work) -> Iterator[Imported]:
    with Path(source).open(encoding="utf-8") as file:
        for number, places in enumerate(json.load(file)):
            yield Imported("train", _example(f"dots-{number}", {"places": places}, {"most": 60}))


TASK = Dots()
