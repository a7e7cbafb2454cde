"""Small drawn examples for tests of models and training: boxes and discs in three views, and a toy language."""

from __future__ import annotations

import io
import random
from typing import Any

import PIL.Image
import PIL.ImageDraw

from redraft.core.example import Example, Image, message
from redraft.core.recipe import Recipe, recipe_from_data

VIEWS = ("front", "top", "right")
SMALL = {
    "picture": 64,
    "channels": [8, 16, 16, 24],
    "depths": [1, 1, 1, 1],
    "width": 32,
    "layers": 2,
    "heads": 2,
    "feed_forward": 64,
    "numbers": 32,
}
"""`model.options` of a tiny model that is fast enough for tests."""


def toy_example(index: int, size: int = 64) -> Example:
    """A box of w x d x h grid steps of 32, with a hole in its top where its number is odd."""
    draw = random.Random(index)
    w, d, h = (draw.randint(4, 30) for _ in range(3))
    hole = draw.randint(1, 3) if index % 2 else 0
    lines = [f"box {w} {d} {h}"] + ([f"hole {hole}"] if hole else [])
    images = (
        _view("front", w, h, 0, size),
        _view("top", w, d, hole, size),
        _view("right", d, h, 0, size),
    )
    question = message("user", "What is drawn here?", images=3)
    return Example(
        f"toy-{index:04d}", images, (question, message("assistant", "\n".join(lines))), {"size": [w, d, h]}
    )


def toy_examples(count: int, size: int = 64) -> list[Example]:
    return [toy_example(index, size) for index in range(count)]


def png(picture: PIL.Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _view(name: str, width: int, height: int, hole: int, size: int) -> Image:
    picture = PIL.Image.new("RGB", (size, size), "white")
    pen = PIL.ImageDraw.Draw(picture)
    step, middle = size / 32, size / 2
    x, y = width * step / 2, height * step / 2
    pen.rectangle([middle - x, middle - y, middle + x - 1, middle + y - 1], outline="black", width=2)
    if hole:
        pen.ellipse(
            [middle - hole * step, middle - hole * step, middle + hole * step, middle + hole * step],
            outline="black",
        )
    return Image(f"{name}.png", png(picture))


def toy_recipe(model: dict[str, Any] | None = None, **train: Any) -> Recipe:
    """A recipe of the small tiny model (or another) on examples that are handed in, on one thread."""
    model = {"base": "tiny", "freeze": [], "options": SMALL} if model is None else model
    settings = {"batch_size": 4, "learning_rate": 2e-3, "threads": 1, **train}
    return recipe_from_data({"task": "toy", "dataset": "none", "model": model, "train": settings})
