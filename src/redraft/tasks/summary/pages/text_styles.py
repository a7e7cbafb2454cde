"""The layout engine's styles, made once each: they are what a paragraph is told of fonts and lines."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import skia

text_layout = skia.textlayout
Align = Literal["start", "justify", "right", "left"]


@lru_cache(maxsize=4096)
def text_style(
    families: tuple[str, ...], locale: str, size: float, bold: bool, italic: bool, grey: int
) -> skia.textlayout.TextStyle:
    return coloured_style(families, locale, size, bold, italic, skia.Color(grey, grey, grey))


def coloured_style(
    families: tuple[str, ...], locale: str, size: float, bold: bool, italic: bool, colour: int
) -> skia.textlayout.TextStyle:
    style = text_layout.TextStyle()
    style.setFontFamilies(list(families))
    if locale:
        style.setLocale(locale)
    style.setFontSize(size)
    style.setColor(colour)
    if bold or italic:
        slant = skia.FontStyle.kItalic_Slant if italic else skia.FontStyle.kUpright_Slant
        weight = skia.FontStyle.kBold_Weight if bold else skia.FontStyle.kNormal_Weight
        style.setFontStyle(skia.FontStyle(weight, skia.FontStyle.kNormal_Width, slant))
    return style


@lru_cache(maxsize=4096)
def paragraph_style(
    families: tuple[str, ...], size: float, pitch: int, align: Align
) -> skia.textlayout.ParagraphStyle:
    strut = text_layout.StrutStyle()
    strut.setStrutEnabled(True)
    strut.setForceStrutHeight(True)
    strut.setFontFamilies(list(families))
    strut.setFontSize(size)
    strut.setHeight(pitch / size)
    strut.setHeightOverride(True)
    strut.setHalfLeading(True)
    style = text_layout.ParagraphStyle()
    style.setStrutStyle(strut)
    style.setTextStyle(text_style(families, "", size, False, False, 0))
    style.setTextAlign(_ALIGN[align])
    return style


_ALIGN = {
    "start": text_layout.TextAlign.kLeft,
    "left": text_layout.TextAlign.kLeft,
    "right": text_layout.TextAlign.kRight,
    "justify": text_layout.TextAlign.kJustify,
}
