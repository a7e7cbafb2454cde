"""`data browse` and `data picture`: examples of a dataset for a page that shows them."""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path
from typing import Any

from redraft.core.discovery import load_task
from redraft.core.errors import InputError, NotFound, UsageError
from redraft.core.example import Example
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.datasets.images import MAX_PIXELS, size_of
from redraft.datasets.manifest import NAME, read_manifest
from redraft.datasets.reader import Dataset, Split

MOST = 100
"""Examples at once."""
TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}
"""Media types of pictures that browsers show, by how the file begins."""


def browse(request: Request, work: Work) -> Result:
    """request: dataset, split (None: the first), start, limit (100 at most), find (an id to begin at).

    {split, total, examples: [{id, index, seed, images (their names), messages, truth}]}; nothing is drawn.
    """
    dataset = _open(request["dataset"])
    if request.get("find"):
        split, start = dataset.find(str(request["find"]))
    else:
        split, start = _split(dataset, request.get("split")), int(request.get("start") or 0)
    end = min(len(split), start + min(int(request.get("limit") or MOST), MOST))
    shown = [_shown(split.example(index, draw=False), index) for index in range(start, end)]
    return Result({"split": split.name, "total": len(split), "examples": shown})


def picture(request: Request, work: Work) -> Result:
    """request: dataset, split, index, number. {type, data}: the encoded picture in base64.

    NotFound where there is none of that number; InputError for a picture that browsers should not decode.
    """
    split = _split(_open(request["dataset"]), request["split"])
    index, number = int(request["index"]), int(request["number"])
    if not 0 <= index < len(split):
        raise NotFound(f"the split has {len(split):,} examples", where=f"{split.name} {index}")
    images = split.example(index).images
    if not 0 <= number < len(images):
        raise NotFound(f"the example has {len(images)} pictures", where=f"{split.name} {index}")
    image = images[number]
    kind = next((kind for head, kind in TYPES.items() if image.bytes.startswith(head)), None)
    size = size_of(image) if kind is not None else None  # nobody has vouched for it: no other reader tries it
    if size is None or size[0] * size[1] > MAX_PIXELS:
        where = f"{split.name} {index} {image.path}"
        raise InputError("this picture is broken, or too large to show", where=where)
    return Result({"type": kind, "data": base64.b64encode(image.bytes).decode()})


def _open(folder: str) -> Dataset:
    """The open dataset; kept until its manifest changes, since a page asks for one picture after another."""
    manifest = Path(folder) / NAME
    changed = manifest.stat().st_mtime_ns if manifest.is_file() else 0
    return _opened(folder, changed)


@lru_cache(maxsize=4)
def _opened(folder: str, changed: int) -> Dataset:
    manifest = read_manifest(folder)
    drawn = manifest is not None and manifest.images == "drawn"
    return Dataset.open(folder, load_task(manifest.task) if manifest is not None and drawn else None)


def _split(dataset: Dataset, name: str | None) -> Split:
    if name is None:
        if not dataset.splits:
            raise UsageError("this dataset has no split", where=str(dataset.folder))
        name = next(iter(dataset.splits))
    if name not in dataset.splits:
        raise NotFound(
            f"there is no split '{name}'", where=str(dataset.folder), remedy=f"It has: {', '.join(dataset.splits)}"
        )
    return dataset.splits[name]


def _shown(example: Example, index: int) -> dict[str, Any]:
    messages = [message.as_data() for message in example.messages]
    places = sum(
        part.get("type") == "image"
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
    )
    names = [Path(image.path).name for image in example.images]
    return {
        "id": example.id,
        "index": index,
        "seed": example.seed,
        "images": names or [f"{number + 1}.png" for number in range(places)],
        "messages": messages,
        "truth": dict(example.truth),
    }
