"""The generator of documents: the same from a seed, distinct, varied, and their summaries true."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.errors import UsageError
from redraft.core.example import Example
from redraft.core.work import Silent
from redraft.tasks.summary.baselines import baselines
from redraft.tasks.summary.documents.blocks import Code, Heading, Item, Paragraph, Table
from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.generate import document_seed, generate_examples, make_document
from redraft.tasks.summary.made.document import Made
from redraft.tasks.summary.made.library import library
from redraft.tasks.summary.made.reports import LANGUAGES
from redraft.tasks.summary.options import complete
from redraft.tasks.summary.score import score_answers

LEVELS = ("full", "simple")
NUMBER = re.compile(r"\d(?:[\d.,\u00a0]*\d)?")


def made(level: str, count: int, seed: int = 5) -> list[Made]:
    return [make_document(document_seed(seed, number), level) for number in range(count)]


def examples(count: int, seed: int = 5, **options: object) -> list[Example]:
    return list(generate_examples(count, seed, complete(options), Silent()))


@pytest.mark.parametrize("level", LEVELS)
def test_a_seed_makes_the_same_examples_whatever_their_count(level: str) -> None:
    few, many = examples(4, level=level), examples(9, level=level)
    assert few == many[:4]
    assert examples(4, seed=6, level=level) != few


@pytest.mark.parametrize("level", LEVELS)
def test_documents_are_distinct(level: str) -> None:
    texts = [document.text for document in made(level, 200)]
    assert len(set(texts)) == len(texts)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), level=st.sampled_from(LEVELS))
def test_every_number_and_every_value_of_a_summary_stands_in_its_document(seed: int, level: str) -> None:
    document = make_document(seed, level)
    numbers = set(NUMBER.findall(document.text))
    assert set(NUMBER.findall(document.summary)) <= numbers
    told = [value.casefold() for value in document.facts.values() if value in document.summary]
    assert len(told) >= 3
    assert all(value in document.text.casefold() for value in told)


def test_the_score_finds_nothing_in_a_summary_that_the_document_does_not_state() -> None:
    held = examples(40) + examples(30, level="simple")
    scores = score_answers([example.answer for example in held], held, Silent())
    assert {score.value for score in scores} == {1.0}
    assert {score.details["numbers_not_in_source"] for score in scores} == {0}
    # German writes every noun like a name, so that a noun in other words counts as one that is not there.
    others = [s.details for s, e in zip(scores, held, strict=True) if e.truth["language"] != "de"]
    assert [details["not_in_source"] for details in others if details["not_in_source"]] == []


def test_reports_have_every_language_and_every_kind_of_block() -> None:
    documents = made("full", 150)
    languages = Counter(document.language for document in documents)
    assert set(languages) == set(LANGUAGES)
    assert 0.3 < languages["en"] / len(documents) < 0.7
    blocks = {type(block) for d in documents for block in parse(d.text, "markdown").blocks}
    assert {Code, Heading, Item, Paragraph, Table} <= blocks
    kinds = {(document.language, document.kind) for document in documents}
    assert len(kinds) > 12
    assert all(1 <= len(re.findall(r"[.](?=\s|$)", document.summary)) <= 3 for document in documents)


def test_reports_have_one_to_seven_pages_and_show_their_text_whole() -> None:
    held = examples(30)
    pages = Counter(example.prompt[0].image_count for example in held)
    assert set(pages) <= set(range(1, 8))
    assert len(pages) >= 4
    assert {example.truth["format"] for example in held} == {"markdown"}


def test_a_report_tells_each_fact_once_so_its_first_sentences_are_no_summary() -> None:
    held = examples(30)
    lead = score_answers(baselines(held, Silent())["lead-3"], held, Silent())
    assert sum(score.value for score in lead) / len(lead) < 0.35


@pytest.mark.parametrize("name", [*LANGUAGES, "notices"])
def test_all_templates_of_a_language_can_be_filled(name: str) -> None:
    words = library(name)
    for kind in words.kinds:
        slots = dict.fromkeys(kind.slots, "x")
        templates = [*kind.titles, *kind.summaries, *(way for ways in kind.facts for way in ways)]
        for text in [*templates, *(cell for row in kind.rows for cell in row)]:
            text.format(**slots)
        assert not kind.rows or len(kind.rows) == len(kind.facts)
        told = set(re.findall(r"{(\w+)}", "".join(way for ways in kind.facts for way in ways)))
        assert told == set(kind.slots), kind.name
        assert all(len(ways) >= 2 for ways in kind.facts)


def test_options_that_hold_too_few_documents_say_so() -> None:
    with pytest.raises(UsageError, match="different documents"):
        examples(3, level="simple", style={"width": 128, "height": 128, "font_size": 20}, max_pages=1)
