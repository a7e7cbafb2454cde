"""The score of a summary and its details."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import sentence_chrf
from ten_scripts import TEXTS

from redraft.core.example import Example
from redraft.core.score import Score
from redraft.core.work import Silent
from redraft.tasks.summary.baselines import baselines
from redraft.tasks.summary.score import score_answer, score_answers
from redraft.tasks.summary.score.claims import Source
from redraft.tasks.summary.score.rouge import NAMES, rouge
from redraft.tasks.summary.score.sentences import sentences
from redraft.tasks.summary.score.texture import novelty, repetition

SOURCE = Source("The ferry Aurora left Tromsø on 3 May 2019 with 1,200 people on board.")


def score(answer: str, reference: str, source: Source | None = None) -> Score:
    return score_answer(answer, reference, source)


@pytest.mark.parametrize("script", TEXTS)
def test_the_same_text_scores_one_in_every_script(script: str) -> None:
    text = TEXTS[script]
    found = score(text, text, Source(text))
    assert (found.value, found.reason) == (1.0, "ok")
    for name in (*NAMES, "chrf", "length_ratio"):
        assert found.details[name] == pytest.approx(1.0), name
    assert found.details["novel_1"] == found.details["novel_4"] == 0
    assert found.details["numbers_not_in_source"] == 0
    other = score(TEXTS["Greek" if script != "Greek" else "Latin"], text)
    assert other.value < 0.2


def own(reference: str, answer: str, stem: bool) -> dict[str, float]:
    """What rouge-score says with its own tokenizer, of texts with a sentence a line."""
    lines = ["\n".join(sentences(text)) for text in (reference, answer)]
    found = RougeScorer(list(NAMES), use_stemmer=stem).score(*lines)
    return {name: found[name].fmeasure for name in NAMES}


WORD = st.sampled_from(["the", "ferry", "left.", "Tromsø's", "At", "3.5", "nine", "running;", "It", "ends!\n"])
WORDS = st.lists(WORD, max_size=25)
ASCII = st.text(st.characters(max_codepoint=127), max_size=150)


@given(ASCII, ASCII)
def test_ascii_has_rouge_scores_own_figures(reference: str, answer: str) -> None:
    assert rouge(reference, answer) == own(reference, answer, stem=False)


@given(WORDS, WORDS, st.booleans())
def test_english_has_rouge_scores_own_figures(left: list[str], right: list[str], stem: bool) -> None:
    reference, answer = (" ".join(part).replace("ø", "o") for part in (left, right))
    assert rouge(reference, answer, stem=stem) == own(reference, answer, stem=stem)


def test_english_documents_have_rouge_scores_own_figures(shared_data: Path) -> None:
    lines = (shared_data / "documents" / "peps.jsonl").read_text(encoding="utf-8").splitlines()[::20]
    rows = [json.loads(line) for line in lines]
    examples = [Example(row["id"], (), (), row) for row in rows]
    compared = 0
    for answers in baselines(examples, Silent()).values():
        for row, answer in zip(rows, answers, strict=True):
            if row["summary"].isascii() and answer.isascii():
                assert rouge(row["summary"], answer) == own(row["summary"], answer, stem=False)
                compared += 1
    assert compared > 2.5 * len(rows)


def test_it_differs_from_the_default_only_where_that_cuts_letters_away() -> None:
    assert own("une café", "une café", stem=False)["rouge1"] == 1  # it sees "caf"
    assert own("नौका", "नौका", stem=False)["rouge1"] == 0
    assert rouge("नौका", "नौका")["rouge1"] == 1


def test_every_figure_by_hand() -> None:
    """docs/summary-scoring.md works the same one out."""
    reference = "The ferry left Tromsø on 3 May."
    found = score("The ferry Bergen left on 4 May and came back on 4 May.", reference, SOURCE).details
    assert (found["words"], found["length_ratio"]) == (13, pytest.approx(13 / 7))
    assert found["rouge1"] == pytest.approx(2 * 5 / (13 + 7))  # the, ferry, left, on, may
    assert found["rouge2"] == pytest.approx(2 * 1 / (12 + 6))  # the ferry
    assert found["rougeL"] == found["rougeLsum"] == found["rouge1"]  # the five stand in the same order
    assert found["novel_1"] == pytest.approx(5 / 10)  # bergen, 4, and, came, back
    assert found["novel_2"] == pytest.approx(9 / 10)  # all but "the ferry"
    assert found["repetition"] == 0
    assert (found["numbers"], found["numbers_not_in_source"]) == (2, 2)
    assert (found["names"], found["names_not_in_source"]) == (3, 1)
    assert found["not_in_source"] == "Bergen; 4"


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_texts_have_a_score_between_0_and_1(answer: str, reference: str) -> None:
    found = score(answer, reference, Source(reference + " x"))
    assert 0 <= found.value <= 1
    assert json.loads(json.dumps(found.as_data(), allow_nan=False)) == found.as_data()
    assert set(found.details) >= {*NAMES, "chrf", "words", "length_ratio"}
    for name, value in found.details.items():
        if name.startswith(("rouge", "novel", "chrf", "repetition")):
            assert value is None or 0 <= float(value) <= 1


def test_failures_have_their_reasons_and_zeros() -> None:
    for answer, reference, reason in (
        (" \n", "a b", "empty"),
        ("... — 🙂", "a b", "no_words"),
        ("a b", " ", "no_reference"),
        ("a " * 20_000, "b " * 1_000, "too_long"),
    ):
        found = score(answer, reference)
        assert (found.value, found.reason) == (0.0, reason)
        assert found.details["rouge1"] == found.details["chrf"] == 0


def test_a_document_known_by_its_pictures_alone_says_nothing_of_its_source() -> None:
    example = Example("scan", (), (), {"summary": "Nine boats.", "pages": "given"})
    found = score_answers(["Ten boats of Bergen."], [example], Silent())[0]
    assert found.ok and "numbers" not in found.details and "novel_1" not in found.details


def test_markup_is_no_part_of_the_source() -> None:
    text = "# Boats\n\nThe *ferry* [left](http://example.org/4711) at **nine**."
    example = Example("m", (), (), {"text": text, "format": "markdown", "summary": "The ferry left."})
    found = score_answers(["The ferry left at nine, said 4711."], [example], Silent())[0].details
    assert found["not_in_source"] == "4711"
    assert found["novel_4"] == pytest.approx(2 / 4)


def test_chrf_is_sacrebleus() -> None:
    for reference, answer in (("The ferry left.", "The ferries leave"), ("渡轮离开", "渡轮到达")):
        assert score(answer, reference).details["chrf"] == sentence_chrf(answer, [reference]).score / 100
    composed, apart = "Tromsø é", "Tromsø e\u0301"
    assert score(apart, composed).details["chrf"] == 1


def test_repetition_is_1_less_the_share_of_different_pieces() -> None:
    assert repetition(["a", "b", "c", "d", "e"]) == 0
    assert repetition(["a"] * 10) == pytest.approx(1 - 1 / 7)
    assert repetition(["a"] * 3) == 0


def test_novelty_counts_different_pieces() -> None:
    found = novelty(["a", "b", "c", "b", "c"], ["x", "a", "b", "c"])
    assert found == {1: 0, 2: pytest.approx(1 / 3), 3: pytest.approx(2 / 3), 4: 1}
    assert novelty(["a"], [])[2] is None


def test_the_means_of_an_evaluation_count_empty_answers_as_zero() -> None:
    examples = [Example(str(n), (), (), {"text": "One boat. Two.", "summary": "One boat."}) for n in range(4)]
    scores = score_answers(["One boat.", "", "One boat.", ""], examples, Silent())
    assert statistics.fmean(float(s.details["rouge1"] or 0) for s in scores) == 0.5
    assert [s.ok for s in scores] == [True, False, True, False]
