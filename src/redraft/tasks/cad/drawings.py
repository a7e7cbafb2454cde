"""Pictures of parts as they lie in folders, opened as drawings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from redraft.core.errors import InputError
from redraft.core.work import Work
from redraft.tasks.cad.reconstruct import VIEW_NAMES, Drawing
from redraft.tasks.cad.sizing import Sizing, from_scale, from_views
from redraft.tasks.cad.views.read import read_pictures, view_files
from redraft.tasks.cad.views.style import ViewStyle

PROPORTION = 0.02
"""Part of the longest side by which a given size may differ from the drawing's proportions without a word."""
SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class PartPictures:
    """A part's name and its files: front, top and right, or one sheet."""

    name: str
    files: tuple[Path, ...]


def is_one_part(folder: Path) -> bool:
    """Whether the folder itself holds a view or a sheet, as `redraft cad draw` writes them."""
    return any(_picture(folder, name) for name in (*VIEW_NAMES, "sheet"))


def find_parts(folder: Path) -> Iterator[PartPictures]:
    """The parts of a folder by name: NAME/front.png and so on, or NAME.front.png and so on.

    A part with some of its three views but not all is an InputError.
    """
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            views = {view: file for view in VIEW_NAMES if (file := _picture(path, view)) is not None}
            if views:
                found.setdefault(path.name, {}).update(views)
        elif path.suffix.lower() in SUFFIXES:
            name, _, view = path.stem.rpartition(".")
            if name and view in VIEW_NAMES:
                found.setdefault(name, {})[view] = path
    for name in sorted(found):
        yield _whole(name, found[name], folder)


def one_part(folder: Path) -> PartPictures:
    """The part whose three views, or whose sheet, are the folder's own."""
    return PartPictures(folder.name, tuple(view_files(folder)))


def open_drawing(
    part: PartPictures,
    style: ViewStyle,
    work: Work,
    *,
    size: Sequence[float] | None = None,
    scale: float | None = None,
) -> Drawing:
    """Reads a part's pictures, fits them to the style, and finds the part's size.

    size: the person's width, depth and height in mm. scale: the person's mm per pixel of the files. What is no
    drawing of one part is an InputError. What was done to the pictures goes to the log.
    """
    views = read_pictures(part.files, style)
    for note in views.notes:
        work.log(f"{part.name}: {note}")
    if size is not None:
        sizing: Sizing | None = Sizing(max(size), "given", 0.0)
        if any(abs(side / max(size) - share) > PROPORTION for side, share in zip(size, views.shares, strict=True)):
            work.log(
                f"{part.name}: the drawing's proportions are {_ratio(views.shares)}, those of the given size "
                f"{_ratio([side / max(size) for side in size])}: its longest side alone was used",
                "warning",
            )
    elif scale is not None:
        sizing = from_scale(part.files, scale)
    else:
        sizing = from_views(views, style)
    return Drawing(part.name, views.images, sizing)


def _ratio(shares: Sequence[float]) -> str:
    return " : ".join(f"{share:.2f}" for share in shares)


def _picture(folder: Path, view: str) -> Path | None:
    for suffix in SUFFIXES:
        if (folder / f"{view}{suffix}").is_file():
            return folder / f"{view}{suffix}"
    return None


def _whole(name: str, views: dict[str, Path], folder: Path) -> PartPictures:
    missing = [view for view in VIEW_NAMES if view not in views]
    if missing:
        raise InputError(
            f"the part {name} has no {' and no '.join(missing)} view",
            where=str(folder),
            remedy="Add the picture, or take the part's others away",
        )
    return PartPictures(name, tuple(views[view] for view in VIEW_NAMES))
