"""The samples of a run: what was shown, what was answered, and the pictures, by ids.

A set is one evaluation: "step-100" during training, "final-<name>" afterwards. A picture's id says where it
stands: "2-drawn-1" is the first picture of the answer of the second sample. So no path comes from a caller.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, NotFound
from redraft.state.places import inside
from redraft.web.runs.sample_models import Sample, SampleAnswer, SampleSet, SetItem
from redraft.web.shown import shown

DURING, AFTER = "samples", "evaluations"
FINAL = "final-"
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""What a set's folder has to be named to be shown."""
PICTURE_ID = r"^[1-9][0-9]{0,3}-(shown|drawn|before)-[1-9][0-9]{0,3}$"
FORMATS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
"""How files of pictures begin."""


@dataclass(frozen=True)
class Found:
    """A set on the disk."""

    id: str
    folder: Path
    figures: dict[str, Any]


def sets(run: Path) -> list[SetItem]:
    """The sets of a run, those of its training first, each in the order of their steps."""
    return [_item(found) for found in _found(run)]


def one(run: Path, id: str) -> SampleSet:
    """A set with its samples; NotFound."""
    found = _find(run, id)
    rows = _rows(found)
    return SampleSet(
        **_item(found).model_dump(),
        says=[str(line) for line in found.figures.get("says") or ()],
        samples=[_sample(number, row) for number, row in enumerate(rows, start=1)],
    )


def picture(run: Path, id: str, picture: str) -> tuple[bytes, str]:
    """A picture's file and its media type; NotFound."""
    found = _find(run, id)
    number, role, place = picture.split("-")
    paths = _paths(_rows(found), int(number), role)
    if int(place) > len(paths):
        raise _none("picture", picture)
    try:
        content = inside(found.folder, str(paths[int(place) - 1])).read_bytes()
    except OSError:
        raise _none("picture", picture) from None
    kind = next((kind for start, kind in FORMATS.items() if content.startswith(start)), None)
    if kind is None:
        raise InputError("this picture is of no format that is shown", where=picture, remedy="Evaluate again")
    return content, kind


def _found(run: Path) -> Iterator[Found]:
    for room, prefix in ((DURING, ""), (AFTER, FINAL)):
        here = [
            Found(prefix + path.parent.name, path.parent, _read(path))
            for path in (run / room).glob("*/evaluation.json")
            if re.match(ID, path.parent.name)
        ]
        yield from sorted(here, key=lambda found: (found.figures.get("step") or 0, found.id))


def _find(run: Path, id: str) -> Found:
    for found in _found(run):
        if found.id == id:
            return found
    raise _none("set of samples", id)


def _none(what: str, id: str) -> NotFound:
    return NotFound(f"there is no such {what}", where=id, remedy="GET .../samples of the run names them all")


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; empty where it cannot be read, as while it is being replaced."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _rows(found: Found) -> list[dict[str, Any]]:
    rows = _read(found.folder / "samples.json").get("samples")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _paths(rows: list[dict[str, Any]], number: int, role: str) -> list[Any]:
    if number > len(rows):
        return []
    row = rows[number - 1]
    named = {
        "shown": row.get("images"),
        "drawn": row.get("drawn"),
        "before": (row.get("before") or {}).get("drawn"),
    }
    return list(named[role] or ())


def _item(found: Found) -> SetItem:
    figures = found.figures
    return SetItem(
        id=found.id,
        final=found.id.startswith(FINAL),
        **{name: figures.get(name) for name in ("step", "split", "examples", "mean", "interval", "valid")},
    )


def _sample(number: int, row: dict[str, Any]) -> Sample:
    before = row.get("before")
    return Sample(
        id=str(row.get("id", "")),
        rank=row.get("rank"),
        of=row.get("of"),
        true_answer=row.get("true_answer"),
        shown=_ids(number, "shown", row.get("images")),
        answer=_answer(number, "drawn", row),
        before=_answer(number, "before", before) if isinstance(before, dict) else None,
        beside=[_answer(number, None, other) for other in row.get("beside") or ()],
    )


def _answer(number: int, role: str | None, row: dict[str, Any]) -> SampleAnswer:
    names = ("model", "name", "answer", "score", "finish", "tokens", "logprob", "marks")
    kept = {name: shown(row[name]) for name in names if name in row}
    return SampleAnswer.model_validate({**kept, "drawn": _ids(number, role, row.get("drawn")) if role else []})


def _ids(number: int, role: str, paths: Any) -> list[str]:
    return [f"{number}-{role}-{place}" for place in range(1, len(paths or ()) + 1)]
