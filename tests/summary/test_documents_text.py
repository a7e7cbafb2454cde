"""Plain text to blocks: what it is taken for, and that nothing of it is lost."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.errors import UsageError
from redraft.tasks.summary.documents.blocks import (
    Block,
    Code,
    Document,
    Heading,
    Item,
    Paragraph,
    Rule,
    block_text,
    plain,
)
from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.pages.samples import SAMPLES

SIGNS = re.compile(r"[\s=\-~^\"'`#*+:._!$%&,/;<>?@\\|•‣◦▪–·]+")
"""White space, and the signs of which the reader's markup consists: underlines, bullets, rules, quoted mail."""
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


LINES = [
    *[
        "",
        "",
        "    indented = code()",
        "- an entry",
        "  - deeper",
        "1. one",
        "a) letter",
        "====",
        "Title",
        "=====",
    ],
    *["> quoted", ">> twice", ">>> code", "Author: Me", "| a | b |", "+---+", "a    b    c", "...", "::", "$ run"],
    *["Some words that make a sentence.", "\tTabbed", "A line\u2028and more", "  so it goes", "  * * *"],
    "   One sentence that is set in, long enough to count as prose.",
]


def blocks(text: str) -> tuple[Block, ...]:
    return parse(text, "text").blocks


def kinds(text: str) -> list[tuple[str, str]]:
    return [(type(block).__name__, block_text(block)) for block in blocks(text)]


def words_of(text: str) -> str:
    """All letters, digits and signs of a text in their order, but for those of which markup is made."""
    return SIGNS.sub("", unicodedata.normalize("NFC", text))


def nothing_is_lost(text: str, document: Document) -> None:
    assert words_of(document.text) == words_of(text)
    assert document.text == unicodedata.normalize("NFC", document.text)
    assert not CONTROLS.search(document.text)
    for block in document.blocks:
        if not isinstance(block, Code):
            assert "\n" not in block_text(block)


def test_all_peps_are_kept_to_the_last_letter(shared_data: Path) -> None:
    lines = (shared_data / "documents" / "peps.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 395
    found: dict[str, int] = {}
    for row in rows:
        document = parse(row["text"], "text", row["title"], row["language"])
        assert document.notes == ()
        assert document.title == row["title"]
        nothing_is_lost(row["title"] + row["text"], document)
        for block in document.blocks:
            found[type(block).__name__] = found.get(type(block).__name__, 0) + 1
    # Their sources have some 6,600 sections.
    assert 6000 < found["Heading"] < 7500
    assert found["Item"] > 10_000
    assert found["Code"] > 2500


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=30),
            st.sampled_from(LINES),
        ),
        max_size=25,
    )
)
def test_nothing_of_any_text_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    nothing_is_lost(text.replace("\ufeff", ""), parse(text, "text"))


def test_a_hard_wrapped_paragraph_is_joined() -> None:
    text = "A first line that goes on in\nthe second line and ends\nthere.\n\nAnother one, which\nis short.\n"
    assert kinds(text) == [
        ("Paragraph", "A first line that goes on in the second line and ends there."),
        ("Paragraph", "Another one, which is short."),
    ]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.script)
def test_lines_join_as_the_script_has_it(sample: object) -> None:
    """Chinese and Japanese get no space where a line ends, all others do; logical order is kept."""
    text = sample.text  # type: ignore[attr-defined]
    middle = len(text) // 2
    broken = (
        textwrap.fill(text, 60, break_long_words=False) if " " in text else f"{text[:middle]}\n{text[middle:]}"
    )
    assert "\n" in broken
    assert kinds(broken) == [("Paragraph", text)]


def test_mixed_directions_keep_their_logical_order() -> None:
    text = "The word שלום means peace,\nand سلام, too (in Arabic)."
    assert kinds(text) == [("Paragraph", text.replace("\n", " "))]


def test_a_paragraph_a_line_stays_a_paragraph_a_line() -> None:
    long = (
        "This line has been written without any thought of a margin, as web pages and mail programs write it. " * 3
    )
    assert kinds(f"{long}\n{long}\nShort one.") == [("Paragraph", long.strip())] * 2 + [
        ("Paragraph", "Short one.")
    ]


def test_a_sentence_that_ends_early_ends_its_paragraph() -> None:
    line = "these words fill the line up to its margin at the right"
    assert kinds(f"At first {line}\nand end.\nA new one begins here and {line}\ngoes on.")[0][1].endswith(
        "and end."
    )


def test_titles_with_underlines_have_levels_by_their_order() -> None:
    text = "====\nBook\n====\n\nPart\n====\n\nText.\n\nChapter\n-------\nShort line\n\nPart two\n========\n"
    found = [(b.level, plain(b.content)) for b in blocks(text) if isinstance(b, Heading)]
    assert found == [(1, "Book"), (2, "Part"), (3, "Chapter"), (2, "Part two")]
    assert ("Paragraph", "Short line") in kinds(text)


def test_short_lines_that_stand_alone_are_titles() -> None:
    text = "Motivation\n\nSome text that ends.\n\n1.2 Scope\n\nMore text.\n\nand so on\n\nThe end\n"
    assert kinds(text) == [
        ("Heading", "Motivation"),
        ("Paragraph", "Some text that ends."),
        ("Heading", "1.2 Scope"),
        ("Paragraph", "More text."),
        ("Paragraph", "and so on"),
        ("Paragraph", "The end"),
    ]
    assert [b.level for b in blocks(text) if isinstance(b, Heading)] == [1, 2]


def test_many_short_lines_are_a_list_of_names_and_no_titles() -> None:
    text = "\n\n".join(["Anna Smith", "Ben Jones", "Carla Gray", "Dan Brown"]) + "\n\nWe thank them all.\n"
    assert {kind for kind, _ in kinds(text)} == {"Paragraph"}


def test_a_numbered_title_is_no_entry_of_a_list() -> None:
    assert kinds("1. Introduction\n\nThe text of it.\n\n2. Methods\n\nMore text.\n")[0] == (
        "Heading",
        "1. Introduction",
    )
    listed = kinds("1. Introduction\n\n2. Methods\n\n3. Results\n")
    assert [kind for kind, _ in listed] == ["Item"] * 3


def test_lists_keep_numbers_depth_and_continuations() -> None:
    text = "- one that goes\n  on\n- two\n\n  more of two\n\n  1. deeper\n  2. again\n\n     x = f()\n\n- three\n"
    found = [(b.depth, b.marker, plain(b.content)) for b in blocks(text) if isinstance(b, Item)]
    assert found == [
        (0, "•", "one that goes on"),
        (0, "•", "two"),
        (0, "", "more of two"),
        (1, "1.", "deeper"),
        (1, "2.", "again"),
        (1, "", "x = f()"),
        (0, "•", "three"),
    ]


def test_indented_lines_are_code_unless_they_read_as_sentences() -> None:
    text = (
        "An example:\n\n    if x:\n        y = [1]\n\n    return y\n\n"
        "A term\n    This is what the term means, in a whole sentence.\n"
    )
    assert kinds(text) == [
        ("Paragraph", "An example:"),
        ("Code", "if x:\n    y = [1]\n\nreturn y"),
        ("Paragraph", "A term"),
        ("Paragraph", "This is what the term means, in a whole sentence."),
    ]
    assert [b.quoted for b in blocks(text) if isinstance(b, Paragraph)] == [0, 0, 1]


def test_tables_of_signs_and_columns_stay_as_they_are() -> None:
    grid = "+---+---+\n| a | b |\n+---+---+"
    ruled = "===  ===\na    b\n===  ==="
    columns = "name      size\nfirst     10\nsecond    200"
    boxed = "┌──┐\n│ab│\n└──┘"
    for table in (grid, ruled, columns, boxed):
        assert kinds(f"Before it.\n\n{table}\n\nBehind it.\n") == [
            ("Paragraph", "Before it."),
            ("Code", table),
            ("Paragraph", "Behind it."),
        ]


def test_prompts_mail_and_headers() -> None:
    assert kinds(">>> 1 + 1\n2\n") == [("Code", ">>> 1 + 1\n2")]
    quoted = blocks("> you wrote\n> this.\n>\n> And this.\n>> older\n\nI answer.\n")
    assert [(b.quoted, plain(b.content)) for b in quoted if isinstance(b, Paragraph)] == [
        (1, "you wrote this."),
        (1, "And this."),
        (2, "older"),
        (0, "I answer."),
    ]
    header = kinds("Author: A. Person\nStatus: Final\n  and more\nType: Process\n\nText here.\n")
    assert [text for _, text in header] == [
        "Author: A. Person",
        "Status: Final and more",
        "Type: Process",
        "Text here.",
    ]


def test_a_line_across_is_a_rule() -> None:
    assert [type(block) for block in blocks("Above it.\n\n----------\n\nBelow it.\n")] == [
        Paragraph,
        Rule,
        Paragraph,
    ]


def test_running_text_with_uneven_indents_is_no_code() -> None:
    text = (
        "In general, this holds.\n\n"
        "            The term person means a human being, and\n        every body of persons, in this or in any\n"
        "        other Act; it means no dog.\n"
    )
    assert [kind for kind, _ in kinds(text)] == ["Paragraph", "Paragraph"]
    assert kinds(text)[1][1].endswith("in any other Act; it means no dog.")
    code = (
        "    from a_long_module_name import one_name, another\n        assert one_name is another and they agree\n"
    )
    assert [kind for kind, _ in kinds(f"Some code follows here.\n\n{code}")] == ["Paragraph", "Code"]


def test_signs_with_spaces_between_are_a_rule() -> None:
    text = "Above it.\n\n              * * *\n\nBelow it.\n"
    assert [type(block) for block in blocks(text)] == [Paragraph, Rule, Paragraph]


def test_a_centred_line_is_a_title() -> None:
    text = "                    THE STORY OF A PAGE\n\nOnce there was a page.\n"
    assert kinds(text)[0] == ("Heading", "THE STORY OF A PAGE")


def test_paragraphs_that_begin_with_wide_spaces_are_no_code() -> None:
    text = "　　人人生而自由，在尊严和权利上一律平等。\n\n　　他们赋有理性和良心。\n"
    assert [kind for kind, _ in kinds(text)] == ["Paragraph", "Paragraph"]


def test_form_and_control_characters() -> None:
    document = parse("cafe\u0301\r\nau\x00 lait\x07\ufeff\x0c\n", "text", "Title\x01 e\u0301", "fr")
    assert document.text == "Title é\ncafé au lait"
    assert document.notes == ("3 control characters were left out",)
    assert document.language == "fr"


def test_empty_text_is_an_empty_document() -> None:
    for text in ("", " \n\t\n", "\x00"):
        assert parse(text, "text").blocks == ()


def test_an_unknown_format_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'html' is no format of a text.*text, markdown"):
        parse("a", "html")


def test_long_lines_and_deep_lists_take_no_time() -> None:
    """Each of these took minutes, or the stack, in readers that look back."""
    for text in ("a" * 10**6, "- " * 10**5, " " * 10**6 + "x", "> " * 10**5 + "x", "=" * 10**6, "| " * 10**5):
        nothing_is_lost(text, parse(text, "text"))
    deep = "\n".join(f"{'  ' * depth}- {depth}" for depth in range(1000))
    assert max(block.depth for block in blocks(deep) if isinstance(block, Item)) == 999
