"""The two profiles' data and their model: a page-like and a drawing-like one.

pages: one 1,024 x 1,024 picture of text, an answer of 60 to 140 tokens. drawings: front, top and right view of a
generated part at 512 x 512, its CadQuery text of 200 to 400 tokens as the answer. The model is a Qwen2.5-VL of
8.6M parameters: patches of 14 pixels, one token for 4 x 4 of them, so that a page is 5,184 patches and 324 tokens,
about what the models made for pages have; 32,768 rows of vocabulary.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from redraft.core.discovery import load_task
from redraft.core.example import Example, Image, message
from redraft.core.work import Silent
from redraft.datasets.writer import DatasetWriter
from redraft.models.families import family_of
from redraft.models.small import build

PROFILES = ("pages", "drawings")
WORDS = """
the of and to in for with on from by is are was as at it this that which one two first part line circle depth
height width start end face edge point plate body shape drawing page report says shows results year percent
million people government company market study found new more than between under over after before during because
while their they no yes all each every other street river school water history energy price winter
"""
SIZES: dict[str, Any] = {
    "width": 128,
    "layers": 4,
    "heads": 4,
    "kv_heads": 2,
    "feed_forward": 384,
    "vocabulary": 32_768,
    "tied": True,
    "positions": 8192,
    "vision_width": 96,
    "vision_layers": 6,
    "vision_heads": 4,
    "vision_feed_forward": 384,
    "picture": 1024,
    "patch": 14,
    "merge": 4,
}


def make_model(folder: Path) -> Path:
    """The benchmark's model, whose tokenizer knows what programs look like."""
    texts = tuple(example.answer for example in _parts(300, seed=1))
    build("qwen2_5_vl", folder, **SIZES, texts=texts)
    return end_answers_plainly(folder)


def end_answers_plainly(folder: Path) -> Path:
    """Lets an answer end with the end token and nothing behind it, so that every trainer's idea of its last token
    is the same: the template's newline after an answer is taken out."""
    template = folder / "chat_template.jinja"
    text = template.read_text(encoding="utf-8")
    end = "<|im_end|>\n{% endfor %}"
    without = "<|im_end|>{% if message['role'] == 'user' %}\n{% endif %}{% endfor %}"
    assert text.count(end) == 1, "the model's chat template has changed"
    template.write_text(text.replace(end, without), encoding="utf-8")
    return folder


def make_data(profile: str, count: int, model: Path, folder: Path, answers: tuple[int, int] = (200, 400)) -> Path:
    """A dataset folder with `count` training examples and no validation. answers: fewest and most tokens of
    drawings' answers."""
    family = family_of("qwen2_5_vl")
    tokenizer = family.open_processor(model).tokenizer

    def tokens(example: Example) -> int:
        return len(tokenizer(example.answer, add_special_tokens=False)["input_ids"])

    task = load_task("cad")
    with DatasetWriter(folder, task="cad", revision=task.revision, options=task.options({})) as writer:
        made = _pages(count) if profile == "pages" else _fitting(count, tokens, answers)
        for example in made:
            writer.add("train", example)
    return folder


def _fitting(count: int, tokens: Any, answers: tuple[int, int]) -> Iterator[Example]:
    found = [example for example in _parts(count * 6, seed=0) if answers[0] <= tokens(example) <= answers[1]]
    if len(found) < count:
        raise SystemExit(f"only {len(found)} of {count} generated parts have {answers[0]} to {answers[1]} tokens")
    return iter(found[:count])


def _parts(count: int, seed: int) -> list[Example]:
    task = load_task("cad")
    return list(task.generate(count, seed, task.options({"dialect": "cadquery"}), Silent()))


def _pages(count: int) -> Iterator[Example]:
    font, words = ImageFont.load_default(20), WORDS.split()
    for number in range(count):
        draw = random.Random(number)
        page = Pictures.new("RGB", (1024, 1024), "white")
        pen = ImageDraw.Draw(page)
        for line in range(36):
            pen.text((60, 60 + 25 * line), " ".join(draw.choices(words, k=11)), font=font, fill="black")
        file = io.BytesIO()
        page.save(file, "PNG")
        answer = " ".join(draw.choices(words, k=draw.randint(60, 140)))
        yield Example(
            f"page-{number:04d}",
            (Image("page.png", file.getvalue()),),
            (message("user", "Summarise this page.", 1), message("assistant", answer)),
            {},
            number,
        )


def first_order(data: Path, model: Path, batch: int, grouped: bool) -> list[int]:
    """The examples in the order in which redraft takes them in its first epoch (seed 0)."""
    from redraft.core.recipe import Model, Train
    from redraft.datasets.reader import Dataset
    from redraft.models.encode import Encoder
    from redraft.models.load import load_model
    from redraft.training.token_order import make_order

    encoder = Encoder(load_model(Model(base=str(model), freeze=())))
    lengths = [len(encoder.encode(example)) for example in Dataset.open(data, load_task("cad")).split("train")]
    order = make_order(lengths, Train(batch_size=batch, group_by_length=grouped), 0)
    rows: list[int] = []
    step = 0
    while len(rows) < len(lengths):
        rows += [index for part in order.batches(step) for index in part]
        step += 1
    return rows
