"""Markdown to blocks: CommonMark's constructs, GitHub's tables, and nothing lost in silence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.tasks.summary.documents.blocks import (
    Block,
    Code,
    Heading,
    Item,
    Paragraph,
    Rule,
    Span,
    Table,
    block_text,
    plain,
)
from redraft.tasks.summary.documents.read import parse


def blocks(text: str) -> tuple[Block, ...]:
    return parse(text, "markdown").blocks


def test_headings_of_both_kinds() -> None:
    assert blocks("# One\n\nTwo\n---\n\n###### Six *em*\n") == (
        Heading(1, (Span("One"),)),
        Heading(2, (Span("Two"),)),
        Heading(6, (Span("Six "), Span("em", italic=True))),
    )


def test_inline_styles_nest() -> None:
    (found,) = blocks("a *b **c** `d`* e\n")
    assert found == Paragraph(
        (
            Span("a "),
            Span("b ", italic=True),
            Span("c", bold=True, italic=True),
            Span(" ", italic=True),
            Span("d", italic=True, code=True),
            Span(" e"),
        )
    )


def test_links_and_pictures_leave_their_words_and_pictures_a_note() -> None:
    document = parse('See [the *docs*](http://x.y/z) and ![a cat](cat.png "t") <http://a.b>.\n', "markdown")
    assert document.text == "See the docs and a cat http://a.b."
    assert document.notes == ("a picture is not shown: cat.png",)


def test_html_leaves_its_text_and_a_note() -> None:
    text = "<div align=center>\n<b>Name</b> &amp; more<br>next\n<!-- hidden -->\n<script>x()</script></div>\n"
    text += "\na <i>b</i><br/>c\n"
    document = parse(text, "markdown")
    assert [block_text(block) for block in document.blocks] == ["Name & more", "next", "a b c"]
    assert document.notes == ("8 HTML tags are not shown, but for the text",)


def test_lists_have_depth_markers_and_more_paragraphs() -> None:
    text = "3) three\n4) four\n\n   more\n\n   - deep\n     - deeper\n5) five\n\n* * *\n\n- ```\n  code\n  ```\n"
    found = blocks(text)
    items = [(b.depth, b.marker, plain(b.content)) for b in found if isinstance(b, Item)]
    assert items == [
        (0, "3)", "three"),
        (0, "4)", "four"),
        (0, "", "more"),
        (1, "◦", "deep"),
        (2, "▪", "deeper"),
        (0, "5)", "five"),
        (0, "•", ""),
    ]
    assert Rule() in found
    assert found[-1] == Code("code")


def test_code_keeps_its_lines_and_its_language() -> None:
    assert blocks("~~~python title=x\ndef f():\n\treturn 1\n\n\n~~~\n\n    in  dented\n") == (
        Code("def f():\n    return 1", "python"),
        Code("in  dented"),
    )


def test_quotations_count_how_deep_they_are() -> None:
    found = [(b.quoted, plain(b.content)) for b in blocks("> one\n> > two\n\nnone\n") if isinstance(b, Paragraph)]
    assert found == [(1, "one"), (2, "two"), (0, "none")]


def test_tables_have_equal_rows() -> None:
    (table,) = blocks("| a | b |\n|---|:-:|\n| 1 | **2** |\n| 3 |\n")
    assert isinstance(table, Table)
    assert table.header
    assert [[plain(cell) for cell in row] for row in table.rows] == [["a", "b"], ["1", "2"], ["3", ""]]
    assert table.rows[1][1] == (Span("2", bold=True),)


def test_a_table_with_more_cells_than_columns_is_kept_as_written() -> None:
    text = "| a | b |\n|---|---|\n| 1 | 2 | three |"
    document = parse(text, "markdown")
    assert document.blocks == (Code(text),)
    assert document.notes == ("a table with more cells than columns is shown as it is written",)
    escaped = blocks("| a | b |\n|---|---|\n| 1 \\| x | 2 |\n")
    assert isinstance(escaped[0], Table)


def test_lines_of_a_paragraph_join_as_their_script_has_it() -> None:
    assert [block_text(b) for b in blocks("one\ntwo\n\n人人生而\n自由\n\n中文\nabc\n")] == [
        "one two",
        "人人生而自由",
        "中文 abc",
    ]


def test_what_is_nested_too_deep_is_plain_text_and_said() -> None:
    for text in (">" * 200 + " deep", "\n".join("  " * n + f"- level{n}" for n in range(80)), "- " * 100 + "deep"):
        document = parse(text, "markdown")
        assert document.notes == ("lists or quotations more than 30 deep, so all of it is shown as plain text",)
        for word in ("deep",) if "deep" in text else [f"level{n}" for n in range(80)]:
            assert word in document.text


WORDS = st.from_regex(r"[a-zж中ع0-9]{1,6}", fullmatch=True)
INLINE = st.one_of(
    WORDS,
    WORDS.map(lambda word: f"*{word}*"),
    WORDS.map(lambda word: f"**{word}**"),
    WORDS.map(lambda word: f"`{word}`"),
    WORDS.map(lambda word: f"[{word}](<>)"),
    WORDS.map(lambda word: f"<b>{word}</b>"),
    WORDS.map(lambda word: f"~~{word}~~"),
)
LINE = st.lists(INLINE, min_size=1, max_size=5).map(" ".join)
BLOCK = st.one_of(
    LINE,
    st.lists(LINE, min_size=1, max_size=3).map("\n".join),
    st.tuples(st.integers(1, 6), LINE).map(lambda pair: "#" * pair[0] + " " + pair[1]),
    LINE.map(lambda line: f"> {line}\n> > {line}"),
    st.lists(LINE, min_size=1, max_size=3).map(lambda lines: "\n".join(f"- {line}\n  + {line}" for line in lines)),
    WORDS.map(lambda word: f"```\n{word}\n  {word}\n```"),
    WORDS.map(lambda word: f"    {word}"),
    st.tuples(LINE, LINE).map(lambda pair: f"| {pair[0]} | x |\n|---|---|\n| {pair[1]} | y |"),
    LINE.map(lambda line: f"<div>\n{line}\n</div>"),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(BLOCK, max_size=6))
def test_every_word_is_kept_in_its_order(parts: list[str]) -> None:
    """The tags' own letters are what is not shown; here they are written in capitals to tell them apart."""
    source = "\n\n".join(parts)
    for tag in ("b", "div"):
        source = source.replace(f"<{tag}>", f"<{tag.upper()}>").replace(f"</{tag}>", f"</{tag.upper()}>")
    text = parse(source, "markdown").text
    assert [c for c in text if c.isalnum()] == [c for c in source if c.isalnum() and not c.isupper()]


@settings(deadline=None, max_examples=150)
@given(st.text(st.sampled_from("ab *_`[]()<>!#-+|\\\n\t&;:1.>~\"'é中\x00"), max_size=120))
def test_any_text_is_read(text: str) -> None:
    document = parse(text, "markdown")
    for block in document.blocks:
        assert isinstance(block, Code | Table) or "\n" not in block_text(block)
        assert "\x00" not in block_text(block)
    if (
        any(letter in "é中" for letter in text)
        and "[" not in text
        and "<" not in text
        and "`" not in text
        and "~" not in text
    ):
        assert any(letter in "é中" for letter in document.text)


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, "**a*" * 2000, "`" * 9000, "![" * 3000, "|a" * 2000 + "|\n" + "|-" * 2000 + "|\n", "<!--" * 2000],
    ids=["brackets", "stars", "ticks", "pictures", "table", "comments"],
)  # fmt: skip
def test_hostile_markdown_is_read_in_time(text: str) -> None:
    parse(text, "markdown")
