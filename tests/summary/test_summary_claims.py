"""Numbers and names of a summary, looked up in its source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.core.example import Example
from redraft.core.offers import MarksAnswers, offers
from redraft.tasks.summary.score.claims import Source, claims
from redraft.tasks.summary.score.marks import marks_of
from redraft.tasks.summary.score.names import names
from redraft.tasks.summary.score.numbers import numbers
from redraft.tasks.summary.task import TASK


def missing(answer: str, source: str) -> list[str]:
    return [claim.text for claim in claims(answer, Source(source)).unsupported]


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("1000 boats", "1,000 boats"),
        ("1,000 boats", "1000 boats"),
        ("1.000 boats", "1,000 boats"),
        ("1000 boats", "1\u202f000 boats"),
        ("12,34,567 rupees", "1234567"),
        ("1'234'567 francs", "1,234,567"),
        ("١٬٠٠٠ قارب", "1000"),
        ("٣٫٥", "3.5"),
        ("3,5 m", "3.5 m"),
        ("1.234,5", "1,234.5"),
        ("२०२४", "in 2024"),
        ("２０２４", "2024"),
        ("007", "agent 7"),
        ("$5.00", "5 dollars"),
        ("PEP8", "PEP 8"),
        ("on 2004-05-06", "6.5: 05 of 2004, day 6"),
    ],
)
def test_a_number_is_the_same_in_other_clothes(answer: str, source: str) -> None:
    assert missing(answer, source) == []


@pytest.mark.parametrize(
    ("answer", "source", "expected"),
    [
        ("Python 3.1", "Python 3.10", ["3.1"]),
        ("in 2005", "in 2004 and 12005", ["2005"]),
        ("10 of 20", "10", ["20"]),
        ("3.11", "3.11.2", ["3.11"]),
        ("1 000", "1\u202f000", ["1", "000"]),  # a plain space parts two numbers, unlike a narrow one
        ("x² and ½", "x", []),
    ],
)
def test_other_numbers_are_missed(answer: str, source: str, expected: list[str]) -> None:
    assert missing(answer, source) == expected


@given(st.integers(0, 10**12))
def test_every_way_to_write_an_integer_reads_the_same(value: int) -> None:
    grouped = f"{value:,}"
    arabic = str(value).translate({ord(str(d)): chr(0x660 + d) for d in range(10)})
    for text in (str(value), grouped, grouped.replace(",", "'"), grouped.replace(",", "\u202f"), arabic):
        found = list(numbers(f"x {text} y"))
        assert [n.text for n in found] == [text]
        assert str(value) in found[0].readings
    points = grouped.replace(",", ".")
    assert str(value) in next(numbers(points)).readings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The ferry Aurora left Tromsø. It met Guido van Rossum.", ["Aurora", "Tromsø", "Guido", "Rossum"]),
        ("They saw New York and J. Smith.", ["New York", "J. Smith"]),
        ("“Aurora” left. Then Anna-Lena O'Hara came.", ["Anna-Lena O'Hara"]),
        ("I think I am.", []),
        ("Паром вышел из Мурманска.", ["Мурманска"]),
        ("Το πλοίο έφυγε από τον Πειραιά.", ["Πειραιά"]),
        ("see iPhone and eBay or PEP and API2", ["PEP", "API2"]),
        ("渡轮 left Oslo。Bergen 在那里", ["Oslo"]),
    ],
)
def test_names_are_capitalised_words_inside_sentences(text: str, expected: list[str]) -> None:
    found = list(names(text))
    assert [name.text for name in found] == expected
    assert all(text[name.start : name.end] == name.text for name in found)


def test_a_name_must_stand_there_whole_and_in_any_case() -> None:
    source = "The people of NEW YORK met Guido van Rossum in Straßburg."
    assert missing("They met in New York and Strassburg.", source) == []
    assert missing("They met York Guido and New Rossum.", source) == ["York Guido", "New Rossum"]


def test_a_script_without_capitals_has_no_names_to_count() -> None:
    assert claims("渡轮9点离开港口。", Source("渡轮")).names is None
    assert claims("نعم", Source("نعم")).names is None
    assert claims("yes", Source("yes")).names == ()


@given(st.text(max_size=150), st.text(max_size=60))
def test_marks_lie_in_the_answer_one_after_the_other(answer: str, text: str) -> None:
    found = marks_of(answer, Example("x", (), (), {"text": text + " word", "summary": ""}))
    places = [place for mark in found for place in (mark.start, mark.end)]
    assert places == sorted(places) and all(0 <= place <= len(answer) for place in places)
    assert all(mark.start < mark.end and mark.note for mark in found)


def test_the_task_marks_what_its_source_does_not_hold() -> None:
    example = Example("x", (), (), {"text": "The ferry left Oslo at 9.", "summary": "It left."})
    marks = offers(TASK, MarksAnswers).marks("It left Oslo at 10 with PEP 8.", example)  # type: ignore[union-attr]
    assert [(mark.start, mark.end) for mark in marks] == [(16, 18), (24, 27), (28, 29)]
    assert offers(TASK, MarksAnswers).marks("It left at 10.", Example("y", (), (), {"summary": "x"})) == []  # type: ignore[union-attr]
