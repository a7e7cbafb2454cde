"""Text stays on the page and is never mirrored: glyph boxes of the page engine, warped as the page is."""

from __future__ import annotations

import math
import random

import numpy
import pytest
from augmented_pages import TINY, document, reports
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.tasks.summary.augment import create_training_transform
from redraft.tasks.summary.augment.effects import Effects, apply, sample_effects
from redraft.tasks.summary.augment.settings import AugmentSettings
from redraft.tasks.summary.augment.warp import Warp, at, least_scale, stretch
from redraft.tasks.summary.options import complete
from redraft.tasks.summary.pages.report import glyph_boxes
from redraft.tasks.summary.pages.samples import SAMPLES

WARPS = st.builds(
    Warp,
    angle=st.floats(-5, 5),
    lean_x=st.floats(-0.1, 0.1),
    lean_y=st.floats(-0.1, 0.1),
    shift_x=st.floats(-1, 1),
    shift_y=st.floats(-1, 1),
)
FARTHEST = {"effects": 1.0, "rotation": 5.0, "perspective": 0.1}


def corners(boxes: numpy.ndarray) -> numpy.ndarray:
    """[n, 4] left, top, right, bottom -> their corners [4 n, 2]."""
    return numpy.concatenate([boxes[:, [x, y]] for x in (0, 2) for y in (1, 3)])


@given(WARPS, st.integers(128, 3000), st.integers(128, 3000))
@settings(max_examples=200, deadline=None)
def test_the_whole_page_stays_inside_and_is_never_mirrored(warp: Warp, width: int, height: int) -> None:
    matrix = warp.matrix(width, height)
    grid = numpy.array([(x * width / 8, y * height / 8) for x in range(9) for y in range(9)])
    found = at(matrix, grid)
    assert (found >= -1e-6).all() and (found <= numpy.array([width, height]) + 1e-6).all()
    assert (stretch(matrix, grid) > 0).all()
    back = at(numpy.linalg.inv(matrix), found)
    assert numpy.allclose(back, grid, atol=1e-6 * max(width, height))


def test_the_stretch_is_the_derivative() -> None:
    matrix = Warp(3.0, 0.05, -0.08, 0.5, -1).matrix(400, 600)
    point, step = numpy.array([[120.0, 333.0]]), 1e-4
    along = [(at(matrix, point + numpy.array(d)) - at(matrix, point - numpy.array(d)))[0] / (2 * step)
             for d in ((step, 0.0), (0.0, step))]  # fmt: skip
    assert stretch(matrix, point)[0] == pytest.approx(numpy.linalg.det(numpy.array(along)), rel=1e-6)


@pytest.mark.parametrize("far", [{"effects": 1.0}, FARTHEST], ids=["as it is set", "as far as it can be set"])
def test_every_glyph_of_real_pages_stays_inside_over_many_seeds(far: dict[str, float]) -> None:
    """And every letter stays as large as it must be to be read. Each page lies in forty ways."""
    options = complete({"style": {"size": "base"}})
    glyphs, angles = 0, set()
    for seed, example in enumerate(reports(3, options)):
        transform = create_training_transform(options, seed=seed, strength=1.0, **far)
        shown = transform.plan(example, epoch=seed)
        assert shown.layout is not None and shown.layout.style.pixels == (1024, 1024)
        points = corners(glyph_boxes(shown.layout, 0))
        more = [
            sample_effects(transform.settings, random.Random(f"a{n}"), random.Random(f"b{n}"), 1.0)
            for n in range(40)
        ]
        for effects in (shown.effects[0], *more):
            matrix = effects.warp.matrix(1024, 1024)
            found, grown = at(matrix, points), stretch(matrix, points)
            assert (found >= 0).all() and (found <= 1024).all()
            assert (grown > 0).all()
            assert math.sqrt(grown.min()) * shown.layout.letter_height >= 5.0 - 1e-6
            angles.add(effects.warp.angle)
        glyphs += len(points) // 4
    assert glyphs > 2500 and len(angles) > 20


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.script)
def test_every_glyph_of_ten_scripts_stays_inside(sample: object) -> None:
    example = document(sample.text * 3, TINY, language=sample.language)  # type: ignore[attr-defined]
    for seed in range(6):
        transform = create_training_transform(TINY, seed=seed, strength=1.0, **FARTHEST)
        shown = transform.plan(example, 0)
        assert shown.layout is not None
        for index, effects in enumerate(shown.effects):
            points = corners(glyph_boxes(shown.layout, index))
            found = at(effects.warp.matrix(512, 512), points)
            assert len(points) and (found >= 0).all() and (found <= 512).all()


@given(WARPS, st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_pixels_go_where_the_geometry_says(warp: Warp, seed: int) -> None:
    """Dots on a page are found again at their warped places: what is tested above is what is applied."""
    width, height = 260, 340
    page = numpy.full((height, width), 255, numpy.uint8)
    place = random.Random(seed)
    x, y = place.randint(12, width - 12), place.randint(12, height - 12)
    page[y - 3 : y + 3, x - 3 : x + 3] = 0
    shown = 255.0 - apply(page, Effects(warp, bed=1.0))
    rows, columns = numpy.mgrid[0:height, 0:width] + 0.5
    middle = numpy.array([(shown * columns).sum(), (shown * rows).sum()]) / shown.sum()
    wanted = at(warp.matrix(width, height), numpy.array([[x, y]], numpy.float64))[0]
    assert numpy.abs(middle - wanted).max() < 0.15


def test_an_f_stays_an_f() -> None:
    """An F is neither its mirror image nor upside down, whatever is done to it."""
    page = numpy.full((200, 200), 255, numpy.uint8)
    page[40:160, 70:85] = page[40:55, 70:140] = page[90:105, 70:125] = 0
    ways = AugmentSettings(effects=1.0, rotation=5, perspective=0.1)
    for seed in range(40):
        effects = sample_effects(ways, random.Random(f"a{seed}"), random.Random(f"b{seed}"), 1.0)
        ink = 255.0 - apply(page, effects, em=20.0)
        ink -= numpy.median(ink)
        plain = 255.0 - page
        alike = {name: float((ink * way).sum()) for name, way in (
            ("as it is", plain), ("mirrored", plain[:, ::-1]), ("upside down", plain[::-1]))}  # fmt: skip
        assert max(alike, key=alike.__getitem__) == "as it is"


def test_a_page_shrinks_by_no_more_than_is_said() -> None:
    least = least_scale(Warp(1.5, 0.03, 0.03), 1024, 1024)
    assert 0.92 < least < 1 / (math.cos(math.radians(1.5)) + math.sin(math.radians(1.5)))
