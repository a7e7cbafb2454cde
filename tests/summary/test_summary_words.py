"""Words of every script, and the very tokens of rouge-score's default tokenizer on ASCII."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer
from ten_scripts import TEXTS

from redraft.tasks.summary.score.words import Words, first_words, fold, words

ENGLISH = st.sampled_from(["running", "flies", "agreed", "it's", "PEPs", "nationally", "3.11", "being"])
ASCII = st.text(st.characters(max_codepoint=127), max_size=200)


@given(ASCII)
def test_ascii_has_the_tokens_of_rouge_scores_own_tokenizer(text: str) -> None:
    assert words(text) == DefaultTokenizer(use_stemmer=False).tokenize(text)


@given(st.lists(ENGLISH, max_size=12))
def test_ascii_is_stemmed_as_rouge_score_does(parts: list[str]) -> None:
    text = " ".join(parts)
    assert Words(stem=True).tokenize(text) == DefaultTokenizer(use_stemmer=True).tokenize(text)


@given(st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=120))
def test_words_are_letters_and_digits_alone_and_stay_what_they_are(text: str) -> None:
    found = words(text)
    for word in found:
        assert unicodedata.category(word[0])[0] in "LN"
        assert all(unicodedata.category(c)[0] in "LNM" for c in word)
    assert words(" ".join(found)) == found or fold(text) != fold(fold(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ΣΊΣΥΦΟΣ Σίσυφος", ["σίσυφοσ", "σίσυφοσ"]),
        ("caf\u00e9 cafe\u0301", ["café", "café"]),
        ("ﬁle ２０２４", ["file", "2024"]),
        ("सुबह की नौका", ["सुबह", "की", "नौका"]),  # vowel signs and the virama stay in their word
        ("می\u200cخواهم", ["میخواهم"]),  # a joiner is no gap
        ("渡轮ABC号 3月", ["渡", "轮", "abc", "号", "3", "月"]),
        ("ラーメンを食べた", list("ラーメンを食べた")),
        ("ที่นี่", ["ที่", "นี่"]),  # a letter with its marks
        ("여객선은 떠났다", ["여객선은", "떠났다"]),
        ("ក្រុង", ["ក្", "រុ", "ង"]),
        ("พ.ศ. ๒๕๖๗", ["พ", "ศ", "๒๕๖๗"]),
        ("❤️ 🙂 — …", []),
        ("soft\u00adhyphen, zero\u200bwidth", ["softhyphen", "zero", "width"]),
    ],
)
def test_known_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize("script", TEXTS)
def test_every_script_has_words(script: str) -> None:
    assert len(words(TEXTS[script])) >= 5


@given(st.text(alphabet="ab 渡轮.ที่", max_size=60), st.integers(1, 30))
def test_the_first_words_are_so_many_of_the_text_as_written(text: str, count: int) -> None:
    start = first_words(text, count)
    assert text.startswith(start)
    assert words(start) == words(text)[:count]
