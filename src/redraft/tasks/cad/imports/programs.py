"""A person's own folder: one program a part in any dialect, with or without its three views beside it.

Part NAME is NAME.json, NAME.py or NAME.txt. Its pictures are NAME.front.png, NAME.top.png and NAME.right.png, or
NAME/front.png and so on, or front.png and so on in a folder of its own; they are fitted to the style as those
of a reconstruction are. Parts without pictures are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Image
from redraft.core.task import Imported
from redraft.core.work import Work
from redraft.tasks.cad.imports.admit import Admission, Candidate, Reading
from redraft.tasks.cad.imports.settings import lot, read_settings, some_of
from redraft.tasks.cad.sources import MAX_TEXT, STEP_SUFFIXES, read_file, read_text
from redraft.tasks.cad.truth import VIEW_FILES
from redraft.tasks.cad.views.read import read_pictures
from redraft.tasks.cad.views.style import ViewStyle

PROGRAM_SUFFIXES = (".json", ".py", ".txt", ".openecad", ".compact")


def import_programs(source: str, options: Mapping[str, Any], work: Work) -> Iterator[Imported]:
    """Valid, distinct parts in a seeded order: options train (all the rest), validation (a tenth), test, seed."""
    folder = Path(source)
    if not folder.is_dir():
        raise UsageError("there is no such folder", where=source, remedy="Give the folder with your programs")
    files = _programs(folder, work)
    if not files:
        raise InputError(
            "there is no program in it", where=source, remedy=f"Programs end in {', '.join(PROGRAM_SUFFIXES)}"
        )
    settings = read_settings(options, some_of(len(files)))
    admission = Admission(settings, work)
    order = sorted(files, key=lambda id: lot(settings.seed, id))
    style = ViewStyle.from_data(settings.cad["style"])
    shared = admission.describe(Candidate(id, partial(_read, files[id], folder, style)) for id in order)
    for split in settings.order:
        yield from admission.fill(split, settings.counts[split], shared)
    admission.finish(source)


def _programs(folder: Path, work: Work) -> dict[str, Path]:
    """Id to program file. What is no program and no picture is left out with the reason."""
    files: dict[str, Path] = {}
    shapes: list[Path] = []
    for path in sorted(folder.rglob("*")):
        name, suffix = path.relative_to(folder).as_posix(), path.suffix.lower()
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if suffix in PROGRAM_SUFFIXES:
            id = _id(path, folder)
            if files.setdefault(id, path) != path:
                work.left_out(name, f"{files[id].relative_to(folder).as_posix()} is the program of {id} already")
        elif suffix in STEP_SUFFIXES:
            shapes.append(path)
    for path in shapes:
        if _id(path, folder) not in files:
            work.left_out(
                path.relative_to(folder).as_posix(), "a STEP file has no history: it cannot be what a model learns"
            )
    return files


def _id(path: Path, folder: Path) -> str:
    inside = path.parent != folder and any((path.parent / view).is_file() for view in VIEW_FILES)
    return (path.parent if inside else path.with_suffix("")).relative_to(folder).as_posix()


def _read(path: Path, folder: Path, style: ViewStyle) -> Reading:
    program, dialect = read_text(read_file(path, MAX_TEXT), where=str(path))
    views = _views(path, folder, style)
    return Reading(program, views, {"source": f"{path.relative_to(folder).as_posix()} ({dialect})"})


def _views(path: Path, folder: Path, style: ViewStyle) -> tuple[Image, ...] | None:
    """The three pictures beside a program, or None; some of them but not all are an InputError."""
    stem = path.with_suffix("")
    places = [[stem.parent / f"{stem.name}.{view}" for view in VIEW_FILES], [stem / view for view in VIEW_FILES]]
    if path.parent != folder:
        places.append([path.parent / view for view in VIEW_FILES])
    for files in places:
        there = [file.is_file() for file in files]
        if not any(there):
            continue
        if not all(there):
            missing = ", ".join(file.name for file, found in zip(files, there, strict=True) if not found)
            raise InputError(f"missing view {missing}", where=str(path), remedy="Add it, or take the others away")
        return read_pictures(files, style).images
    return None
