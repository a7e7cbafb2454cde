"""OpenECAD's programs: a folder of texts, or its published conversations.

The conversations are TinyLLaVA's form, [{"id", "image", "conversations": [{"from": "human", "value"}, {"from":
"gpt", "value"}]}] or one such object a line; the program is the last answer, between code fences or not. Their
pictures are shaded and each scaled by itself, so our three views are drawn instead (arXiv 2406.09913).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.core.task import Imported
from redraft.core.work import Work
from redraft.tasks.cad.imports.admit import Admission, Candidate, Reading
from redraft.tasks.cad.imports.names import part_id
from redraft.tasks.cad.imports.settings import lot, read_settings, some_of
from redraft.tasks.cad.sources import MAX_TEXT, read_file, read_text

TEXT_SUFFIXES = (".txt", ".py", ".openecad")
TABLE_SUFFIXES = (".json", ".jsonl")
MAX_TABLE = 1024 * 2**20
FENCE = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)


def import_openecad(source: str, options: Mapping[str, Any], work: Work) -> Iterator[Imported]:
    """Valid, distinct parts in a seeded order: options train (all the rest), validation (a tenth), test, seed."""
    path = Path(source)
    if not path.exists():
        raise UsageError("there is no such folder or file", where=source, remedy="Check the path")
    texts: dict[str, Path | str] = {}
    for id, text in _texts(path, work):
        if id in texts:
            work.left_out(id, "this name comes a second time")
        else:
            texts[id] = text
    if not texts:
        raise InputError(
            "there is neither a text nor a conversation in it",
            where=source,
            remedy=f"Programs end in {', '.join(TEXT_SUFFIXES)}, conversations in {', '.join(TABLE_SUFFIXES)}",
        )
    settings = read_settings(options, some_of(len(texts)))
    admission = Admission(settings, work)
    order = sorted(texts, key=lambda id: lot(settings.seed, id))
    shared = admission.describe(Candidate(id, partial(_read, id, texts[id])) for id in order)
    for split in settings.order:
        yield from admission.fill(split, settings.counts[split], shared)
    admission.finish(source)


def _read(id: str, text: Path | str) -> Reading:
    data = read_file(text, MAX_TEXT) if isinstance(text, Path) else text.encode()
    program, _ = read_text(data, where=id, dialect="openecad")
    return Reading(program, more={"source": f"openecad {id}"})


def _texts(path: Path, work: Work) -> Iterator[tuple[str, Path | str]]:
    """Id and program text, or the file that holds it."""
    root = path if path.is_dir() else path.parent
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        name = file.relative_to(root).as_posix()
        if file.suffix.lower() in TEXT_SUFFIXES and file.is_file():
            yield part_id(name), file
        elif file.suffix.lower() in TABLE_SUFFIXES and file.is_file():
            yield from _conversations(file, name, work)


def _conversations(file: Path, name: str, work: Work) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(_rows(file), start=1):
        answer = _answer(row)
        id = str(row.get("id", f"{part_id(name)}-{number}")) if isinstance(row, dict) else f"{name}-{number}"
        if answer is None:
            work.left_out(id, "no conversation with an answer")
            continue
        fenced = FENCE.search(answer)
        yield id, fenced[1] if fenced else answer


def _rows(file: Path) -> list[Any]:
    raw = read_file(file, MAX_TABLE)
    try:
        if file.suffix.lower() == ".jsonl":
            return [json.loads(line) for line in raw.splitlines() if line.strip()]
        rows = json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError("not a JSON file", where=str(file), remedy="Fetch it again") from None
    return rows if isinstance(rows, list) else [rows]


def _answer(row: Any) -> str | None:
    """The last answer of a row in TinyLLaVA's or in the role/content form."""
    if not isinstance(row, dict):
        return None
    for turn in reversed(row.get("conversations") or row.get("messages") or []):
        if isinstance(turn, dict) and turn.get("from", turn.get("role")) in ("gpt", "assistant"):
            answer = turn.get("value", turn.get("content"))
            return answer if isinstance(answer, str) else None
    return None
