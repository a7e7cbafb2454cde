"""A folder of documents with their summaries, as a table.

A document is a file; its summary lies beside it as NAME.summary.txt (or .md), or in the folder's `summaries.csv`
(.tsv, .jsonl, .parquet), whose rows name the file in a column `file` and may say more of it (title, language,
licence, id).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft.core.columns import match_columns
from redraft.core.errors import InputError, RedraftError
from redraft.core.work import Work
from redraft.tasks.summary.documents.files import MARKDOWN, TEXT, read_file
from redraft.tasks.summary.documents.pdf_process import FAULTS
from redraft.tasks.summary.imports.lines import Csv, JsonLines
from redraft.tasks.summary.imports.parquet import ParquetTable
from redraft.tasks.summary.imports.tables import Row, Table
from redraft.tasks.summary.pages.style import PageStyle

DOCUMENTS = (*TEXT, *MARKDOWN, ".pdf")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
TABLES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
SUMMARY_SUFFIXES = (".summary.txt", ".summary.md")
LIST_STEM = "summaries"
SPLIT_FOLDERS = ("train", "validation", "val", "dev", "test")
"""Names of folders at the top that say which split their documents are."""
FILE_NAMES = ("file", "filename", "file_name", "path", "document", "name")
WITHOUT_TEXT = (FAULTS["scanned"][0], FAULTS["unreadable"][0])
"""Faults of a PDF whose own pages can still be shown."""
MAX_SUMMARY = 1 << 20
"""Bytes of a summary's file."""


def open_table(path: Path, stem: str, longest: int) -> Table:
    """A file of rows by its suffix; any other is an InputError. longest: bytes of a row of text."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return ParquetTable(path, stem)
    if suffix in (".csv", ".tsv"):
        return Csv(path, stem, longest)
    if suffix in (".jsonl", ".ndjson"):
        return JsonLines(path, stem, longest)
    raise InputError(
        f"a file of this kind is not read ('{suffix or path.name}')",
        where=str(path),
        remedy="Give JSON Lines (.jsonl), .csv, .tsv, .parquet, or a folder of documents with their summaries",
    )


class Folder:
    """The documents below a folder in the order of their names. Hidden files are passed over."""

    columns: tuple[str, ...] = (
        *("id", "text", "image", "summary", "title", "language", "format", "licence", "file", "original_split"),
    )

    def __init__(self, folder: Path, work: Work, longest: int, options: Mapping[str, Any]) -> None:
        """options: the task's complete ones; a text beyond `max_characters` is refused unread."""
        self.path, self.stem = folder, folder.name
        self._work, self._options, self._at = work, options, 0
        self._facts = _listed(folder, longest, work)
        self._files: list[Path] = []
        self._ids: dict[str, Path] = {}
        self._find()

    def name(self, place: int) -> str:
        return self._id(self._files[place])

    def size(self) -> int:
        return len(self._files)

    def position(self) -> int:
        return self._at

    def read(
        self, names: Collection[str], places: Sequence[int] | None = None
    ) -> Iterator[tuple[int, Row | InputError]]:
        for place in range(len(self._files)) if places is None else places:
            self._at = place + 1
            file = self._files[place]
            facts = self._facts.get(self._name(file), {})
            row: dict[str, Any] = {"id": facts.get("id") or self._id(file), "file": self._name(file)}
            if self._name(file).partition("/")[0].lower() in SPLIT_FOLDERS:
                row["original_split"] = self._name(file).partition("/")[0]
            if "text" not in names:
                yield place, row
                continue
            try:
                row |= self._content(file) | {name: value for name, value in facts.items() if value}
                row["summary"] = row.get("summary") or _summary_beside(file)
                yield place, row
            except RedraftError as error:
                yield place, InputError(error.what, remedy=error.remedy)

    def _content(self, file: Path) -> dict[str, Any]:
        if file.suffix.lower() in PICTURES:
            return {"image": file.read_bytes()}
        try:
            found = read_file(file, self._work, int(self._options["max_characters"]))
        except InputError as error:
            if error.what not in WITHOUT_TEXT:
                raise
            return {"image": self._own_pages(file)}
        return {"text": found.text, "format": found.format, "title": found.title}

    def _own_pages(self, file: Path) -> list[bytes]:
        """The pages of a scanned PDF, as large as the style draws pages; one more than may be, to know of it."""
        from redraft.tasks.summary.documents.pdf import pdf_pages

        width, height = PageStyle.from_data(self._options["style"]).pixels
        most, cut = int(self._options["max_pages"]), self._options["long"] == "cut"
        return pdf_pages(file, width, height, self._work, most if cut else most + 1)

    def _find(self) -> None:
        lists = {self.path / f"{LIST_STEM}{suffix}" for suffix in TABLES}
        summaries: list[Path] = []
        for path in sorted(self.path.rglob("*")):
            parts = path.relative_to(self.path).parts
            if not path.is_file() or any(part.startswith(".") for part in parts) or path in lists:
                continue
            if path.name.endswith(SUMMARY_SUFFIXES):
                summaries.append(path)
            elif path.suffix.lower() not in (*DOCUMENTS, *PICTURES):
                kind = f"'{path.suffix}'" if path.suffix else "no suffix"
                self._work.left_out(self._name(path), f"no kind of document that is read: {kind}")
            elif self._ids.setdefault(self._id(path), path) != path:
                other = self._name(self._ids[self._id(path)])
                self._work.left_out(self._name(path), f"another file is the document of this name: {other}")
            else:
                self._files.append(path)
        known = {self._name(file) for file in self._files}
        for path in summaries:
            if not any(_summary_file(file) == path for file in self._files):
                self._work.left_out(self._name(path), "there is no document for this summary")
        for name in self._facts.keys() - known:
            self._work.left_out(name, "the list of summaries names a document that is not there")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _id(self, path: Path) -> str:
        return path.relative_to(self.path).with_suffix("").as_posix()


def holds_documents(folder: Path) -> bool:
    """Whether a folder holds documents rather than tables alone."""
    return any(
        path.suffix.lower() in (*DOCUMENTS, *PICTURES) and not path.name.startswith(".")
        for path in folder.rglob("*")
    )


def _listed(folder: Path, longest: int, work: Work) -> dict[str, Mapping[str, Any]]:
    """File name to what the folder's list of summaries says of it."""
    path = next((p for suffix in TABLES if (p := folder / f"{LIST_STEM}{suffix}").is_file()), None)
    if path is None:
        return {}
    table = open_table(path, LIST_STEM, longest)
    usual = {"file": FILE_NAMES, "summary": ("summary", "abstract", "highlights")} | {
        name: (name,) for name in ("id", "title", "language", "licence")
    }
    columns = match_columns(usual, (("file",), ("summary",)), {}, table.columns, str(path))
    found: dict[str, Mapping[str, Any]] = {}
    for place, row in table.read(set(columns.values())):
        where = f"{path.name} row {place}"
        if isinstance(row, InputError):
            work.left_out(where, row.what)
            continue
        facts = {ours: row.get(theirs) for ours, theirs in columns.items()}
        name = str(facts.pop("file") or "").replace("\\", "/").removeprefix("./")
        if found.setdefault(name, facts) is not facts:
            work.left_out(where, f"this document is named before: {name}")
    return found


def _summary_file(file: Path) -> Path | None:
    stem: Callable[[str], Path] = lambda suffix: file.with_name(file.stem + suffix)  # noqa: E731
    return next((path for suffix in SUMMARY_SUFFIXES if (path := stem(suffix)).is_file()), None)


def _summary_beside(file: Path) -> str:
    path = _summary_file(file)
    if path is None:
        raise InputError("there is no summary", remedy=f"Write it into {file.stem}{SUMMARY_SUFFIXES[0]} beside it")
    if path.stat().st_size > MAX_SUMMARY:
        raise InputError(f"the summary is too long: {path.stat().st_size / 1e6:.0f} MB")
    return path.read_bytes().decode("utf-8-sig", "surrogateescape")
