"""The transform of training: an example in another style and under other light, with the same answer.

    transform = create_training_transform(options, seed=0, strength=0.5)
    other = transform(example, epoch=3)

Documents whose text is known are drawn again in a style near the dataset's; pictures that were given are kept.
Both get effects of a scanner or a camera. Every draw is f(seed, epoch, id).
"""

from __future__ import annotations

import io
import random as randoms
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy
import PIL.Image

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example, Image, Message
from redraft.tasks.summary.augment.effects import PLAIN, Effects, Pixels, apply, encoded, sample_effects
from redraft.tasks.summary.augment.families import families_for, readable
from redraft.tasks.summary.augment.settings import AugmentSettings, read_settings
from redraft.tasks.summary.augment.styles import closer, sample_style
from redraft.tasks.summary.augment.warp import Warp, least_scale
from redraft.tasks.summary.drawing import document_of, lay_out_truth
from redraft.tasks.summary.options import SummaryOptions, read
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.layout import Layout, lay_out
from redraft.tasks.summary.truth import page_name

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
MAX_PIXELS = 64_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """How an example is shown. layout: None where its own pictures are. effects: one a page."""

    layout: Layout | None
    effects: tuple[Effects, ...]


class TrainingTransform:
    """Implements `core.offers.Transform`. It keeps no state, so threads may share it."""

    redraws = True

    def __init__(self, options: SummaryOptions, settings: AugmentSettings, seed: int, strength: float) -> None:
        self.options, self.settings, self.seed, self.strength = options, settings, seed, strength
        farthest = settings.rotation * strength, settings.perspective * strength, settings.perspective * strength
        self.shrink = least_scale(Warp(*farthest), *options.page_style.pixels)

    def __call__(self, example: Example, epoch: int) -> Example:
        shown = self.plan(example, epoch)
        if shown.layout is not None:
            images = tuple(_page(shown.layout, index, effects) for index, effects in enumerate(shown.effects))
        else:
            pairs = zip(example.images, shown.effects, strict=True)
            images = tuple(_photographed(image, effects, example.id) for image, effects in pairs)
        return replace(example, images=images, messages=in_step(example.messages, len(images)))

    def plan(self, example: Example, epoch: int) -> Shown:
        """What is drawn for the example in that epoch, before anything is drawn."""
        name = f"{self.seed}/{epoch}/{example.id}"
        layout = self._layout(example, name) if _is_redrawn(example) else None
        pages = len(layout.pages) if layout is not None else len(example.images)
        effects = tuple(
            sample_effects(
                self.settings,
                randoms.Random(f"{name}/paper"),
                randoms.Random(f"{name}/page {index}"),
                self.strength,
            )
            for index in range(pages)
        )
        return Shown(layout, effects)

    def _layout(self, example: Example, name: str) -> Layout:
        """In a style that takes no more pages than the example has places for: the sampled one, ones that are
        nearer to the plain style, at last the plain style itself."""
        if not self.settings.style or self.strength == 0:
            return self._plain(example)
        places, plain = _places(example), self.options.page_style
        document = document_of(example.truth, self.options)
        families = families_for(document.text, self.settings.fonts)
        sampled = sample_style(plain, randoms.Random(f"{name}/style"), self.strength, families)
        # A document of which only the first pages are shown fills them in every style. Larger letters would show
        # less of it, so the styles that take more room are not for it.
        whole = self.options.long != "cut" or places < self.options.max_pages
        for style in (sampled, *closer(sampled, plain)) if whole else closer(sampled, plain):
            style = readable(style, plain, document.text, self.shrink)
            try:
                layout = lay_out(document, style, most_pages=places)
            except UsageError:  # no room for a line: its columns are too narrow for its letters
                continue
            if layout.complete or not whole:
                return layout
        return self._plain(example)

    def _plain(self, example: Example) -> Layout:
        """As the dataset draws it."""
        return lay_out_truth(example.truth, example.seed, self.options.model_dump())


def create_training_transform(
    options: Mapping[str, Any], *, seed: int = 0, strength: float = 0.5, **settings: Any
) -> TrainingTransform:
    """A function (example, epoch) -> example for training.

    options: of the dataset (`SummaryOptions`). strength: 0 (as it is) to 1. settings: `AugmentSettings`; an
    unknown or wrong one, and a font that is not installed, is a UsageError.
    """
    if not 0 <= strength <= 1:
        raise UsageError(f"the strength of augmentation is {strength}", remedy="Give a number from 0 to 1")
    found = read_settings(settings)
    families_for("", found.fonts)
    return TrainingTransform(read(options), found, seed, float(strength))


def in_step(messages: tuple[Message, ...], images: int) -> tuple[Message, ...]:
    """The conversation with its first so many image places; the others are taken away."""
    kept, left = [], images
    for message in messages:
        parts = []
        for part in message.content:
            if part.type != "image" or left > 0:
                parts.append(part)
                left -= part.type == "image"
        kept.append(Message(message.role, tuple(parts)))
    return tuple(kept)


def _is_redrawn(example: Example) -> bool:
    """Whether its pages come from its text, and not from a person."""
    text = str(example.truth.get("text", ""))
    return bool(text.strip()) and example.truth.get("pages") != "given" and _places(example) > 0


def _places(example: Example) -> int:
    return sum(message.image_count for message in example.messages)


def _page(layout: Layout, index: int, effects: Effects) -> Image:
    pixels = apply(draw(layout, index), effects, layout.style.font_size)
    return encoded(pixels, effects, page_name(index))


def _photographed(image: Image, effects: Effects, id: str) -> Image:
    """A given picture with effects; as it is where it has none."""
    return image if effects == PLAIN else encoded(apply(opened(image, id), effects), effects, image.path)


def opened(image: Image, where: str) -> Pixels:
    """The pixels of a picture file: grey [H, W] or colours [H, W, 3], transparent parts white."""
    try:
        picture: PIL.Image.Image = PIL.Image.open(io.BytesIO(image.bytes), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise InputError(
                f"a picture of {picture.width} x {picture.height} pixels",
                where=f"{where} {image.path}",
                remedy=f"Scale it below {MAX_PIXELS // 1_000_000} million pixels",
            )
        picture.load()
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise anything from struct.error to SyntaxError
        raise InputError(
            f"not a readable picture ({type(error).__name__}: {error})",
            where=f"{where} {image.path}",
            remedy=f"Give one of {', '.join(FORMATS)}",
        ) from None
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = PIL.Image.alpha_composite(PIL.Image.new("RGBA", picture.size, "white"), picture)
    return numpy.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))
