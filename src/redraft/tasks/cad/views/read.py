"""A person's pictures made ready for a model: decoded, held against each other, fitted, their scale found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Image
from redraft.tasks.cad.views.decode import Gray, decode, read_bytes
from redraft.tasks.cad.views.ink import (
    SIDES,
    Ink,
    agree,
    common_scale,
    disagreement,
    find_ink,
    fitted,
    is_fitted,
    sides_of,
)
from redraft.tasks.cad.views.lines import NAMES
from redraft.tasks.cad.views.png import encode_gray
from redraft.tasks.cad.views.sheet import split_sheet
from redraft.tasks.cad.views.style import ViewStyle

SCREEN = {round(dpi / 0.0254) + d for dpi in (72, 96) for d in (-1, 0, 1)}
"""Pixels per metre that programs write who know nothing of a picture's scale: 72 and 96 to the inch."""
DEFAULT = ViewStyle()
FILES = tuple(f"{name}.png" for name in NAMES)


@dataclass(frozen=True, slots=True)
class Views:
    """images: front.png, top.png, right.png as a model was trained on them, written anew, so that nothing but
    pixels and scale reaches it. mm_per_pixel: of these images, None where the pictures have no scale. size_mm:
    width, depth and height that their ink spans, where the scale is known. shares: the same sides relative to the
    longest. notes: sentences on what was done to the pictures.
    """

    images: tuple[Image, ...]
    mm_per_pixel: float | None
    size_mm: tuple[float, float, float] | None
    shares: tuple[float, float, float]
    notes: tuple[str, ...]


def view_files(folder: Path) -> list[Path]:
    """The pictures of a folder: front.*, top.*, right.*, or one sheet. An InputError where it holds neither."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    named = {p.stem.lower(): p for p in files if p.suffix.lower() in _SUFFIXES}
    if all(name in named for name in NAMES):
        return [named[name] for name in NAMES]
    if "sheet" in named:
        return [named["sheet"]]
    if len(named) == 1:
        return list(named.values())
    missing = [name for name in NAMES if name not in named]
    raise InputError(
        f"the folder has no picture named {', '.join(missing)}",
        where=str(folder),
        remedy=f"Name the views {', '.join(FILES)}, or give one sheet",
    )


_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")


def read_pictures(sources: Sequence[Path | str], style: ViewStyle = DEFAULT, *, check: bool = True) -> Views:
    """Reads front, top and right from three files, from one sheet, or from a folder that holds either.

    check False takes views whose sides disagree, with a note. A missing file or a wrong number of them is a
    UsageError; what cannot be read, or is not three views of one part, an InputError.
    """
    paths = [Path(source) for source in sources]
    if len(paths) == 1 and paths[0].is_dir():
        paths = view_files(paths[0])
    if len(paths) not in (1, 3):
        raise UsageError(
            f"{len(paths)} pictures were given", remedy="Give front, top and right, or one sheet, or a folder"
        )
    return views_from([(read_bytes(path), str(path)) for path in paths], style, check=check)


def views_from(pictures: Sequence[tuple[bytes, str]], style: ViewStyle = DEFAULT, *, check: bool = True) -> Views:
    """As `read_pictures`, from the bytes of three files or of one sheet, each with its name for messages."""
    decoded = [(decode(data, where), where) for data, where in pictures]
    if len(decoded) == 1:
        (sheet, scale), where = decoded[0]
        grays = split_sheet(sheet, where)
        names = dict.fromkeys(NAMES, where)
        scales: list[float | None] = [scale]
    else:
        grays = {name: gray for name, ((gray, _), _) in zip(NAMES, decoded, strict=True)}
        names = {name: where for name, (_, where) in zip(NAMES, decoded, strict=True)}
        scales = [scale for (_, scale), _ in decoded]
    return _ready(grays, names, scales, style, check)


def _ready(
    grays: Mapping[str, Gray],
    where: Mapping[str, str],
    scales: Sequence[float | None],
    style: ViewStyle,
    check: bool,
) -> Views:
    notes: list[str] = []
    inks = {name: find_ink(_without_note(gray, style), where[name]) for name, gray in grays.items()}
    as_drawn = is_fitted(grays, inks, style)
    if as_drawn:
        inks = {name: replace(ink, weight=style.line_width) for name, ink in inks.items()}
    scale = _one_scale(scales, as_drawn, notes)
    factors = dict.fromkeys(NAMES, 1.0)
    if not agree(inks):
        mended = common_scale(inks) if scale is None else None
        if mended is not None:
            factors = mended
            notes.append("the views have different scales and were brought to one")
        elif check:
            raise disagreement(inks, where)
        else:
            notes.append(disagreement(inks, where).what)
    sides = _sides(inks, factors)
    if as_drawn and factors["top"] == factors["right"] == 1:
        images = [encode_gray(np.ascontiguousarray(grays[name]), _per_metre(scale)) for name in NAMES]
    else:
        fit = style.area / max(sides)
        drawn = {name: fitted(grays[name], inks[name], factors[name] * fit, style) for name in NAMES}
        scale = None if scale is None else scale / fit
        sides = tuple(side * fit for side in sides)
        images = [encode_gray(drawn[name], _per_metre(scale)) for name in NAMES]
        notes.append(f"the pictures were fitted to {style.size} x {style.size}")
    longest = max(sides)
    return Views(
        tuple(Image(file, data) for file, data in zip(FILES, images, strict=True)),
        scale,
        None if scale is None else _three([side * scale for side in sides]),
        _three([side / longest for side in sides]),
        tuple(notes),
    )


def _one_scale(scales: Sequence[float | None], as_drawn: bool, notes: list[str]) -> float | None:
    """The scale that all pictures state, unless it is a screen's resolution."""
    known = [scale for scale in scales if scale is not None]
    if len(known) < len(scales) or not known:
        return None
    if max(known) > 1.001 * min(known):
        notes.append("the pictures state different scales, so none was believed")
        return None
    if not as_drawn and round(1000 / known[0]) in SCREEN:
        notes.append("the pictures state a screen's resolution, which was not taken for a scale")
        return None
    return known[0]


def _sides(inks: Mapping[str, Ink], factors: Mapping[str, float]) -> tuple[float, ...]:
    """Width, depth and height in pixels, the mean of the two views that show each."""
    pairs = sides_of(inks, factors)
    return tuple(sum(pairs[side]) / 2 for side in SIDES)


def _without_note(gray: Gray, style: ViewStyle) -> Gray:
    """The picture without the strip in which a style writes its size note."""
    if not style.size_note or gray.shape != (style.size, style.size):
        return gray
    clean = gray.copy()
    clean[style.size - style.margin + round(style.line_width) :] = 255
    return clean


def _per_metre(scale: float | None) -> int | None:
    return None if scale is None else max(1, round(1000 / scale))


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    a, b, c = (round(v, 6) for v in values)
    return (a, b, c)
