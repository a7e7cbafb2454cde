"""DeepCAD's construction JSON: a folder of files, or a tar read in one pass.

The published layout is data/cad_json/<first 4 digits>/<8 digits>.json with train_val_test_split.json beside
cad_json, which names parts as "0078/00780135" (github.com/ChrisWu1997/DeepCAD). Any folder of such JSON files
serves. The choice among them is by a seeded lot, so that it does not depend on where a part lies.
"""

from __future__ import annotations

import json
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.core.task import Imported
from redraft.core.work import Work
from redraft.tasks.cad.imports.admit import Admission, Candidate, Reading
from redraft.tasks.cad.imports.deepcad_tar import chosen_of_tar
from redraft.tasks.cad.imports.names import part_id
from redraft.tasks.cad.imports.settings import Settings, lot, read_settings
from redraft.tasks.cad.imports.split_file import SPLIT_NAME, read_split_file
from redraft.tasks.cad.sources import MAX_TEXT, read_file, read_text

DEFAULTS = {"train": 1000, "validation": 100, "test": 0}
METRES = 1000.0


def import_deepcad(source: str, options: Mapping[str, Any], work: Work) -> Iterator[Imported]:
    """Seeded, valid, distinct parts: options train, validation, test, seed, split_file and those of the task."""
    settings = read_settings(options, DEFAULTS)
    path = Path(source)
    admission = Admission(settings, work)
    if path.is_dir():
        yield from _from_folder(path, settings, admission, work)
    elif path.is_file() and _looks_like_tar(path):
        yield from _from_tar(path, settings, admission, work)
    elif path.exists():
        raise InputError("neither a folder nor a tar", where=source, remedy="Give cad_json or data.tar.gz")
    else:
        raise UsageError("there is no such folder or tar", where=source, remedy="Check the path")
    admission.finish(source)


def _looks_like_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (EOFError, zlib.error, lzma.LZMAError):
        return True  # a packed one that is cut or damaged early on: whoever reads it says so


def stated_size(data: bytes) -> list[float] | None:
    """The box sizes in mm that a history says of itself, or None where it says none that can be believed."""
    try:
        box = json.loads(data)["properties"]["bounding_box"]
        size = [METRES * (box["max_point"][axis] - box["min_point"][axis]) for axis in "xyz"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return size if all(0 <= side < 1e9 for side in size) else None


def read_history(data: bytes, where: str) -> Reading:
    """One construction JSON; a Refusal says what is wrong with it."""
    program, _ = read_text(data, where=where, dialect="deepcad")
    size = stated_size(data)
    return Reading(program, more={"source": f"deepcad {where}", **({"stated_size_mm": size} if size else {})})


def _from_folder(folder: Path, settings: Settings, admission: Admission, work: Work) -> Iterator[Imported]:
    split_file = Path(settings.split_file) if settings.split_file else _split_file_near(folder)
    split_of = read_split_file(split_file) if split_file is not None else None
    files: dict[str, Path] = {}
    for path in _json_files(folder):
        id = part_id(path.relative_to(folder).as_posix())
        if files.setdefault(id, path) != path:
            work.left_out(str(path.relative_to(folder)), f"{id} lies in {files[id].relative_to(folder)} already")
    if not files:
        raise InputError("there is no JSON file in it", where=str(folder), remedy="Give the folder cad_json")
    order = sorted(files, key=lambda id: lot(settings.seed, id))

    def candidates(split: str | None) -> Iterator[Candidate]:
        for id in order:
            if split is None or split_of is None or split_of.get(id) == split:
                yield Candidate(id, partial(_read_file, files[id], id))

    yield from _fill(settings, admission, split_of is not None, candidates)


def _fill(
    settings: Settings,
    admission: Admission,
    has_splits: bool,
    candidates: Callable[[str | None], Iterator[Candidate]],
) -> Iterator[Imported]:
    """Fills every split from its own candidates, or all from one stream where nothing says which is whose."""
    shared = admission.describe(candidates(None))
    for split in settings.order:
        described = admission.describe(candidates(split)) if has_splits else shared
        yield from admission.fill(split, settings.counts[split], described)


def _read_file(path: Path, id: str) -> Reading:
    return read_history(read_file(path, MAX_TEXT), id)


def _json_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.json")):
        if path.name != SPLIT_NAME and path.is_file():
            yield path


def _split_file_near(folder: Path) -> Path | None:
    for place in (folder, folder / "data", folder.parent):
        if (place / SPLIT_NAME).is_file():
            return place / SPLIT_NAME
    return None


def _from_tar(path: Path, settings: Settings, admission: Admission, work: Work) -> Iterator[Imported]:
    split_file = Path(settings.split_file) if settings.split_file else _split_file_near(path.parent)
    split_of = read_split_file(split_file) if split_file is not None else None
    with chosen_of_tar(path, settings, split_of, work) as chosen:

        def candidates(split: str | None) -> Iterator[Candidate]:
            for id, data in chosen.parts(split):
                yield Candidate(id, partial(read_history, data, id))

        yield from _fill(settings, admission, chosen.split_of is not None, candidates)
