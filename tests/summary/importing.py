"""Imports of documents in this process, as the verb does them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft.core.discovery import load_task
from redraft.core.work import Silent
from redraft.datasets.reader import Dataset
from redraft.worker.verbs import find_verb

WORDS = ("river", "bridge", "storm", "council", "repair", "winter", "traffic", "budget", "engineer", "village")


def text_of(number: int, sentences: int = 6) -> str:
    """A short text, another one for every number."""
    pieces = [WORDS[(number * 7 + at * 3) % len(WORDS)] for at in range(sentences)]
    return " ".join(
        f"Report {number} says in part {at} that the {word} was seen." for at, word in enumerate(pieces)
    )


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"doc-{number}", "text": text_of(number), "summary": f"It is about report {number}."} | more


def rows(count: int) -> list[dict[str, Any]]:
    return [row(number) for number in range(count)]


def write_lines(path: Path, rows: Iterable[Mapping[str, Any] | str]) -> Path:
    lines = (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


class Imported:
    """What an import made. left_out: id to reason, as the manifest lists it."""

    def __init__(self, out: Path, value: Mapping[str, Any], work: Silent) -> None:
        self.out, self.value, self.work = out, value, work
        self.dataset = Dataset.open(out, load_task("summary"))
        assert self.dataset.manifest is not None
        self.manifest = self.dataset.manifest
        self.left_out = {o.id: o.reason for o in self.manifest.left_out.examples}
        assert self.left_out == dict(work.omissions)

    def ids(self, split: str = "train") -> list[str]:
        return self.dataset.split(split).ids if split in self.dataset.splits else []

    def truths(self) -> dict[str, Mapping[str, Any]]:
        return {e.id: e.truth for s in self.dataset.splits.values() for e in s.iterate(draw=False)}


def take(source: Path | str, out: Path, work: Silent | None = None, **request: Any) -> Imported:
    """`redraft data import documents SOURCE OUT` with what the request holds besides."""
    work = work or Silent()
    request = {"importer": "documents", "source": str(source), "out": str(out), "seed": 0} | request
    return Imported(out, find_verb("data.import")(request, work).value, work)


def same_files(a: Path, b: Path) -> bool:
    files: Sequence[list[Path]] = [sorted(p for p in f.rglob("*") if p.is_file()) for f in (a, b)]
    names = [[p.relative_to(f).as_posix() for p in found] for f, found in zip((a, b), files, strict=True)]
    return names[0] == names[1] and all(x.read_bytes() == y.read_bytes() for x, y in zip(*files, strict=True))
