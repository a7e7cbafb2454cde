"""`manifest.json`: what a dataset folder holds, how it was made, and what was left out and why."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redraft.core.errors import InputError, UsageError

FORMAT = 1
"""Grows when a folder of ours could no longer be read by the version before."""
NAME = "manifest.json"
KIND = "redraft dataset"
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Source(Part):
    """how: the verb and its settings, one line. origin: where the material comes from. licence: of the content."""

    how: str = ""
    origin: str = ""
    licence: str = "unknown"


class File(Part):
    """path: relative to the folder, with forward slashes. rows: of a Parquet shard, else None."""

    path: str
    bytes: Count
    sha256: str
    split: str | None = None
    rows: Count | None = None

    @property
    def leads_out(self) -> bool:
        """Whether the path leaves the folder, by its words: a hub client's cache holds links to its files."""
        paths = (PurePosixPath(self.path), PureWindowsPath(self.path))
        return any(".." in path.parts or path.anchor for path in paths)


class Omission(Part):
    id: str
    reason: str


class LeftOut(Part):
    """count: all of them. reasons: how many had each reason (its text up to the first colon). examples: all of
    them where they are few; else file names a JSON Lines file that lists them all."""

    count: Count = 0
    reasons: dict[str, int] = {}
    examples: tuple[Omission, ...] = ()
    file: str | None = None


class Rights(Part):
    """One line of the ledger: how many examples come from a source, and under which licence."""

    source: str
    licence: str
    examples: Count


class About(Part):
    """What the task says of its data for the card. categories: the hub's names of tasks. fields: of a truth."""

    categories: tuple[str, ...] = ()
    fields: dict[str, str] = {}


class Manifest(Part):
    kind: Literal["redraft dataset"] = "redraft dataset"
    format: int = FORMAT
    task: str
    revision: str
    options: dict[str, Any] = {}
    seed: int | None = None
    images: Literal["stored", "drawn"] = "stored"
    """drawn: the folder keeps no images; the reader draws them from truth and seed."""
    counts: dict[str, Count]
    fingerprint: str
    fingerprints: dict[str, str]
    versions: dict[str, str] = {}
    source: Source = Source()
    ledger: tuple[Rights, ...] = ()
    """Whose the examples are, the largest source first; the counts add up to all examples."""
    languages: dict[str, int] = {}
    """Examples by the language that their truth names (BCP 47)."""
    about: About = About()
    left_out: LeftOut = LeftOut()
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all listed files."""
        return sum(file.bytes for file in self.files)


def read_manifest(folder: Path | str) -> Manifest | None:
    """The folder's manifest, or None where it has none.

    A missing folder is a UsageError; a manifest of another kind, of a newer format or a broken one an InputError.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(
            "this is a file, not a dataset folder" if folder.exists() else "there is no such dataset",
            where=str(folder),
            remedy="Give a folder made by `redraft data generate` or `redraft data import`",
        )
    path = folder / NAME
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"the manifest cannot be read ({str(error).splitlines()[0]})",
            where=str(path),
            remedy="Make the dataset again, or remove the manifest to open the Parquet files alone",
        ) from None
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise InputError(
            "this folder is not a dataset",
            where=str(path),
            remedy="Give a folder made by `redraft data generate` or `redraft data import`",
        )
    newer = data.get("format")
    if isinstance(newer, int) and newer > FORMAT:
        raise InputError(
            f"this dataset has format {newer}; this version of redraft reads up to {FORMAT}",
            where=str(path),
            remedy="Install a newer redraft",
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"the manifest's '{key}' is wrong ({first['msg']})", where=str(path), remedy="Make the dataset again"
        ) from None
