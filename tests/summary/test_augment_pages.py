"""The training transform: other pages with the same answer, never more of them, the same for the same epoch."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
from augmented_pages import TINY, document, photographed, pixels_of, reports
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.discovery import load_task
from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example, Image, message
from redraft.core.offers import Augments, offers
from redraft.tasks.summary.augment import create_training_transform
from redraft.tasks.summary.augment.effects import Effects, apply, encoded, sample_effects
from redraft.tasks.summary.augment.families import families_for
from redraft.tasks.summary.augment.settings import AugmentSettings
from redraft.tasks.summary.augment.tone import Tone
from redraft.tasks.summary.drawing import draw_pages
from redraft.tasks.summary.options import complete, read
from redraft.tasks.summary.pages.samples import SAMPLES

TEXT = "The tram is late because of the flood. It comes at 18, and costs 3 coins.\n\n" * 6
SHORT = [document(TEXT[: 80 * n], TINY, id=f"doc-{n}") for n in (1, 3, 5)] + [photographed()]


def places(example: Example) -> int:
    return sum(part.image_count for part in example.messages)


def test_pages_change_from_epoch_to_epoch_and_nothing_else_does() -> None:
    transform = create_training_transform(TINY, seed=3, strength=0.8)
    example = SHORT[2]
    shown = [transform(example, epoch) for epoch in range(6)]
    assert len({one.images[0].bytes for one in shown}) == 6
    for one in shown:
        assert (one.id, one.truth, one.answer, one.seed) == (
            example.id, example.truth, example.answer, example.seed)  # fmt: skip
        assert [m.text for m in one.messages] == [m.text for m in example.messages]
        assert places(one) == len(one.images) <= places(example)
        assert all(pixels_of(image).shape == (512, 512) for image in one.images)


def test_documents_of_many_pages_never_get_more_or_larger_ones() -> None:
    options = complete({"style": {"size": "tiny", "font_size": 14}})
    fewer = styles = 0
    for example in reports(4, options):
        plain = len(draw_pages(example.truth, example.seed, options).images)
        assert plain == places(example) > 1
        for seed in range(5):
            found = create_training_transform(options, seed=seed, strength=1.0).plan(example, seed)
            assert found.layout is not None and found.layout.complete
            assert len(found.layout.pages) == len(found.effects) <= plain
            assert found.layout.style.pixels == (512, 512)
            fewer += len(found.layout.pages) < plain
            styles += found.layout.style != read(options).page_style
    assert fewer and styles >= 15


def test_a_document_that_is_cut_keeps_its_number_of_pages() -> None:
    options = complete({"style": {"size": "tiny", "font_size": 11}, "max_pages": 2, "long": "cut"})
    example = document(TEXT * 20, options)
    assert places(example) == 2
    for epoch in range(4):
        transform = create_training_transform(options, strength=1.0)
        found = transform.plan(example, epoch).layout
        assert found is not None and len(found.pages) == 2 and not found.complete
        assert found.style.margin <= read(options).page_style.margin  # it shows no less of the document
        assert len(transform(example, epoch).images) == 2


def test_no_strength_is_the_plain_page() -> None:
    example = SHORT[1]
    found = create_training_transform(TINY, strength=0.0)(example, 7)
    for mine, theirs in zip(found.images, draw_pages(example.truth, 0, TINY).images, strict=True):
        assert (pixels_of(mine) == pixels_of(theirs)).all()
    given = photographed()
    assert create_training_transform(TINY, strength=0.0)(given, 7) == given


def test_given_pictures_are_kept_and_get_effects_alone() -> None:
    example = photographed(300, 400)
    transform = create_training_transform(TINY, strength=1.0, effects=1.0)
    changed = 0
    for epoch in range(8):
        shown = transform(example, epoch)
        assert transform.plan(example, epoch).layout is None
        assert pixels_of(shown.images[0], "RGB").shape == (400, 300, 3)
        assert places(shown) == 1
        changed += shown.images[0].bytes != example.images[0].bytes
        red = pixels_of(shown.images[0], "RGB").astype(int)
        middle = red[100:300, 100:130].reshape(-1, 3).mean(0)  # over the stem of the letter, mostly
        assert middle[0] > middle[1] + 15  # its colour stays red
    assert changed >= 7


def test_an_example_with_its_text_in_the_prompt_is_left_alone() -> None:
    asked = (message("user", "Summarize: " + TEXT), message("assistant", "A summary."))
    example = Example("told", (), asked, SHORT[0].truth)
    assert create_training_transform(TINY, strength=1.0)(example, 3) == example


@given(st.integers(0, 2**31), st.permutations([(e, i) for e in range(3) for i in range(len(SHORT))]))
@settings(max_examples=4, deadline=None)
def test_the_same_seed_epoch_and_id_give_the_same_bytes_in_any_order_and_thread(
    seed: int, order: list[tuple[int, int]]
) -> None:
    first = create_training_transform(TINY, seed=seed, strength=0.9)
    wanted = {(e, i): first(SHORT[i], e) for e in range(3) for i in range(len(SHORT))}
    again = create_training_transform(TINY, seed=seed, strength=0.9)
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(order, pool.map(lambda way: again(SHORT[way[1]], way[0]), order), strict=True))
    assert found == wanted


def test_another_seed_epoch_or_id_gives_other_pages() -> None:
    example = SHORT[2]
    one = create_training_transform(TINY, seed=1, strength=1.0)
    other = create_training_transform(TINY, seed=2, strength=1.0)
    pages = [one(example, 0), one(example, 1), other(example, 0), one(replace(example, id="else"), 0)]
    assert len({page.images[0].bytes for page in pages}) == 4


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.script)
def test_every_script_keeps_its_letters(sample: object) -> None:
    """No style shows a box where the plain one shows a letter."""
    text = sample.text  # type: ignore[attr-defined]
    example = document(text, TINY, language=sample.language)  # type: ignore[attr-defined]
    plain = set(draw_pages(example.truth, 0, TINY).layout.missing)
    fonts = set()
    for seed in range(8):
        layout = create_training_transform(TINY, seed=seed, strength=1.0).plan(example, 0).layout
        assert layout is not None and set(layout.missing) <= plain
        fonts.add(layout.style.font)
    assert len(fonts) > 1


def test_fonts_are_those_that_are_asked_for() -> None:
    assert set(families_for("abc", ("serif", "mono"))) == {"serif", "mono"}
    fonts = set()
    for seed in range(12):
        transform = create_training_transform(TINY, seed=seed, strength=0.5, fonts=("serif",))
        layout = transform.plan(SHORT[0], 0).layout
        assert layout is not None
        fonts.add(layout.style.font)
    assert fonts == {"sans", "serif"}  # the dataset's own stays among them
    with pytest.raises(UsageError, match="No Such Font"):
        create_training_transform(TINY, fonts=("No Such Font",))


def test_what_is_switched_off_does_not_happen() -> None:
    off = {
        "rotation": 0,
        "perspective": 0,
        "blur": 0,
        "shade": 0,
        "contrast": 0,
        "tint": 0,
        "noise": 0,
        "jpeg": 100,
    }
    plain = draw_pages(SHORT[2].truth, 0, TINY).images
    transform = create_training_transform(TINY, strength=1.0, style=False, **off)
    for epoch in range(4):
        for mine, theirs in zip(transform(SHORT[2], epoch).images, plain, strict=True):
            assert (pixels_of(mine) == pixels_of(theirs)).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rotatoin": 2}, "no setting 'rotatoin'.*rotation"),
        ({"rotation": 90}, "rotation: .*less than or equal to 5"),
        ({"jpeg": 3}, "jpeg"),
        ({"blur": "much"}, "blur"),
        ({"strength": 1.5}, "strength of augmentation is 1.5"),
    ],
)
def test_a_wrong_setting_is_named(given: dict, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        create_training_transform(TINY, **given)
    assert re.search(words, f"{caught.value.what} {caught.value.remedy}"), caught.value


def test_a_picture_that_cannot_be_read_is_named() -> None:
    broken = replace(photographed(), images=(Image("scan.png", b"\x89PNG but no more"),))
    transform = create_training_transform(TINY, strength=1.0, effects=1.0)
    with pytest.raises(InputError, match="not a readable picture"):
        for epoch in range(9):
            transform(broken, epoch)


def test_the_task_offers_it() -> None:
    offer = offers(load_task("summary"), Augments)
    assert offer is not None
    found = offer.transform(TINY, {"strength": 1.0, "rotation": 2.0}, 4)
    assert found.redraws and found(SHORT[0], 1) == create_training_transform(
        TINY, seed=4, strength=1.0, rotation=2.0)(SHORT[0], 1)  # fmt: skip


def test_ink_and_paper_stay_apart_and_blur_grain_and_shade_are_what_they_say() -> None:
    page = numpy.full((400, 400), 255, numpy.uint8)
    page[100:300, 100:300] = 0
    ways = AugmentSettings(effects=1.0)
    for seed in range(60):
        draws = random.Random(f"a{seed}"), random.Random(f"b{seed}")
        found = apply(page, sample_effects(ways, *draws, 1.0), em=16.0).astype(float)
        assert numpy.median(found[30:80, 200:250]) - numpy.median(found[150:250, 150:250]) > 255 * 0.55
    grey = numpy.full((300, 300), 128, numpy.uint8)
    noisy = apply(grey, Effects(tone=Tone(noise=8.0, grain=5))).astype(float)
    assert noisy.std() == pytest.approx(8.0, rel=0.05) and noisy.mean() == pytest.approx(128, abs=0.2)
    shaded = apply(grey, Effects(tone=Tone(shade_x=0.2))).astype(float)
    assert shaded[:, 150].mean() == pytest.approx(128, abs=1) and shaded[:, -1].mean() == pytest.approx(102, abs=1)
    dot = numpy.zeros((41, 41), numpy.uint8)
    dot[20, 20] = 255
    soft = apply(dot, Effects(tone=Tone(blur=0.05)), em=14.0).astype(float)
    rows = numpy.arange(41) - 20.0
    variance = (soft.sum(1) * rows**2).sum() / soft.sum()
    assert variance == pytest.approx(0.7**2, rel=0.05) and soft.sum() == pytest.approx(255, rel=0.02)


def test_a_tinted_page_has_the_colour_in_png_and_in_jpeg() -> None:
    page = numpy.full((64, 64), 200, numpy.uint8)
    page[20:40, 20:40] = 40
    for quality, name in ((None, "page-001.png"), (90, "page-001.jpg")):
        effects = Effects(tone=Tone(tint=(0.1, -0.1)), jpeg=quality)
        image = encoded(apply(page, effects), effects, "page-001.png")
        assert image.path == name
        red, green, blue = pixels_of(image, "RGB")[5, 5].astype(int)
        assert (red, green, blue) == (
            pytest.approx(200, abs=2),
            pytest.approx(182, abs=2),
            pytest.approx(164, abs=2),
        )


def test_the_documentation_names_every_setting_and_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "augmentation.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", page, flags=re.M))
    plain = AugmentSettings()
    wanted = {name: getattr(plain, name) for name in AugmentSettings.model_fields}
    assert rows == {name: {True: "true", (): "[]"}.get(value, str(value)) for name, value in wanted.items()}
