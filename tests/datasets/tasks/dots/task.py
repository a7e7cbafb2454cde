"""A task for tests: three small pictures of a dot, and the text that says where it is."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from redraft.core.errors import UsageError
from redraft.core.example import Example, Image, Message, message
from redraft.core.score import Fault, Score
from redraft.core.task import Imported, Importer, Options
from redraft.core.work import Work

SIZE = 32
VIEWS = ("front", "top", "right")


class Dots:
    name = "dots"
    title = "Three views of a dot to its place"
    revision = "1"
    image_names = ("front.png", "top.png", "right.png")

    def options(self, given: Options) -> dict[str, Any]:
        unknown = set(given) - {"colour"}
        if unknown:
            raise UsageError(f"the task dots has no option '{min(unknown)}'", remedy="It has: colour")
        return {"colour": given.get("colour", "black")}

    def generate(self, count: int, seed: int, options: Options, work: Work) -> Iterator[Example]:
        rng, seen = random.Random(seed), set[int]()
        while len(seen) < count:
            index, place = len(seen), rng.randrange((SIZE - 2) ** 3)
            if place in seen:
                continue
            seen.add(place)
            work.progress("making dots", index + 1, count)
            if place % 50 == 0:
                work.left_out(f"dot-{place}", "too round: of no use")
            truth = {"place": [place % 30, place // 30 % 30, place // 900]}
            yield self.example(f"{index:05d}", truth, options)

    def example(self, id: str, truth: Mapping[str, Any], options: Options) -> Example:
        return Example(id, self.draw(truth, 0, options), self.messages(truth, options), truth, seed=7)

    def importers(self) -> Mapping[str, Importer]:
        def run(source: str, options: Options, work: Work) -> Iterator[Imported]:
            with Path(source).open(encoding="utf-8") as file:
                for line in file:
                    id, _, place = line.strip().partition(" ")
                    try:
                        truth = {"place": [int(n) for n in place.split(",")]}
                    except ValueError:
                        work.left_out(id, "its place is no number")
                        continue
                    yield Imported("train", self.example(id, truth, options))

        return {"dotlist": Importer("dotlist", "a text with an id and a place a line", run, licence="MIT")}

    def draw(self, truth: Mapping[str, Any], seed: int, options: Options) -> tuple[Image, ...]:
        x, y, z = truth["place"]
        images = []
        for name, (u, v) in zip(self.image_names, ((x, z), (x, y), (y, z)), strict=True):
            picture = Pillow.new("RGB", (SIZE, SIZE), "white")
            picture.paste(options["colour"], (u, v, u + 2, v + 2))
            data = io.BytesIO()
            picture.save(data, "PNG")
            images.append(Image(name, data.getvalue()))
        return tuple(images)

    def messages(self, truth: Mapping[str, Any], options: Options) -> tuple[Message, ...]:
        return (*self.prompt(options), message("assistant", "dot " + " ".join(str(n) for n in truth["place"])))

    def prompt(self, options: Options) -> tuple[Message, ...]:
        return (message("user", "Where is the dot?", images=3),)

    def same(self, example: Example) -> str:
        return ",".join(str(n) for n in example.truth["place"])

    def check(self, examples: Iterable[Example], options: Options, work: Work) -> Iterator[Fault]:
        for example in examples:
            if example.images and example.images != self.draw(example.truth, example.seed, options):
                yield Fault(example.id, "wrong_view", "error", "a picture is not the one its truth draws")

    def score(self, answers: Sequence[str], examples: Sequence[Example], work: Work) -> list[Score]:
        return [
            Score(1.0) if a == e.answer else Score(0.0, "wrong") for a, e in zip(answers, examples, strict=True)
        ]

    def versions(self) -> dict[str, str]:
        return {"dots": "1"}


TASK = Dots()
