"""Reads conversations in the form of TinyLLaVA and LLaVA: id, image or images, conversations of from and value.

The source is one JSON or JSON Lines file, or a folder with one such file a split (train.json, validation.json).
Images lie relative to the option image_folder; without it, to the folder `images` beside the file, else to the
file's own folder. A name that leads out of that folder is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, RedraftError, UsageError
from redraft.core.example import Example, Image
from redraft.core.task import Imported, Options
from redraft.core.work import Work
from redraft.datasets.foreign import answer_alone, split_of
from redraft.datasets.placeholders import message_of, with_places
from redraft.datasets.splitting import assign, say_short, wanted_counts

MAX_IMAGE = 64 << 20
"""Bytes of one image file."""


def import_tinyllava(source: str, options: Options, work: Work) -> Iterator[Imported]:
    """options: train, validation, test (counts), seed, image_folder.

    Without counts every file keeps its own split; with them, all rows are put together and drawn by lot.
    """
    path = Path(source)
    rows = [(split, file, row) for split, file in _files(path) for row in _rows(file)]
    counts = wanted_counts(options)
    ids = [_id(split, index, row) for index, (split, _, row) in enumerate(rows)]
    lots = (
        assign(ids, counts, int(options.get("seed") or 0)) if any(c is not None for c in counts.values()) else None
    )
    taken: Counter[str] = Counter()
    for index, (own, file, row) in enumerate(rows):
        split = own if lots is None else lots.get(ids[index])
        work.progress("importing conversations", index + 1, len(rows))
        if split is None:
            continue
        try:
            example = _example(ids[index], row, _image_folder(file, options))
        except RedraftError as error:
            work.left_out(ids[index], error.what)
            continue
        taken[split] += 1
        yield Imported(split, example)
    say_short(counts, taken, work)


def _files(path: Path) -> list[tuple[str, Path]]:
    if path.is_file():
        return [(split_of(Path(path.name)), path)]
    if not path.is_dir():
        raise UsageError("there is no such file or folder", where=str(path), remedy="Check the path")
    found = [p for p in sorted(path.iterdir()) if p.suffix in (".json", ".jsonl") and _holds_rows(p)]
    if not found:
        raise InputError(
            "there is no file of conversations in it",
            where=str(path),
            remedy="Give a JSON list of rows with 'conversations', such as train.json",
        )
    return [(split_of(Path(p.name)), p) for p in found]


def _holds_rows(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"[") or (path.suffix == ".jsonl" and b'"conversations"' in head)


def _rows(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        data = (
            [json.loads(line) for line in text.splitlines() if line.strip()] if file.suffix == ".jsonl" else None
        )
        data = json.loads(text) if data is None else data
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"not a JSON file ({str(error).splitlines()[0]})", where=str(file), remedy="Write it again"
        ) from None
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise InputError(
            "not a list of conversations", where=str(file), remedy="Give a JSON list of rows with 'conversations'"
        )
    return data


def _id(split: str, index: int, row: Mapping[str, Any]) -> str:
    given = row.get("id")
    return f"{split}-{index:08d}" if given is None else str(given)


def _image_folder(file: Path, options: Options) -> Path:
    given = options.get("image_folder")
    if given:
        return Path(str(given))
    beside = file.parent / "images"
    return beside if beside.is_dir() else file.parent


def _example(id: str, row: Mapping[str, Any], folder: Path) -> Example:
    try:
        turns = [message_of(turn["from"], turn["value"]) for turn in row["conversations"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"its conversation cannot be read ({type(error).__name__}: {error})", where=id) from None
    names = row.get("image", row.get("images"))
    names = [] if names is None else [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("its image is no name of a file", where=id)
    images = tuple(_image(folder, name, id) for name in names)
    messages = with_places(turns, len(images))
    return Example(id=id, images=images, messages=messages, truth=answer_alone(messages))


def _image(folder: Path, name: str, id: str) -> Image:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError("its image lies outside of the image folder", where=f"{id}, {name}")
    try:
        if path.stat().st_size > MAX_IMAGE:
            raise InputError(f"its image has more than {MAX_IMAGE >> 20} MB", where=f"{id}, {name}")
        # Our own export puts the example's id before an image's name; there it says nothing new.
        return Image(Path(name).name.removeprefix(f"{id}-"), path.read_bytes())
    except OSError as error:
        reason = "missing" if isinstance(error, FileNotFoundError) else f"not readable ({error.strerror})"
        raise InputError(f"its image is {reason}: {name}", where=id) from None
