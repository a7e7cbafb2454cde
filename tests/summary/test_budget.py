"""The planner's promises, held against the pages themselves: their number, tokens, density and letters."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.errors import InputError, UsageError
from redraft.core.sight import Sight
from redraft.models.sight import sight_of
from redraft.tasks.summary.budget import Budget, plan
from redraft.tasks.summary.budget.measure import letters_of
from redraft.tasks.summary.budget.readability import least_letters, needs_em
from redraft.tasks.summary.budget.sizes import sizes_for
from redraft.tasks.summary.documents.blocks import Document
from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.options import INSTRUCTION
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.layout import lay_out
from redraft.tasks.summary.pages.report import report
from redraft.tasks.summary.pages.style import PageStyle

FAMILIES = ("deepseek_ocr", "deepseek_ocr2", "granite_docling", "tiny")
SENTENCE = "The committee met in the old hall and agreed that the bridge should be closed for repairs in spring. "
sight = cache(sight_of)


def document(characters: int) -> Document:
    """Paragraphs of a few sentences, a heading before every fifth, of about so many characters."""
    paragraph = SENTENCE * 4
    count = max(1, characters // len(paragraph))
    pieces = [("## Part\n\n" if number % 5 == 4 else "") + paragraph for number in range(count)]
    return parse("\n\n".join(pieces)[: max(characters, 20)], "markdown")


def planned(characters: int, model: str = "deepseek_ocr", **settings: Any) -> Budget:
    return plan(document(characters), sight(model), **settings)


@pytest.mark.parametrize("model", FAMILIES)
@settings(max_examples=5, deadline=None)
@given(characters=st.integers(20, 9_000), ratio=st.sampled_from((3.0, 6.0, 10.0)))
def test_the_pages_are_as_the_plan_says(model: str, characters: int, ratio: float) -> None:
    text = document(characters)
    budget = plan(text, sight(model), ratio=ratio, max_pages=200)
    layout = lay_out(text, budget.style)
    seen = sight(model).picture(*budget.style.pixels)
    assert layout.complete and len(layout.pages) == budget.pages
    assert budget.tokens == len(layout.pages) * seen.tokens
    assert budget.chosen.text_tokens == sight(model).text_tokens(text.text)
    counted = [report(layout, index).characters for index in range(len(layout.pages))]
    per_character = budget.chosen.text_tokens / sum(counted)
    assert max(counted) * per_character / seen.tokens == pytest.approx(budget.chosen.densest, rel=0.1)
    assert budget.chosen.densest < ratio
    assert budget.chosen.letters == pytest.approx(layout.letter_height * min(1, seen.scale))
    assert budget.chosen.letters >= 5 - 1e-6


@settings(max_examples=6, deadline=None)
@given(characters=st.integers(200, 9_000), low=st.floats(1.5, 5), more=st.floats(1.05, 3))
def test_a_higher_ratio_never_takes_more_tokens(characters: int, low: float, more: float) -> None:
    strict, free = (
        planned(characters, ratio=low, max_pages=200),
        planned(characters, ratio=low * more, max_pages=200),
    )
    assert free.tokens <= strict.tokens


@settings(max_examples=4, deadline=None)
@given(characters=st.integers(500, 6_000), least=st.floats(5, 9))
def test_larger_letters_never_take_fewer_tokens(characters: int, least: float) -> None:
    small, large = planned(characters), planned(characters, letters=least)
    assert large.tokens >= small.tokens and large.chosen.letters >= least - 1e-6


def test_nothing_that_was_tried_and_can_be_read_takes_fewer_tokens() -> None:
    budget = planned(13_000)
    assert [one.note for one in budget.tried].count("") == 1 and not budget.tried[0].note
    readable = [one.measured for one in budget.tried if one.measured.readable(10, 5)]
    assert min(one.tokens for one in readable) == budget.tokens
    assert budget.layouts <= 24


def test_letters_grow_as_far_as_the_same_pages_hold_them() -> None:
    budget = planned(6_000)
    larger = PageStyle.from_data({**budget.style.model_dump(), "font_size": budget.style.font_size + 0.6})
    grown = lay_out(document(6_000), larger)
    texts = [report(grown, index).characters for index in range(len(grown.pages))]
    dense = max(texts) * budget.chosen.text_tokens / sum(texts) / budget.chosen.page_tokens
    assert len(grown.pages) > budget.pages or dense >= budget.ratio


@pytest.mark.parametrize("size", [9.3, 16.0, 27.5])
def test_letters_are_as_high_as_they_are_drawn(size: float) -> None:
    style = PageStyle(size="tiny", font_size=size)
    seen = sight("tiny").picture(512, 512)
    drawn = draw(lay_out(parse("x x x x x x x", "text"), style), 0)
    rows = np.flatnonzero((drawn < 128).any(axis=1))
    assert letters_of(style, sight("deepseek_ocr").picture(512, 512)) == pytest.approx(len(rows), abs=1.0)
    assert letters_of(style, seen) == pytest.approx(letters_of(style, sight("deepseek_ocr").picture(512, 512)) / 4)


@pytest.mark.parametrize(
    "family, sides",
    [
        ("deepseek_ocr", {512, 640, 1024, 1280}),
        ("deepseek_ocr2", {768, 1024}),
        ("granite_docling", {512, 1024}),
        ("llava", {336}),
        ("tiny", {128}),
    ],
)
def test_the_sizes_are_those_that_the_model_sees_as_they_are(family: str, sides: set[int]) -> None:
    found = sizes_for(sight(family))
    assert sides <= {size.width for size in found}
    for size in found:
        assert size.seen == sight(family).picture(size.width, size.height)
        assert PageStyle.from_data(size.fields).pixels == (size.width, size.height)


def test_fixed_fields_stay() -> None:
    budget = planned(3_000, fixed={"size": "small", "columns": 2, "margin": 0.1, "font": "serif"})
    assert budget.style.pixels == (640, 640)
    assert (budget.style.columns, budget.style.margin, budget.style.font) == (2, 0.1, "serif")


def test_scripts_without_an_x_height_need_a_larger_em() -> None:
    assert not needs_em("Ordinary text, naïve café, Ελληνικά и русский") and not needs_em("12 + 3")
    assert needs_em("这是一个测试文档") and needs_em("ข้อความภาษาไทย") and needs_em("نص عربي")
    assert least_letters("plain", 0.55) == 5.0
    chinese = plan(parse("桥梁将在春季关闭维修。" * 60, "text"), sight("deepseek_ocr"))
    assert chinese.style.font_size >= 12 and "em of 12 pixels" in " ".join(chinese.says)


def test_the_sentences_say_choice_cost_and_what_cannot_be_read() -> None:
    budget = planned(30_000)
    text = " ".join(budget.says)
    assert (
        f"{budget.pages} pages of" in budget.says[0] and f"font size {budget.style.font_size:g}" in budget.says[0]
    )
    saved = budget.chosen.text_tokens - budget.tokens
    assert f"{saved:,} saved" in text and f"{budget.chosen.ratio:.1f}x" in text
    assert "unreadable" in text and "arXiv 2510.18234" in text
    assert "not known" in budget.says[-1]
    assert "takes 8,000 tokens" in planned(3_000, max_tokens=8_000).says[-1]


def test_pages_that_save_nothing_are_called_so() -> None:
    assert "pages save nothing here" in " ".join(planned(300, "llava").says)


def test_a_document_that_does_not_fit_is_an_error_with_what_would_help() -> None:
    with pytest.raises(InputError) as found:
        planned(60_000, max_tokens=1_500)
    room = 1_500 - 512 - 32 - sight("deepseek_ocr").text_tokens(INSTRUCTION)
    assert f"of the model's 1,500 tokens {room} are left for pages" in found.value.what
    assert "--max-pages" in found.value.remedy and "more positions" in found.value.remedy
    assert "--ratio" in found.value.remedy  # 14,400 tokens on some 900 are below 20x
    with pytest.raises(InputError, match=r"more than 5 readable pages.*4 pages are allowed"):
        planned(60_000, fixed={"size": "tiny"}, max_pages=4)


def test_fixed_letters_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(InputError, match=r"cannot be read on such pages \(512x512: letters of 3\.3 pixels\)"):
        planned(2_000, fixed={"size": "tiny", "font_size": 6})
    with pytest.raises(UsageError, match=r"style\.font_size"):
        planned(2_000, fixed={"font_size": "large"})


def test_room_is_what_the_model_takes_less_its_answer() -> None:
    class Narrow:
        """A model of 1,000 positions that sees as another one."""

        name, exact, positions = "narrow", True, 1_000

        def __init__(self, other: Sight) -> None:
            self.text_tokens, self.picture = other.text_tokens, other.picture

    budget = plan(document(3_000), Narrow(sight("deepseek_ocr")), answer_tokens=300)
    assert budget.room == 1_000 - 300 - 32 - sight("deepseek_ocr").text_tokens(INSTRUCTION)
    assert budget.tokens <= budget.room
    assert "takes 1,000 tokens" in budget.says[-1]
