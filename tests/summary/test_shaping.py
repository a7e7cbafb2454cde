"""What a page shows of ten scripts, held against uharfbuzz: the same glyphs, in the same order, at equal places.

The layout engine tells no glyph ids, so its picture speaks for it: uharfbuzz shapes the same line with the same
font file, its glyphs are drawn at its own positions, and the two pictures have to be equal to the pixel.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import skia
import uharfbuzz
from numpy.typing import NDArray

from redraft.tasks.summary.documents.blocks import Document, Paragraph, spans
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.font_families import Face
from redraft.tasks.summary.pages.fonts import FontRun, fonts
from redraft.tasks.summary.pages.layout import lay_out
from redraft.tasks.summary.pages.samples import SAMPLES, Sample
from redraft.tasks.summary.pages.style import PageStyle

LEFT, HEIGHT = 10, 90
ISOLATE, POP = "\u2067", "\u2069"


@dataclass(frozen=True)
class Glyph:
    face: Face
    id: int
    x: float
    y: float
    size: float


def size_for(runs: list[FontRun]) -> float:
    """Pixels of the em of which a font unit is 1/32 or 1/64, so that no advance is rounded: about 32."""
    units = fonts().family(runs[0].families[0]).faces[0].typeface.getUnitsPerEm()
    return units / 32 if units <= 1024 else units / 64


def canvas(width: int) -> tuple[NDArray[np.uint8], skia.Surface]:
    pixels = np.full((HEIGHT, width), 255, np.uint8)
    info = skia.ImageInfo.Make(width, HEIGHT, skia.kGray_8_ColorType, skia.kOpaque_AlphaType)
    return pixels, skia.Surface.MakeRasterDirect(info, pixels, width)


def drawn_by_skia(
    runs: list[FontRun], right_to_left: bool, bold: bool, width: int, size: float
) -> tuple[NDArray[np.uint8], float, float]:
    """The picture of one line by the layout engine, its baseline, and its advance in pixels."""
    layout = skia.textlayout
    builder = layout.ParagraphBuilder.make(layout.ParagraphStyle(), fonts().collection, fonts().unicode)
    if right_to_left:
        builder.addText(ISOLATE)
    for run in runs:
        style = layout.TextStyle()
        style.setFontFamilies(list(run.families))
        style.setFontSize(size)
        style.setColor(skia.ColorBLACK)
        if bold:
            style.setFontStyle(skia.FontStyle.Bold())
        if run.locale:
            style.setLocale(run.locale)
        builder.pushStyle(style)
        builder.addText(run.text)
        builder.pop()
    if right_to_left:
        builder.addText(POP)
    paragraph = builder.Build()
    paragraph.layout(10 * width)
    pixels, surface = canvas(width)
    paragraph.paint(surface.getCanvas(), LEFT, 10)
    return pixels, 10 + paragraph.AlphabeticBaseline, paragraph.LongestLine


def shaped(run: FontRun, bold: bool, direction: str, size: float) -> tuple[list[Glyph], float]:
    """The glyphs of a run in visual order, from x = 0, and its advance, by uharfbuzz."""
    face = fonts().family(run.families[0]).face(bold)
    loaded = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(face.path)), face.index)
    buffer = uharfbuzz.Buffer()
    buffer.add_str(run.text)
    buffer.guess_segment_properties()
    if run.locale:
        buffer.language = run.locale
    buffer.direction = direction
    uharfbuzz.shape(uharfbuzz.Font(loaded), buffer)
    scale, at = size / loaded.upem, 0.0
    glyphs = []
    for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        glyphs.append(Glyph(face, info.codepoint, at + place.x_offset * scale, -place.y_offset * scale, size))
        at += place.x_advance * scale
    return glyphs, at


def drawn_at(glyphs: list[Glyph], baseline: float, width: int) -> NDArray[np.uint8]:
    """Glyphs at the places given to them."""
    pixels, surface = canvas(width)
    for glyph in glyphs:
        font = skia.Font(glyph.face.typeface, glyph.size)
        font.setSubpixel(True)
        font.setHinting(skia.FontHinting.kSlight)
        builder = skia.TextBlobBuilder()
        builder.allocRunPos(font, [glyph.id], [skia.Point(glyph.x, glyph.y)])
        surface.getCanvas().drawTextBlob(builder.make(), LEFT, baseline, skia.Paint(AntiAlias=True))
    return pixels


def expected(runs: list[FontRun], right_to_left: bool, bold: bool = False) -> tuple[list[Glyph], float]:
    """The glyphs of all runs of one direction, side by side as that direction has them."""
    placed: list[Glyph] = []
    at = 0.0
    for run in reversed(runs) if right_to_left else runs:
        glyphs, advance = shaped(run, bold, "rtl" if right_to_left else "ltr", size_for(runs))
        placed += [replace(g, x=at + g.x) for g in glyphs]
        at += advance
    return placed, at


def runs_of(sample: Sample) -> list[FontRun]:
    setting = fonts().setting(sample.text, language=sample.language)
    assert not setting.missing, f"no font for {sample.script}: {setting.missing}"
    runs = setting.runs(sample.text)
    assert "".join(run.text for run in runs) == sample.text
    return runs


@pytest.mark.parametrize("bold", [False, True], ids=["regular", "bold"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.script)
def test_a_paragraph_has_the_glyphs_that_another_shaper_gives(sample: Sample, bold: bool) -> None:
    runs = runs_of(sample)
    glyphs, advance = expected(runs, sample.right_to_left, bold)
    width = int(advance) + 4 * LEFT
    pixels, baseline, longest = drawn_by_skia(runs, sample.right_to_left, bold, width, size_for(runs))
    assert longest == pytest.approx(advance, abs=0.01)
    assert (pixels < 128).sum() > 500
    assert np.array_equal(pixels, drawn_at(glyphs, baseline, width))


def ink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part of a picture that holds all of its ink."""
    rows, columns = np.flatnonzero((pixels < 255).any(1)), np.flatnonzero((pixels < 255).any(0))
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.script)
def test_a_drawn_page_shows_these_glyphs(sample: Sample) -> None:
    """The same through the whole page engine, on a page that is wide enough for one line."""
    runs = runs_of(sample)
    style = PageStyle(width=4096, height=160, font_size=size_for(runs), margin=0.02)
    page = draw(lay_out(Document((Paragraph(spans(sample.text)),), language=sample.language), style), 0)
    glyphs, advance = expected(runs, sample.right_to_left)
    assert advance < 0.95 * 4096, "the paragraph needs more than one line"
    if sample.right_to_left:
        # Its right edge stands on a whole pixel, not its left one.
        glyphs = [replace(glyph, x=glyph.x + math.ceil(advance) - advance) for glyph in glyphs]
    assert np.array_equal(ink(page), ink(drawn_at(glyphs, 50, 4096)))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.script)
def test_equal_pictures_prove_order_advance_and_form(sample: Sample) -> None:
    """Each of three faults that a page could have makes the pictures differ."""
    runs = runs_of(sample)
    glyphs, advance = expected(runs, sample.right_to_left)
    width = int(advance) + 4 * LEFT
    pixels, baseline, _ = drawn_by_skia(runs, sample.right_to_left, False, width, size_for(runs))
    inked = [g for g in glyphs if not skia.Font(g.face.typeface, g.size).getBounds([g.id])[0].isEmpty()]
    one, two = next((a, b) for a, b in itertools.pairwise(inked) if a.id != b.id and a.face == b.face)
    last = inked[-1]
    swapped = [replace(g, id={id(one): two.id, id(two): one.id}.get(id(g), g.id)) for g in glyphs]
    moved = [replace(g, x=g.x + 0.5 * (g is last)) for g in glyphs]
    other = [replace(g, id=one.id if g is two else g.id) for g in glyphs]
    for faulty in (swapped, moved, other):
        assert not np.array_equal(pixels, drawn_at(faulty, baseline, width))
    assert last in glyphs


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.right_to_left], ids=lambda sample: sample.script)
def test_mixed_directions_are_ordered_as_unicode_has_it(sample: Sample) -> None:
    """UAX #9: in a right-to-left paragraph a Latin word runs from the left, between the words around it."""
    words = sample.text.split()
    runs = fonts().setting(sample.text, language=sample.language).runs(f"{words[0]} Unicode {words[1]}")
    assert [run.text for run in runs] == [f"{words[0]} ", "Unicode ", words[1]]
    first, latin, second = runs
    # The space behind the Latin word belongs to the paragraph's direction: it stands at the word's left.
    order = [second, replace(latin, text=" "), replace(latin, text="Unicode"), first]
    placed: list[Glyph] = []
    at = 0.0
    for run in order:
        glyphs, advance = shaped(run, False, "ltr" if run.text == "Unicode" else "rtl", size_for(runs))
        placed += [replace(g, x=at + g.x) for g in glyphs]
        at += advance
    width = int(at) + 4 * LEFT
    pixels, baseline, longest = drawn_by_skia(runs, True, False, width, size_for(runs))
    assert longest == pytest.approx(at, abs=0.01)
    assert np.array_equal(pixels, drawn_at(placed, baseline, width))
