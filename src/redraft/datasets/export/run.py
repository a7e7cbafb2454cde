"""Writes a dataset in another format: one file of conversations a split, and a folder of images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TextIO, get_args

from redraft.core.atomic import new_folder, output_error, write_json
from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.work import Work
from redraft.datasets.export import formats
from redraft.datasets.export.images import ImageFolder, montage
from redraft.datasets.manifest import Source
from redraft.datasets.reader import Dataset
from redraft.datasets.writer import DatasetWriter

Format = Literal["tinyllava", "sharegpt", "openai"]
FORMATS: tuple[Format, ...] = get_args(Format)
LAYOUTS: tuple[formats.Layout, ...] = get_args(formats.Layout)
IMAGES = "images"
RECORD = "export.json"


def export(
    dataset: Dataset,
    out: Path | str,
    format: str,
    work: Work,
    *,
    layout: str = "view",
    embed: bool = False,
    sheet: formats.Montage = montage,
) -> dict[str, Any]:
    """Writes `out`: `<split>.json` (openai: `.jsonl`), `images/<split>/...` and `export.json`, its own record.

    layout: of tinyllava rows (view, montage, part). embed: openai images inside the rows. sheet: puts the
    images of a montage together; by default in a square grid. Returns what export.json
    holds (format, layout, task, fingerprint, examples and conversations by split, images), output and bytes. An
    example whose images are missing or do not match its messages is an InputError; `data check` lists all of them.
    """
    rows = _rows(format, layout, embed, sheet)
    out = Path(out)
    total = sum(dataset.counts.values())
    with new_folder(out) as root:
        folder = ImageFolder(root / IMAGES)
        files = _Files(root, lines=format == "openai")
        with files:
            for done, (split, example) in enumerate(examples_of(dataset), 1):
                _refuse_unsound(example, dataset)
                for row in rows(example, split, folder):
                    files.write(split, row)
                work.progress("exporting examples", done, total, f"{folder.count:,} images")
        if format == "sharegpt":
            write_json(root / "dataset_info.json", _dataset_info(files.counts))
        record = {
            "format": format,
            **({"layout": layout} if format == "tinyllava" else {}),
            "task": dataset.task,
            "fingerprint": dataset.fingerprint,
            "examples": dataset.counts,
            "conversations": files.counts,
            "images": folder.count,
        }
        write_json(root / RECORD, record)
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return record | {"bytes": size, "output": str(out)}


def materialise(dataset: Dataset, out: Path | str, work: Work) -> dict[str, Any]:
    """Writes the dataset again with all images in it."""
    manifest = dataset.manifest
    total = sum(dataset.counts.values())
    how = (
        f"{manifest.source.how}; images drawn by `data export --materialise`" if manifest else "from Parquet files"
    )
    source = manifest.source.model_copy(update={"how": how}) if manifest else Source(how=how)
    with DatasetWriter(
        out,
        task=manifest.task if manifest else "",
        revision=manifest.revision if manifest else "",
        options={**dataset.options, **({"keep_images": True} if "keep_images" in dataset.options else {})},
        seed=manifest.seed if manifest else None,
        versions=manifest.versions if manifest else {},
        source=source,
        about=manifest.about if manifest else None,
    ) as writer:
        for done, (split, example) in enumerate(examples_of(dataset), 1):
            writer.add(split, example)
            work.progress("writing examples", done, total)
    assert writer.manifest is not None
    written = writer.manifest
    return {
        "format": "parquet",
        "examples": written.counts,
        "fingerprint": written.fingerprint,
        "bytes": written.bytes,
        "output": str(out),
    }


def examples_of(dataset: Dataset) -> Iterator[tuple[str, Example]]:
    """Every example with its split, in order, with its images as they are kept."""
    for name, split in dataset.splits.items():
        split.for_keeping()
        for example in split:
            yield name, example


class _Files:
    """One growing file of rows a split: a JSON list with one row a line, or JSON Lines."""

    def __init__(self, root: Path, lines: bool) -> None:
        self._root, self._lines = root, lines
        self._open: dict[str, TextIO] = {}
        self.counts: dict[str, int] = {}

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._open.values():
            try:
                if not self._lines and error[0] is None:
                    file.write("\n]\n")
            finally:
                file.close()

    def write(self, split: str, row: dict[str, Any]) -> None:
        try:
            if split not in self._open:
                path = self._root / f"{split}.{'jsonl' if self._lines else 'json'}"
                self._open[split] = path.open("x", encoding="utf-8")
                self.counts[split] = 0
            text = json.dumps(row, ensure_ascii=False)
            before = "" if self._lines else (",\n" if self.counts[split] else "[\n")
            self._open[split].write(before + text + ("\n" if self._lines else ""))
        except OSError as error:
            raise output_error(self._root, error) from error
        self.counts[split] += 1


def _rows(format: str, layout: str, embed: bool, sheet: formats.Montage) -> formats.Rows:
    if format == "tinyllava" and layout in LAYOUTS:
        return formats.tinyllava(layout, sheet)
    if format == "sharegpt":
        return formats.sharegpt
    if format == "openai":
        return formats.openai(embed)
    if format != "tinyllava":
        raise UsageError(f"there is no format '{format}'", remedy=f"Choose one of: {', '.join(FORMATS)}")
    raise UsageError(f"there is no layout '{layout}'", remedy=f"Choose one of: {', '.join(LAYOUTS)}")


def _refuse_unsound(example: Example, dataset: Dataset) -> None:
    places = sum(m.image_count for m in example.messages)
    if places != len(example.images) or not example.answer or any(not i.bytes for i in example.images):
        what = "there is no answer" if not example.answer else f"{places} places for {len(example.images)} images"
        raise InputError(
            f"this example cannot be exported ({what})",
            where=f"{dataset.folder}, {example.id}",
            remedy="`redraft data check` lists all faults",
        )


def _dataset_info(counts: dict[str, int]) -> dict[str, Any]:
    """LLaMA-Factory's description of its data folder."""
    columns = {"messages": "conversations", "images": "images", "system": "system"}
    return {
        f"redraft_{split}": {"file_name": f"{split}.json", "formatting": "sharegpt", "columns": columns}
        for split in counts
    }
