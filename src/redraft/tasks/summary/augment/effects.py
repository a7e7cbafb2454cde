"""What a scanner or a camera does to a page, by chance and on pixels. Text stays readable and inside.

effects = sample_effects(settings, random.Random("12/3/doc-7/page-001.png"), 0.5)
pixels = apply(page, effects, em=16.0)
image = encoded(pixels, effects, "page-001.png")
"""

from __future__ import annotations

import io
import random as randoms
from dataclasses import dataclass, field

import numpy
import PIL.Image
from numpy.typing import NDArray

from redraft.core.example import Image
from redraft.tasks.summary.augment.settings import AugmentSettings
from redraft.tasks.summary.augment.tone import Tone, tinted, toned
from redraft.tasks.summary.augment.warp import Warp
from redraft.tasks.summary.pages import png

Pixels = NDArray[numpy.uint8]
"""A page: grey [H, W] or colours [H, W, 3]."""
LIKELY = 0.6
"""How often an example that gets effects has each of them."""
BEST_JPEG = 92


@dataclass(frozen=True, slots=True)
class Effects:
    """bed: how bright the scanner's lid is around a page that lies askew, as a part of the paper. jpeg: the
    quality a page is stored in; None stores it without loss."""

    warp: Warp = field(default_factory=Warp)
    tone: Tone = field(default_factory=Tone)
    bed: float = 0.9
    jpeg: int | None = None


PLAIN = Effects()


def sample_effects(
    settings: AugmentSettings, paper: randoms.Random, page: randoms.Random, strength: float
) -> Effects:
    """Effects of one page. paper: draws what all pages of a document share (colour, sharpness, compression), and
    starts from the same state for each. page: draws what is its own (how it lies, its grain). strength: 0 to 1."""

    def some(random: randoms.Random, most: float) -> float:
        chance, value = random.random(), random.random()
        return most * strength * value if chance < LIKELY else 0.0

    def either(random: randoms.Random, most: float) -> float:
        value = some(random, most)
        return value if random.random() < 0.5 else -value

    if paper.random() >= settings.effects * strength**0.5:
        return PLAIN
    quality = some(paper, BEST_JPEG - min(settings.jpeg, BEST_JPEG))
    warp = Warp(
        angle=either(page, settings.rotation),
        lean_x=either(page, settings.perspective),
        lean_y=either(page, settings.perspective),
        shift_x=page.uniform(-1, 1),
        shift_y=page.uniform(-1, 1),
    )
    tone = Tone(
        blur=some(paper, settings.blur),
        contrast=1.0 - some(paper, settings.contrast),
        lift=paper.random(),
        tint=(either(paper, settings.tint), either(paper, settings.tint)),
        shade_x=either(page, settings.shade / 2),
        shade_y=either(page, settings.shade / 2),
        noise=some(paper, settings.noise),
        grain=page.getrandbits(64),
    )
    return Effects(warp, tone, paper.uniform(0.6, 1.0), round(BEST_JPEG - quality) if quality > 0 else None)


def apply(page: Pixels, effects: Effects, em: float | None = None) -> Pixels:
    """The page after the effects, of the same height and width. Its colour comes when it is `encoded`: a grey page
    stays grey until then.

    em: of the running text, in pixels; None takes 1/64 of the height.
    """
    if not effects.warp.is_none:
        page = _warped(page, effects)
    return toned(page, effects.tone, em if em is not None else page.shape[0] / 64)


def encoded(pixels: Pixels, effects: Effects, path: str) -> Image:
    """The picture file of a page in the colour of its paper: JPEG where the effects say so, else PNG, which is not
    compressed."""
    if effects.jpeg is None and pixels.ndim == 2 and effects.tone.tint == (0.0, 0.0):
        return Image(path, png.encode(pixels))  # Pillow tries filters on grey pixels, for nothing
    file, picture = io.BytesIO(), tinted(pixels, effects.tone.tint)
    if effects.jpeg is None:
        picture.save(file, "PNG", compress_level=0)
        return Image(path, file.getvalue())
    picture.convert("L" if picture.mode == "L" else "RGB").save(file, "JPEG", quality=effects.jpeg)
    return Image(f"{path.rpartition('.')[0] or path}.jpg", file.getvalue())


def _warped(page: Pixels, effects: Effects) -> Pixels:
    """The page as it lies, on the scanner's lid."""
    height, width = page.shape[:2]
    lid = tuple(int(value * effects.bed) for value in numpy.atleast_1d(paper_of(page)))
    # One pixel of lid around it, so that the page's border is as smooth as the rest.
    framed = PIL.Image.new(
        "L" if page.ndim == 2 else "RGB", (width + 2, height + 2), lid if len(lid) > 1 else lid[0]
    )
    framed.paste(PIL.Image.fromarray(page), (1, 1))
    # Pillow asks where each pixel comes from; the frame moves the source by one.
    back = numpy.linalg.inv(effects.warp.matrix(width, height))
    back = numpy.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]) @ back
    turned = framed.transform(
        (width, height),
        PIL.Image.Transform.PERSPECTIVE,
        tuple((back / back[2, 2]).ravel()[:8]),
        PIL.Image.Resampling.BILINEAR,
        fillcolor=lid if len(lid) > 1 else lid[0],
    )
    return numpy.asarray(turned)


def paper_of(page: Pixels) -> NDArray[numpy.float64]:
    """The colour of the paper: the median over the page's border."""
    border = numpy.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
    found: NDArray[numpy.float64] = numpy.median(border, axis=0)
    return found
