"""Writes a dataset folder: Parquet shards, manifest and card, whole or not at all.

Examples stream in, in any order of splits; memory holds one row group a split and eight bytes an example.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from redraft.core.atomic import new_folder, output_error, write_json, write_text
from redraft.core.errors import InputError, OutputError, UsageError
from redraft.core.example import Example
from redraft.datasets.card import card_text
from redraft.datasets.fingerprint import SHORT, combine
from redraft.datasets.manifest import NAME, About, File, LeftOut, Manifest, Omission, Rights, Source
from redraft.datasets.rows import to_row
from redraft.datasets.shards import SHARD_BYTES, HashingFile, SplitWriter

SPLITS = ("train", "validation", "test")
LISTED = 100
"""Omissions listed in the manifest itself; above it, all of them go into `left_out.jsonl`."""
CARD = "README.md"


class DatasetWriter:
    """A context manager: `with DatasetWriter(...) as writer: writer.add("train", example)`.

    At the end of the block the folder is complete and `writer.manifest` holds what was written; after an error
    nothing is left of it. A folder that exists already is an OutputError before anything is made. keep_images:
    False says that the reader shall draw the images of every example that comes without them.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        task: str,
        revision: str,
        options: Mapping[str, Any],
        seed: int | None = None,
        versions: Mapping[str, str] | None = None,
        source: Source | None = None,
        keep_images: bool = True,
        title: str = "",
        about: About | None = None,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self.folder = Path(folder)
        self.manifest: Manifest | None = None
        self._task, self._revision, self._options = task, revision, dict(options)
        self._seed, self._versions = seed, dict(versions or {})
        self._source, self._keep_images, self._title = source or Source(), keep_images, title
        self._shard_bytes, self._about = shard_bytes, about or About()
        self._ledger: Counter[tuple[str, str]] = Counter()
        self._languages: Counter[str] = Counter()
        self._splits: dict[str, SplitWriter] = {}
        self._ids: set[bytes] = set()
        self._omissions: list[Omission] = []
        self._stack = ExitStack()
        self._root = self.folder

    def __enter__(self) -> DatasetWriter:
        self._root = self._stack.enter_context(new_folder(self.folder))
        (self._root / "data").mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._abandon()
            self._stack.__exit__(kind, error, trace)  # removes the folder and lets the error go on
            return
        with self._stack:
            try:
                self._finish()
            except OSError as fault:
                raise output_error(self.folder, fault) from fault
            finally:
                self._abandon()

    def add(self, split: str, example: Example, rights: tuple[str, str] | None = None) -> None:
        """Adds an example at the end of a split. An id that is taken, or content no row can hold, is an InputError
        and leaves the dataset as it was. rights: source and licence, where its truth's `source` says nothing."""
        if not re.fullmatch(r"[A-Za-z0-9_]+", split):
            raise UsageError(f"'{split}' is no name for a split", remedy="Use letters, digits and underscores")
        row = to_row(example)
        key = _short(example.id)
        if key in self._ids:
            raise InputError(
                "another example has the same id", where=example.id, remedy="Give every example an id of its own"
            )
        self._ids.add(key)
        if split not in self._splits:
            self._splits[split] = SplitWriter(self._root / "data", split, self._shard_bytes)
        try:
            self._splits[split].add(row)
        except OSError as error:
            raise output_error(self.folder, error) from error
        self._ledger[rights_of(example.truth, *(rights or (self._source.origin, self._source.licence)))] += 1
        if isinstance(language := example.truth.get("language"), str) and language:
            self._languages[language] += 1

    def left_out(self, id: str, reason: str) -> None:
        """Notes an input that did not become an example; a reason that begins with the id does not repeat it."""
        reason = reason.removeprefix(f"{id}: ")
        self._omissions.append(Omission(id=_printable(id), reason=_printable(reason)))

    @property
    def counts(self) -> dict[str, int]:
        """Examples so far, by split, the usual splits first."""
        order = [*(s for s in SPLITS if s in self._splits), *sorted(set(self._splits) - set(SPLITS))]
        return {name: self._splits[name].fingerprint.count for name in order}

    def _abandon(self) -> None:
        for split in self._splits.values():
            split.abandon()

    def _finish(self) -> None:
        counts = self.counts
        if not sum(counts.values()):
            raise _nothing(self.folder, self._omissions)
        files: list[File] = []
        for name in counts:
            files += self._splits[name].finish()
        for name in counts:
            files.append(self._write_digests(name))
        left_out, listed = self._left_out()
        fingerprints = {name: self._splits[name].fingerprint.hex() for name in counts}
        self.manifest = Manifest(
            task=self._task,
            revision=self._revision,
            options=self._options,
            seed=self._seed,
            images="stored" if self._keep_images else "drawn",
            counts=counts,
            fingerprint=combine(self._task, self._revision, self._options, fingerprints),
            fingerprints=fingerprints,
            versions=self._versions,
            source=self._source,
            ledger=tuple(
                Rights(source=source, licence=licence, examples=count)
                for (source, licence), count in sorted(self._ledger.items(), key=lambda item: (-item[1], item[0]))
            ),
            languages=dict(sorted(self._languages.items(), key=lambda item: (-item[1], item[0]))),
            about=self._about,
            left_out=left_out,
            files=(*files, *listed),
        )
        write_text(self._root / CARD, card_text(self.manifest, self._title))
        write_json(self._root / NAME, self.manifest.model_dump(mode="json"))

    def _write_digests(self, split: str) -> File:
        folder = self._root / "digests"
        folder.mkdir(exist_ok=True)
        digits = self._splits[split].digests.hex()
        text = "".join(f"{digits[at : at + SHORT]}\n" for at in range(0, len(digits), SHORT))
        return _plain_file(folder / f"{split}.txt", f"digests/{split}.txt", text, split)

    def _left_out(self) -> tuple[LeftOut, tuple[File, ...]]:
        reasons = Counter(o.reason.partition(":")[0].strip() for o in self._omissions)
        count = len(self._omissions)
        common = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
        if count <= LISTED:
            return LeftOut(count=count, reasons=common, examples=tuple(self._omissions)), ()
        text = "".join(json.dumps(o.model_dump(), ensure_ascii=False) + "\n" for o in self._omissions)
        name = "left_out.jsonl"
        return LeftOut(count=count, reasons=common, file=name), (_plain_file(self._root / name, name, text, None),)


def rights_of(truth: Mapping[str, Any], source: str, licence: str) -> tuple[str, str]:
    """Source and licence of an example: its truth's `source` (dataset, licence), as far as it says them, wins."""
    own = truth.get("source")
    if not isinstance(own, Mapping):
        return source, licence
    return str(own.get("dataset") or source), str(own.get("licence") or licence)


def _plain_file(path: Path, name: str, text: str, split: str | None) -> File:
    file = HashingFile(path)
    file.write(text.encode())
    file.close()
    return File(path=name, bytes=file.size, sha256=file.sha256(), split=split)


def _nothing(folder: Path, omissions: list[Omission]) -> OutputError | InputError:
    if not omissions:
        return InputError(
            "there is no example to write", where=str(folder), remedy="Check the source and the counts"
        )
    reason, count = Counter(o.reason for o in omissions).most_common(1)[0]
    first = next(o.id for o in omissions if o.reason == reason)
    return InputError(
        f"all {len(omissions)} inputs were left out, {count} of them because: {reason} (such as {first})",
        where=str(folder),
        remedy="Check the source",
    )


def _short(id: str) -> bytes:
    return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
