"""Rows that others wrote, as examples of a task that reads such rows: a text and its summary, for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redraft.core.columns import match_columns
from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.offers import ReadsRows, offers
from redraft.core.task import Task
from redraft.datasets.fingerprint import Fingerprint, digest
from redraft.datasets.foreign import CONVERSATION
from redraft.datasets.parquet import Shard
from redraft.datasets.repository import hub_name


@dataclass(frozen=True)
class RowReading:
    """How rows become examples. constants: our columns that are the same in all rows, where a row has none."""

    task: Task
    options: Mapping[str, Any]
    constants: Mapping[str, str]

    @property
    def reader(self) -> ReadsRows:
        found = offers(self.task, ReadsRows)
        assert found is not None
        return found


def reads_rows(task: Task | None, mapping: Mapping[str, str], present: tuple[str, ...]) -> bool:
    """Whether a table's rows are read by the task: it reads rows, and they are no conversations."""
    found = None if task is None else offers(task, ReadsRows)
    if found is None:
        return False
    named = {name for name in (*mapping, *present) if name in CONVERSATION}
    conversation = "messages" in named or named >= {"question", "answer"}
    return not conversation or bool(mapping.keys() & {name for group in found.row_needed for name in group})


class RowColumns:
    """A table's columns, as `foreign.Columns` is for conversations."""

    def __init__(
        self, reading: RowReading, mapping: Mapping[str, str], present: tuple[str, ...], where: str
    ) -> None:
        reader = reading.reader
        self._reading = reading
        self.names = match_columns(reader.row_columns, reader.row_needed, mapping, present, where)

    @property
    def needed(self) -> tuple[str, ...]:
        """Their columns that are read."""
        return tuple(dict.fromkeys(self.names.values()))

    def example(self, row: Mapping[str, Any], split: str, index: int, where: str) -> Example:
        """The row as an example; without an id of its own, split and index name it. A misfit is an InputError."""
        ours = self.ours(row, split, index)
        try:
            return self._reading.reader.from_row(ours, str(ours["id"]), self._reading.options)
        except InputError as error:
            raise InputError(error.what, where=where, remedy=error.remedy) from None

    def ours(self, row: Mapping[str, Any], split: str, index: int) -> dict[str, Any]:
        """The row by our columns' names, with what is the same in all rows and where it is from."""
        found: dict[str, Any] = dict(self._reading.constants)
        found |= {ours: row[theirs] for ours, theirs in self.names.items() if row.get(theirs) not in (None, "")}
        if "id" not in found:
            found["id"] = f"{split}-{index:08d}"
        return found

    def survey(self, split: str, shards: list[Shard]) -> Survey:
        """One reading of all rows: which of them are examples, why the others are not, and one number of all."""
        collected = Fingerprint()
        left_out: list[tuple[str, str]] = []
        chosen: list[int] = []
        at = 0
        for shard in shards:
            for row in shard.iterate(self.needed):
                ours = self.ours(row, split, at)
                collected.add(_digest(ours))
                fault = self._reading.reader.row_fault(ours, self._reading.options)
                if fault is None:
                    chosen.append(at)
                else:
                    left_out.append((str(ours["id"]), fault))
                at += 1
        return Survey(tuple(chosen) if left_out else None, tuple(left_out), collected.hex())


@dataclass(frozen=True)
class Survey:
    """chosen: indices of the rows that are examples, None for all of them."""

    chosen: tuple[int, ...] | None
    left_out: tuple[tuple[str, str], ...]
    fingerprint: str


def _digest(row: Mapping[str, Any]) -> bytes:
    images: list[dict[str, Any]] = []
    plain: dict[str, Any] = {}
    for name, value in row.items():
        pages = value if isinstance(value, list) else [value]
        if pages and all(isinstance(page, Mapping) and "bytes" in page for page in pages):
            images += [{"path": "", "bytes": page["bytes"]} for page in pages]
        else:
            plain[name] = value if isinstance(value, str | int | float | bool | list) else repr(value)
    return digest({"id": str(row["id"]), "seed": 0, "truth": plain, "messages": [], "images": images})


@dataclass(frozen=True)
class Repository:
    """A repository on the hub as it is to be read: what was said of it, and what the task knows of it."""

    repo: str
    config: str
    revision: str | None
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    licence: str

    @property
    def name(self) -> str:
        """As `hf:` names it, without the prefix and the configuration."""
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


def repository(
    task: Task | None, source: str, columns: Mapping[str, str] | None = None, config: str = "", licence: str = ""
) -> Repository:
    """source: `hf:owner/name[/config][@revision]`. What is given wins over what is known."""
    repo, written, revision = hub_name(source)
    found = None if task is None else offers(task, ReadsRows)
    sets = {} if found is None else found.known_sets
    known = next((known for name, known in sets.items() if name.lower() == repo.lower()), None)
    config = config or written or (known.name if known else "")
    said = licence or (known.licence if known else "")
    constants = {"source_dataset": repo} | ({"licence": said} if said else {})
    if known is not None:
        constants |= {**known.constants, **known.of_name.get(config, {})}
        if known.of_name and config not in known.of_name:
            names = ", ".join(known.of_name)
            raise UsageError(
                f"it has several configurations: {names}"
                if not config
                else f"there is no configuration '{config}'",
                where=source,
                remedy=f"Name one of {names}: hf:{repo}/{next(iter(known.of_name))}, or --name to import it",
            )
    return Repository(
        repo, config, revision or (known.revision if known else None), columns or (known.columns if known else {}),
        constants, said,
    )  # fmt: skip
