"""Where sentences end, in every script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ten_scripts import SENTENCES, TEXTS

from redraft.tasks.summary.score.sentences import sentences


@pytest.mark.parametrize("script", TEXTS)
def test_each_script_has_its_marks(script: str) -> None:
    found = sentences(TEXTS[script])
    assert len(found) == SENTENCES[script]
    assert " ".join(found).replace(" ", "") == TEXTS[script].replace(" ", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One.\nTwo\r\n\r\nThree", ["One.", "Two", "Three"]),
        ("Version 3.11 is here. It is fast!", ["Version 3.11 is here.", "It is fast!"]),
        ("He said: “Stop!” Then he left.", ["He said: “Stop!”", "Then he left."]),
        ("Stop! he said.", ["Stop! he said."]),
        ("J. R. Smith and Dr. Brown met.", ["J. R. Smith and Dr. Brown met."]),
        ("See e.g. Smith et al. Brown. Done.", ["See e.g. Smith et al. Brown.", "Done."]),
        ("See no. 5 and p. 7. No. That is all.", ["See no. 5 and p. 7.", "No.", "That is all."]),
        ("Wait... What? Yes.", ["Wait...", "What?", "Yes."]),
        ("他说：「走吧！」然后离开了。好。", ["他说：「走吧！」", "然后离开了。", "好。"]),
        ("یہ کیا ہے؟ یہ ایک کتاب ہے۔", ["یہ کیا ہے؟", "یہ ایک کتاب ہے۔"]),
        ("first\u2028second", ["first", "second"]),
        (" \n ", []),
    ],
)
def test_known_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(max_size=200))
def test_nothing_is_lost_but_white_space(text: str) -> None:
    found = sentences(text)
    assert all(sentence == sentence.strip() and sentence for sentence in found)
    squeezed = "".join("".join(found).split())
    assert squeezed == "".join(text.replace("\x85", " ").split())
