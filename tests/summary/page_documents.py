"""Documents of random texts in many scripts, for the tests of pages."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

from redraft.tasks.summary.documents.blocks import (
    Code,
    Document,
    Heading,
    Item,
    Paragraph,
    Rule,
    Span,
    Table,
    block_text,
)
from redraft.tasks.summary.pages.style import PageStyle

LETTERS = {
    "Latin": "abcdefghijklmnopqrstuvwxyzABCÅÉÑßœfi1234567890.,;:!?()-'\"/",
    "Vietnamese": "ếộữẵỳđâơ",
    "Greek": "αβγδεζηθικλμνξοπρςστυφχψωΆΐ",
    "Cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяЁЙ",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي\u064e\u0651\u0650",
    "Hebrew": "אבגדהוזחטיכלמנסעפצקרשתםןףץ\u05b8\u05bc",
    "Devanagari": "कखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहािीुूेैोौ्ंँ",
    "Thai": "กขคงจฉชซญณดตถทธนบปผฝพฟภมยรลวศษสหอฮะาิีึืุูเแโใไ่้๊๋็",
    "Han": "的一是不了人我在有他这为之大来以个中上们，。",
    "Kana": "あいうえおかきくけこさしすせそアイウエオカキ",
    "Hangul": "가나다라마바사아자차카타파하한국어",
    "others": "€→∑✓\u00a0\u200d\u200f\u00ad😀\u0e3f",
}
MARKS = "\u0301\u0308\u0323\u0303"


def _word(letters: str) -> st.SearchStrategy[str]:
    """Begins with a letter: a mark without one stands beside its line, as no text has it."""
    bases = [letter for letter in letters if not unicodedata.category(letter).startswith("M")]
    return st.builds(str.__add__, st.sampled_from(bases), st.text(letters, max_size=11))


words = st.one_of(
    *map(_word, LETTERS.values()),
    st.builds(str.__add__, st.sampled_from("aeoxÅф"), st.text(MARKS, max_size=4)),
    st.text(LETTERS["Latin"], min_size=1, max_size=8),
    st.text("Wm", min_size=40, max_size=90),
)
lines = st.lists(words, min_size=1, max_size=30).map(" ".join)
spans = st.lists(st.builds(Span, lines, st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=3).map(
    tuple
)
short = st.lists(words, max_size=4).map(" ".join).map(lambda text: (Span(text),) if text else ())
tables = st.integers(1, 5).flatmap(
    lambda width: st.builds(
        Table,
        st.lists(st.tuples(*[short] * width), min_size=1, max_size=6).map(tuple),
        st.booleans(),
    )
)
blocks = st.one_of(
    st.builds(Paragraph, spans, st.integers(0, 3)),
    st.builds(Paragraph, lines.map(lambda text: (Span(text),))),
    st.builds(Heading, st.integers(1, 6), spans),
    st.builds(Item, spans, st.integers(0, 3), st.sampled_from(["•", "1.", "12.", "", "(iv)"])),
    st.builds(Code, st.lists(lines | st.just(""), min_size=1, max_size=8).map("\n".join)),
    tables,
    st.just(Rule()),
)
documents = st.builds(
    Document,
    st.lists(blocks, min_size=1, max_size=8).map(tuple),
    st.just("") | lines,
    st.sampled_from(["", "en", "ar", "ja"]),
)
styles = st.builds(
    PageStyle,
    size=st.just("tiny"),
    width=st.sampled_from([300, 512, 700]),
    height=st.sampled_from([200, 512]),
    font=st.sampled_from(["sans", "serif", "mono"]),
    font_size=st.floats(6, 24),
    line_spacing=st.floats(0.9, 2),
    paragraph_spacing=st.floats(0, 2),
    margin=st.floats(0, 0.15),
    columns=st.integers(1, 2),
    align=st.sampled_from(["start", "justify"]),
    ink=st.just(0),
    paper=st.just(255),
    page_numbers=st.booleans(),
)


def texts_of(document: Document) -> str:
    """All of a document's characters in reading order, without what pages show by space: line feeds, tabs."""
    whole = "".join([document.title, *(block_text(block) for block in document.blocks)])
    return "".join(whole.split())
