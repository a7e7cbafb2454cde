"""Styles near a style: readable, of the same page, and the same for the same random state."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.tasks.summary.augment.styles import COLUMN_EMS, CONTRAST, READABLE, sample_style
from redraft.tasks.summary.pages.style import PageStyle

STYLES = st.builds(
    PageStyle,
    size=st.sampled_from(["tiny", "base", "gundam"]),
    font=st.sampled_from(["sans", "serif"]),
    font_size=st.floats(5, 60),
    line_spacing=st.floats(0.9, 4),
    paragraph_spacing=st.floats(0, 4),
    margin=st.floats(0, 0.3),
    columns=st.integers(1, 4),
    ink=st.integers(0, 90),
    paper=st.integers(160, 255),
)


@given(STYLES, st.integers(0, 10**6), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_a_sampled_style_stays_readable_and_of_the_same_page(style: PageStyle, seed: int, strength: float) -> None:
    found = sample_style(style, random.Random(seed), strength)
    assert found == sample_style(style, random.Random(seed), strength)
    assert found.pixels == style.pixels
    assert found.font_size >= min(READABLE, style.font_size) - 0.01
    assert found.paper - found.ink >= min(CONTRAST, style.paper - style.ink)
    width = style.pixels[0]
    if found.columns > style.columns:
        assert width * (1 - 2 * found.margin) / found.columns >= COLUMN_EMS * found.font_size


def test_no_strength_changes_nothing_and_more_goes_further() -> None:
    style = PageStyle(font_size=16)
    assert sample_style(style, random.Random(1), 0.0) == style
    spread = []
    for strength in (0.1, 0.5, 1.0):
        sizes = [sample_style(style, random.Random(seed), strength).font_size for seed in range(200)]
        spread.append(max(sizes) - min(sizes))
    assert spread[0] < spread[1] < spread[2] and spread[2] == pytest.approx(16 * (1.25 - 0.72), rel=0.1)


def test_dark_paper_stays_dark() -> None:
    style = PageStyle(ink=240, paper=10)
    for seed in range(50):
        found = sample_style(style, random.Random(seed), 1.0)
        assert found.ink - found.paper >= CONTRAST


def test_all_that_may_vary_varies_and_given_families_are_used() -> None:
    style = PageStyle(width=1280, height=1280, font_size=12)
    families = ("Noto Serif", "DejaVu Sans Mono")
    found = [sample_style(style, random.Random(seed), 1.0, families) for seed in range(100)]
    assert {one.font for one in found} <= {"sans", *families} and len({one.font for one in found}) >= 2
    fields = ("font_size", "line_spacing", "paragraph_spacing", "margin", "columns", "align", "ink", "paper")
    for name in (*fields, "page_numbers"):
        assert len({getattr(one, name) for one in found}) > 1, name
