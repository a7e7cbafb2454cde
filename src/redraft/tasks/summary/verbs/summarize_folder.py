"""`redraft summarize FOLDER`: a summary a document, written as soon as it is there.

`summaries.jsonl` in the output has a line a document: what `--json` says of it, and what its summary depends on. A
document whose line and summary are there is not summarised again, unless it, the model or the settings changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from redraft.core.atomic import output_error, write_text
from redraft.core.errors import InputError, OutputError, RedraftError, UsageError
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.summary.given import Given, find_documents, open_document
from redraft.tasks.summary.showing import Showing, Shown
from redraft.tasks.summary.summarising import summarise
from redraft.tasks.summary.verbs.summarize import predictor_of, showing_of, write_pages

RECORD = "summaries.jsonl"
END = ".summary.txt"
BATCH = 8
"""Documents that the model is asked about at once."""
DEPENDS = ("model", "style", "max_pages", "pdf_pages", "language", "ratio", "max_new_tokens", "loop_stop")
"""Parts of a request on which a summary depends."""


def summarize_folder(source: Path, request: Request, work: Work) -> Result:
    """Summarises what the record does not hold yet. Exit code 1 where a document has no summary."""
    output = Path(request["output"]) if request.get("output") else source.with_name(f"{source.name}-summaries")
    if output.is_file():
        raise UsageError("a folder of documents needs an output folder", where=str(output), remedy="Give -o DIR")
    documents = find_documents(source)
    names = [str(path.relative_to(source)) for path in documents]
    files = dict(zip(names, summary_files(names), strict=True))
    record = Record(output, hash_of(_settings(request)), fresh=bool(request.get("force")))
    marks = {name: hash_of_file(path) for name, path in zip(names, documents, strict=True)}
    waiting = [name for name in names if not record.has(name, marks[name])]
    done = len(names) - len(waiting)
    if done:
        work.log(f"{done:,} of {len(names):,} documents are done already and are passed over")
    failed: list[dict[str, str]] = []
    finished: list[dict[str, Any]] = []
    showing: Showing | None = None
    for batch in _batches(waiting, BATCH):
        given = list(_opened(batch, source, request, work, failed))
        if given and showing is None:  # no model is loaded for documents that cannot be read
            predictor = predictor_of(request, work)
            showing = showing_of(request, predictor, work)
        shown = list(_shown(given, showing, work, failed)) if showing is not None else []
        for summary in summarise(shown, predictor) if shown else []:
            name = summary.shown.given.name
            if not summary.text:
                failed.append(_failure(name, "the model answered nothing", work))
                continue
            write_text(output / files[name], summary.text + "\n")
            if request.get("pages"):
                _keep_pages(Path(request["pages"]), summary.shown)
            finished.append({**summary.as_data(), "file": files[name]})
            record.add(name, marks[name], finished[-1])
        work.progress("summarising", done + len(finished) + len(failed), len(names))
    rows = [record.rows[name] for name in names if record.has(name, marks[name])]
    return Result(
        {
            "documents": len(names),
            "summarised": len(finished),
            "already_done": done,
            "failed": failed,
            "finish": dict(Counter(str(row["finish"]) for row in rows)),
            "with_claims_not_in_source": sum(bool(row["not_in_source"]) for row in rows),
            "output": str(output),
            "record": str(output / RECORD),
            "summaries": rows,
        },
        exit_code=int(bool(failed)),
    )


def _opened(
    names: Sequence[str], source: Path, request: Request, work: Work, failed: list[dict[str, str]]
) -> Iterator[Given]:
    language = request.get("language") or ""
    for name in names:
        path = source / name
        own = bool(request.get("pdf_pages")) and path.suffix.lower() == ".pdf"
        try:
            yield open_document(path, name, work, own_pages=own, language=language)
        except InputError as error:
            failed.append(_failure(name, _reason(error), work))


def _shown(given: Sequence[Given], showing: Showing, work: Work, failed: list[dict[str, str]]) -> Iterator[Shown]:
    for one in given:
        try:
            yield showing.show(one)
        except InputError as error:
            failed.append(_failure(one.name, _reason(error), work))


def _failure(name: str, reason: str, work: Work) -> dict[str, str]:
    work.log(f"{name}: {reason}", "warning")  # each is told: there may be more than a manifest's summary shows
    return {"document": name, "reason": reason}


def _reason(error: RedraftError) -> str:
    return f"{error.what}. {error.remedy}" if error.remedy else error.what


def _keep_pages(folder: Path, shown: Shown) -> None:
    place = folder / shown.given.name
    if place.is_dir():
        shutil.rmtree(place)  # those of an earlier summary of the same document
    write_pages(folder, [shown])


def summary_files(names: Sequence[str]) -> list[str]:
    """Each document's summary: its name with another ending, or behind the whole name where two would be one."""
    short = [str(Path(name).with_suffix("")) + END for name in names]
    shared = {name for name, count in Counter(map(str.lower, short)).items() if count > 1}
    return [name + END if own.lower() in shared else own for name, own in zip(names, short, strict=True)]


def _settings(request: Request) -> dict[str, Any]:
    """What a summary depends on; what is not given is the same as its default."""
    found = {name: request.get(name) or None for name in DEPENDS}
    model = Path(str(found["model"]))
    return {**found, "model": str(model.absolute()) if model.exists() else str(model)}


def hash_of(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def hash_of_file(path: Path) -> str:
    """Of its bytes; empty where it cannot be read, which opening it will say."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return ""


def _batches(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


class Record:
    """The lines of `summaries.jsonl`. rows: document to what is known of its summary; its last line wins."""

    def __init__(self, folder: Path, settings: str, *, fresh: bool = False) -> None:
        self.path, self.folder, self.settings = folder / RECORD, folder, settings
        self.rows: dict[str, dict[str, Any]] = {}
        self._fresh = fresh
        if self.path.is_file() and not fresh:
            self._read()
        elif folder.is_dir() and any(folder.iterdir()) and not fresh:
            raise OutputError(
                f"the output exists already, without a {RECORD} to go on from",
                where=str(folder),
                remedy="Choose another output with -o, or give --force",
            )

    def has(self, name: str, mark: str) -> bool:
        """Whether a document's summary is there, made of the same bytes with the same settings."""
        row = self.rows.get(name)
        if row is None or (row.get("document_hash"), row.get("settings_hash")) != (mark, self.settings):
            return False
        return (self.folder / str(row["file"])).is_file()

    def add(self, name: str, mark: str, value: dict[str, Any]) -> None:
        """Appends a line and waits until the disk has it."""
        row = {**value, "document_hash": mark, "settings_hash": self.settings}
        try:
            with self.path.open("w" if self._fresh else "a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise output_error(self.path, error) from error
        self._fresh = False
        self.rows[name] = row

    def _read(self) -> None:
        text = self.path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]  # a line that was being written when the power went is not there
        if whole != text:
            write_text(self.path, whole)
        for line in whole.splitlines():
            try:
                row = json.loads(line)
                self.rows[row["document"]] = {"file": "", **row}
            except (ValueError, KeyError, TypeError):
                raise OutputError(
                    "this is no record of summaries", where=str(self.path), remedy="Choose another output with -o"
                ) from None
