"""Lead and TextRank, and the text in place of pages."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ten_scripts import TEXTS

from redraft.core.errors import InputError
from redraft.core.example import Example, message
from redraft.core.work import Silent
from redraft.tasks.summary.baselines import baselines, prose, within
from redraft.tasks.summary.in_text import TEXT_INSTRUCTION, as_text, cut
from redraft.tasks.summary.options import INSTRUCTION
from redraft.tasks.summary.score import score_answers
from redraft.tasks.summary.score.words import words
from redraft.tasks.summary.textrank import DAMPING, textrank

DOCUMENT = """# Boats

Ferries carry people across the water. Some *ferries* carry cars too.

- A ferry needs a harbour with deep water.

```
ferry(ferry, ferry)
```

| ferry | ferry |
|---|---|
| a | b |

Planes do not. The ferries that carry cars and people need deep water in the harbour.
"""


def example(text: str, summary: str = "Ferries carry people and cars.", **more: str) -> Example:
    prompt = message("user", INSTRUCTION, images=2)
    return Example("e", (), (prompt, message("assistant", summary)), {"text": text, "summary": summary, **more})


def test_lead_takes_sentences_of_prose_and_textrank_the_one_that_says_most() -> None:
    found = baselines([example(DOCUMENT, format="markdown")], Silent())
    assert found["lead-3"] == [
        "Ferries carry people across the water. Some ferries carry cars too. "
        "A ferry needs a harbour with deep water."
    ]
    assert found["lead-words"] == ["Ferries carry people across the"]  # five words, as the reference has
    assert found["textrank"] == ["The ferries that carry cars and people need deep water in the harbour."]


@pytest.mark.parametrize("script", TEXTS)
def test_every_script_has_baselines(script: str) -> None:
    text = TEXTS[script]
    made = [example(text, text), example(text * 3, text)]
    found = baselines(made, Silent())
    for answers in found.values():
        assert [score.ok for score in score_answers(answers, made, Silent())] == [True, True]
    assert words(found["lead-words"][0]) == words(text)


def test_ranks_are_those_of_pagerank_on_the_same_graph() -> None:
    """networkx normalises to a sum of 1; where every sentence has a neighbour, TextRank's sum is their number."""
    prosaic = prose({"text": DOCUMENT, "format": "markdown"})
    sentences = [*prosaic[:3], "deep water in a harbour", "cars and people"]
    graph = networkx.Graph()
    tokens = [words(sentence) for sentence in sentences]
    for i in range(len(tokens)):
        for j in range(i):
            shared = len(set(tokens[i]) & set(tokens[j]))
            if shared:
                graph.add_edge(i, j, weight=shared / (math.log(len(tokens[i])) + math.log(len(tokens[j]))))
    assert len(graph) == len(sentences)
    other = networkx.pagerank(graph, alpha=DAMPING, tol=1e-10, max_iter=500)
    ours = textrank(sentences)
    assert ours == pytest.approx([other[i] * len(sentences) for i in range(len(sentences))], abs=1e-4)


@given(st.lists(st.sampled_from(["a b c", "b c d e", "x y", "", "z", "a x", "渡轮离开"]), max_size=8))
def test_ranks_are_the_same_for_equal_sentences_and_every_time(sentences: list[str]) -> None:
    ranks = textrank(sentences)
    assert len(ranks) == len(sentences) and ranks == textrank(sentences)
    for i, first in enumerate(sentences):
        for j, second in enumerate(sentences):
            if first == second:
                assert ranks[i] == ranks[j]


def test_the_budget_is_met_as_nearly_as_whole_sentences_can() -> None:
    sentences = ["one two three", "four five six seven", "eight nine", "ten"]
    assert within(sentences, [1, 3, 2, 0], 6) == "four five six seven eight nine"
    assert within(sentences, [1, 3, 2, 0], 1) == "four five six seven"
    assert within(sentences, [3, 1, 2, 0], 4) == "one two three eight nine"
    assert within([], [], 5) == ""


def test_documents_without_text_are_said_and_have_no_baseline() -> None:
    scan = Example("scan", (), (), {"summary": "A boat.", "pages": "given"})
    work = Silent()
    assert baselines([scan], work) == {} and work.logs == []
    found = baselines([scan, example(DOCUMENT, format="markdown")], work)
    assert found["lead-3"][0] == found["textrank"][0] == "" and found["textrank"][1]
    assert "1 of 2 documents have no text" in work.logs[0]


def test_a_document_of_code_alone_still_has_a_lead() -> None:
    found = baselines([example("```\nprint(1). Done now.\n```", format="markdown")], Silent())
    assert found["lead-3"] == ["print(1). Done now."]


def test_long_documents_are_ranked_quickly_and_within_bounds() -> None:
    sentences = [f"Sentence {n} speaks of ferry {n % 97} and harbour {n % 31} again." for n in range(4000)]
    ranks = textrank(sentences)
    assert len(ranks) == 4000 and ranks[3000:] == [0.0] * 1000 and min(ranks[:3000]) > 0.1


def test_baselines_fit_their_own_document_better_than_another_one(shared_data: Path) -> None:
    lines = (shared_data / "documents" / "peps.jsonl").read_text(encoding="utf-8").splitlines()[5::40]
    rows = [json.loads(line) for line in lines]
    examples = [Example(row["id"], (), (), row) for row in rows]
    found = baselines(examples, Silent())
    means = {
        name: statistics.fmean(score.value for score in score_answers(answers, examples, Silent()))
        for name, answers in found.items()
    }
    others = [examples[-1], *examples[:-1]]
    mismatched = statistics.fmean(s.value for s in score_answers(found["textrank"], others, Silent()))
    assert min(means.values()) > mismatched
    assert found == baselines(examples, Silent())


def test_the_text_takes_the_place_of_the_pages() -> None:
    shown = as_text(example(DOCUMENT, format="markdown", title="On boats"))
    turn = shown.messages[0]
    assert shown.images == () and turn.image_count == 0
    assert turn.text.startswith("On boats\nBoats\nFerries carry people") and "*" not in turn.text
    assert turn.text.endswith(f"\n\n{TEXT_INSTRUCTION}")
    assert shown.answer == "Ferries carry people and cars."
    asked = message("user", "Fasse zusammen.", images=1)
    own = as_text(Example("e", (), (asked,), {"text": "Boote.", "summary": ""}))
    assert own.messages[0].text == "Boote.\n\nFasse zusammen."


def test_the_text_is_cut_behind_a_word() -> None:
    text = example(DOCUMENT, format="markdown")
    short = as_text(text, 40).messages[0].text.removesuffix(f"\n\n{TEXT_INSTRUCTION}")
    whole = as_text(text).messages[0].text
    assert len(short) <= 40 and whole.startswith(short)
    assert cut("渡轮离开港口", 3) == "渡轮离"
    assert cut("one two three", 7) == "one two"
    assert cut("abc", 0) == ""


def test_pages_alone_cannot_be_given_as_text() -> None:
    with pytest.raises(InputError, match="pictures alone") as caught:
        as_text(Example("scan", (), (), {"summary": "x", "pages": "given"}))
    assert caught.value.remedy
