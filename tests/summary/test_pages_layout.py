"""What stands where on pages: geometry, in pixels."""

from __future__ import annotations

import numpy as np
import pytest

from redraft.core.errors import UsageError
from redraft.tasks.summary.documents.blocks import (
    Code,
    Document,
    Heading,
    Item,
    Paragraph,
    Rule,
    Span,
    Table,
    spans,
)
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.layout import Layout, PlacedLine, lay_out
from redraft.tasks.summary.pages.report import glyph_boxes, page_texts, report
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.pages.trace import line_texts

PROSE = "The quick brown fox jumps over the lazy dog while seven wizards brew potions of unusual strength. "
ARABIC = "هذا نص عربي طويل بما يكفي ليأخذ أكثر من سطر واحد على هذه الصفحة الصغيرة، مع كلمات English ورقم 123. "


def pages(*blocks, title="", **style) -> Layout:
    return lay_out(Document(blocks, title), PageStyle(**{"size": "tiny", **style}))


def paragraph(text: str) -> Paragraph:
    return Paragraph(spans(text))


def all_lines(layout: Layout) -> list[tuple[int, PlacedLine]]:
    return [(index, line) for index in range(len(layout.pages)) for line in layout.lines(index)]


def shown(line: PlacedLine) -> str:
    return line_texts(line.text)[line.line].strip()


def test_lines_are_as_far_apart_as_the_style_says() -> None:
    layout = pages(paragraph(PROSE * 4), font_size=20, line_spacing=1.5, margin=0.1)
    tops = [line.top for line in layout.lines(0)]
    assert len(tops) > 5
    assert set(np.diff(tops)) == {30}
    assert tops[0] == round(0.1 * 512)
    assert {line.left for line in layout.lines(0)} == {51}


def test_lines_never_stand_closer_than_their_letters_need() -> None:
    layout = pages(paragraph("gjpqyÄÅÉ " * 60), line_spacing=0.9, font_size=20)
    boxes = report(layout, 0).ink
    assert len(boxes) > 4
    assert (boxes[1:, 1] >= boxes[:-1, 3]).all()


def test_ink_stays_within_margins_of_a_full_page() -> None:
    layout = pages(paragraph(PROSE * 60), margin=0.08)
    assert len(layout.pages) > 2
    pixels = draw(layout, 0)
    rows, columns = (pixels < 255).any(1).nonzero()[0], (pixels < 255).any(0).nonzero()[0]
    edge = round(0.08 * 512)
    assert rows[0] >= edge
    assert rows[-1] < 512 - edge
    # Antialiasing may colour one more pixel.
    assert columns[0] >= edge - 1
    assert columns[-1] <= 512 - edge


def test_pages_go_on_where_the_last_one_ended() -> None:
    layout = pages(paragraph(PROSE * 60), font_size=20)
    whole = "".join(text for index in range(len(layout.pages)) for text in page_texts(layout, index))
    assert whole == PROSE * 60
    assert sum(report(layout, index).characters for index in range(len(layout.pages))) == len(whole)


def test_no_single_line_of_a_paragraph_is_left_alone() -> None:
    blocks = [paragraph(PROSE * (3 + number % 5)) for number in range(30)]
    layout = pages(*blocks)
    for index in range(len(layout.pages)):
        for text in {id(line.text): line.text for line in layout.lines(index)}.values():
            here = sum(line.text is text for line in layout.lines(index))
            assert here == text.lines or here >= 2


@pytest.mark.parametrize("before", range(1, 28, 3))
def test_a_heading_stays_with_what_follows(before: int) -> None:
    layout = pages(*[paragraph("A line.")] * before, Heading(1, spans("Heading")), paragraph(PROSE * 6))
    for index in range(len(layout.pages)):
        texts = [line.text.string for line in layout.lines(index)]
        assert texts[-1] != "Heading"


def test_headings_are_larger_and_bold_and_fall_by_level() -> None:
    blocks = [Heading(level, spans("Hxg")) for level in range(1, 7)]
    layout = pages(*blocks, paragraph("Hxg"), title="Hxg", font_size=20)
    boxes = report(layout, 0).ink
    heights = (boxes[:, 3] - boxes[:, 1]).tolist()
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > 1.5 * heights[-1]
    assert all(line.text.voice.bold for line in list(layout.lines(0))[:-1])


def test_a_lists_text_hangs_behind_its_markers() -> None:
    layout = pages(
        Item(spans(PROSE * 2), 0, "9."), Item(spans("Ten"), 0, "10."), Item(spans("Deep"), 1, "•"), font_size=20
    )
    lines = list(layout.lines(0))
    markers = {line.text.string: line for line in lines if line.text.role == "marker"}
    texts = [line for line in lines if line.text.role == "text"]
    first = [line for line in texts if line.text.string.startswith("The quick")]
    assert len(first) > 2
    assert len({line.left for line in first}) == 1
    ten = next(line for line in texts if line.text.string == "Ten")
    assert ten.left == first[0].left
    assert markers["9."].top == first[0].top
    ink = report(layout, 0).ink
    right = {line.text.string: ink[number][2] for number, line in enumerate(lines) if line.text.role == "marker"}
    assert right["9."] == pytest.approx(right["10."], abs=2)
    assert right["10."] < ten.left
    deep = next(line for line in texts if line.text.string == "Deep")
    assert markers["•"].left >= ten.left
    assert deep.left > markers["•"].left


def test_markers_stand_on_their_texts_baseline() -> None:
    layout = pages(Item(spans("1. Ääx"), 0, "1."), Item(spans("1. هذا"), 0, "1."), font_size=24)
    for number in (0, 2):
        boxes = glyph_boxes(layout, 0)
        lines = list(layout.lines(0))
        marker, text = lines[number], lines[number + 1]
        baselines = []
        for line in (marker, text):
            inside = (boxes[:, 1] >= line.top) & (boxes[:, 3] <= line.bottom)
            inside &= (boxes[:, 0] >= line.left) & (boxes[:, 2] <= line.right)
            digits = boxes[inside & (boxes[:, 3] - boxes[:, 1] > 15) & (boxes[:, 3] - boxes[:, 1] < 19)]
            baselines.append(digits[0, 3])
        assert baselines[0] == pytest.approx(baselines[1], abs=0.5)


def test_right_to_left_paragraphs_and_lists_stand_at_the_right() -> None:
    layout = pages(paragraph(ARABIC * 3), Item(spans("שלום עולם"), 0, "•"), font_size=20)
    lines, ink = list(layout.lines(0)), report(layout, 0).ink
    edge = lines[0].frame.right
    running = [number for number, line in enumerate(lines) if line.text.string.startswith("هذا")]
    assert len(running) > 3
    # The engine leaves the last letter's side bearing.
    assert all(ink[number][2] >= edge - 4 for number in running)
    assert ink[running[-1]][0] > ink[running[0]][0] or ink[running[-1]][0] > lines[0].frame.left
    marker = next(number for number, line in enumerate(lines) if line.text.role == "marker")
    text = next(number for number, line in enumerate(lines) if line.text.string.startswith("ש"))
    assert ink[marker][0] > ink[text][2]
    assert edge - 2 * 20 < ink[text][2] < ink[marker][2] <= edge


def test_mixed_directions_follow_the_first_strong_letter() -> None:
    layout = pages(paragraph("abc שלום"), paragraph("(12) שלום abc"), font_size=20)
    lines, ink = list(layout.lines(0)), report(layout, 0).ink
    assert ink[0][0] <= lines[0].left + 3
    assert ink[1][2] >= lines[1].frame.right - 4
    assert not lines[0].text.right_to_left
    assert lines[1].text.right_to_left


def test_a_word_wider_than_its_column_is_broken() -> None:
    word = "abcdefghij" * 30
    layout = pages(paragraph(f"a {word} b"))
    texts = [shown(line) for line in layout.lines(0)]
    assert "".join("".join(texts).split()) == f"a{word}b"
    assert len(texts) > 4
    assert not report(layout, 0).clipped


def test_columns_are_filled_one_after_the_other_beside_a_gutter() -> None:
    layout = pages(paragraph(PROSE * 30), columns=2, title="A title above both")
    frames = list(dict.fromkeys(line.frame for line in layout.lines(0)))
    title, left, right = frames
    assert title.left == left.left
    assert title.right == right.right
    assert title.bottom < left.top == right.top
    assert right.left - left.right == round(1.8 * 12)
    assert left.right - left.left == right.right - right.left
    boxes = glyph_boxes(layout, 0)
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    assert not ((middle > left.right + 2) & (middle < right.left - 2) & (boxes[:, 1] > title.bottom)).any()


def test_page_numbers_stand_below_the_columns_in_the_middle() -> None:
    layout = pages(paragraph(PROSE * 40), page_numbers=True)
    assert len(layout.pages) > 1
    *others, number = layout.lines(1)
    assert number.text.string == "2"
    assert number.top >= max(line.bottom for line in others)
    left, top, right, bottom = report(layout, 1).ink[-1]
    assert (left + right) / 2 == pytest.approx(256, abs=1)
    assert top < bottom < 512
    assert "2" not in page_texts(layout, 1)


def test_long_code_lines_are_broken_with_a_mark() -> None:
    code = "short = 1\n" + "value = " + " + ".join(f"number_{n}" for n in range(30)) + "\n\nend()"
    layout = pages(Code(code))
    lines = list(layout.lines(0))
    marks = [line for line in lines if line.text.role == "sign"]
    code_lines = [line for line in lines if line.text.role == "text"]
    assert len(marks) == len(code_lines) - 4 > 0
    assert {mark.top for mark in marks} == {line.top for line in code_lines[1 : 1 + len(marks)]}
    assert "".join("".join(page_texts(layout, 0)).split()) == "".join(code.split())
    assert not report(layout, 0).clipped
    pixels = draw(layout, 0)
    ground = pixels[code_lines[0].top, code_lines[0].left - 3]
    assert 225 < ground < 250


def test_code_keeps_its_indents_in_letters_of_one_width() -> None:
    layout = pages(Code("a\n    a\n        a"))
    ink = report(layout, 0).ink
    lefts = ink[:, 0]
    steps = np.diff(lefts)
    assert steps[0] == pytest.approx(steps[1], abs=1)
    assert steps[0] > 20


def test_long_code_and_tables_go_on_between_lines() -> None:
    code = "\n".join(f"line {number}" for number in range(100))
    rows = tuple((spans(f"r{number}"), spans(PROSE)) for number in range(40))
    layout = pages(Code(code), Table(((spans("Key"), spans("Text")), *rows), header=True))
    got = "".join("".join(page_texts(layout, index)) for index in range(len(layout.pages)))
    assert "".join(got.split()).startswith("".join(code.split()))
    for number in range(40):
        assert got.count(f"r{number}The") == 1
    for index in range(len(layout.pages)):
        assert not report(layout, index).clipped
        # A row's texts stand together: cells are not torn apart.
        texts = page_texts(layout, index)
        assert all(texts[place + 1] == PROSE for place, text in enumerate(texts) if text.startswith("r"))


def test_a_tables_header_is_repeated_on_every_page() -> None:
    rows = tuple((spans(f"r{number}"), spans(PROSE)) for number in range(40))
    layout = pages(Table(((spans("Key"), spans("Text")), *rows), header=True))
    assert len(layout.pages) > 2
    for index in range(len(layout.pages)):
        first = next(layout.lines(index))
        assert first.text.string == "Key"
        assert first.repeated == (index > 0)
    texts = [text for index in range(len(layout.pages)) for text in page_texts(layout, index)]
    assert texts.count("Key") == 1


def test_a_row_higher_than_a_page_goes_on_between_its_lines() -> None:
    layout = pages(Table(((spans(PROSE * 30), spans("side")),)))
    assert len(layout.pages) > 1
    got = "".join("".join(page_texts(layout, index)) for index in range(len(layout.pages)))
    assert got.replace("side", "") == PROSE * 30


def test_table_columns_share_the_width_and_wrap_their_cells() -> None:
    layout = pages(Table(((spans("a"), spans("b"), spans(PROSE * 2)), (spans("cc"), spans(""), spans("short")))))
    lines = list(layout.lines(0))
    lefts = {line.text.string: line.left for line in lines}
    assert lefts["a"] == lefts["cc"] < lefts["b"] < lefts["short"]
    wrapped = [line for line in lines if line.text.string == PROSE * 2]
    assert len(wrapped) > 2
    assert {line.left for line in wrapped} == {lefts["short"]}


def test_a_table_of_too_many_columns_is_set_row_by_row() -> None:
    layout = pages(Table((tuple(spans(f"c{n}") for n in range(40)),)))
    assert "".join(page_texts(layout, 0)) == " | ".join(f"c{n}" for n in range(40))


def test_right_to_left_tables_are_mirrored() -> None:
    layout = pages(Table(((spans("ראשון"), spans("שני")), (spans("a"), spans("b")))))
    lefts = {line.text.string: line.left for line in layout.lines(0)}
    assert lefts["ראשון"] > lefts["שני"]


def test_quotations_have_a_bar_at_their_side() -> None:
    layout = pages(paragraph("x"), Paragraph(spans("quoted"), 1), Paragraph(spans("שלום"), 1), font_size=20)
    pixels, lines = draw(layout, 0), list(layout.lines(0))
    frame = lines[0].frame
    left = pixels[lines[1].top : lines[1].bottom, frame.left : lines[1].left]
    assert (left < 200).all(0).sum() == 2
    right = pixels[lines[2].top : lines[2].bottom, frame.right - 20 : frame.right]
    assert (right < 200).all(0).sum() == 2


def test_rules_cross_the_column() -> None:
    layout = pages(paragraph("x"), Rule(), paragraph("y"))
    pixels = draw(layout, 0)
    assert ((pixels < 200).sum(1) == 512 - 2 * 26).sum() == 1


def test_justified_lines_end_at_the_edge_but_for_the_last() -> None:
    layout = pages(paragraph(PROSE * 4), align="justify")
    ink, lines = report(layout, 0).ink, list(layout.lines(0))
    assert (ink[:-1, 2] >= lines[0].frame.right - 3).all()
    assert ink[-1, 2] < lines[0].frame.right - 20


def test_bold_and_italic_and_code_look_different() -> None:
    plain, bold, italic, code = (
        draw(pages(Paragraph((Span("word", **kind),)), font_size=24), 0)
        for kind in ({}, {"bold": True}, {"italic": True}, {"code": True})
    )
    assert (bold < 128).sum() > 1.2 * (plain < 128).sum()
    assert (italic != plain).any()
    assert (code != plain).any()


def test_a_style_without_room_for_text_is_refused() -> None:
    with pytest.raises(UsageError, match="no room for text of 120 pixels"):
        pages(paragraph("x"), font_size=120, columns=4)
    with pytest.raises(UsageError, match="have no room"):
        lay_out(Document((paragraph("x"),)), PageStyle(width=1000, height=128, font_size=120))


def test_laying_out_stops_where_it_is_told_to() -> None:
    document = Document((paragraph(PROSE * 200),))
    short = lay_out(document, PageStyle(size="tiny"), most_pages=2)
    assert (len(short.pages), short.complete) == (2, False)
    whole = lay_out(document, PageStyle(size="tiny"))
    assert whole.complete
    assert (draw(short, 1) == draw(whole, 1)).all()


def test_lines_get_room_for_piled_marks_and_a_tower_of_them_is_reported() -> None:
    layout = pages(paragraph("x"), paragraph("Z" + "\u0301" * 6), paragraph("x"), font_size=20)
    heights = [line.bottom - line.top for line in layout.lines(0)]
    assert heights[0] == heights[2] == 26 < heights[1]
    assert not report(layout, 0).clipped
    boxes, lines = glyph_boxes(layout, 0), list(layout.lines(0))
    piled = boxes[(boxes[:, 3] > lines[1].top) & (boxes[:, 1] < lines[1].bottom)]
    assert piled[:, 1].min() >= lines[1].top - 0.5
    assert piled[:, 3].max() <= lines[1].bottom + 0.5
    assert report(pages(paragraph("Z" + "\u0301" * 100), font_size=20), 0).clipped == (0,)
