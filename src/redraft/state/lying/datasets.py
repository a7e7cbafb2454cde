"""A dataset's folder as columns of its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.state.lying.files import card_head, label, read_json

MANIFEST, KIND = "manifest.json", "redraft dataset"
ABOUT = ("revision", "seed", "options", "images", "source", "versions", "ledger", "languages")
"""Keys of the manifest that a row keeps as they are; files and the list of what was left out stay there."""


def dataset_columns(folder: Path, manifest: dict[str, Any] | None = None) -> dict[str, Any]:
    """name, task, counts, fingerprint, bytes, licence and about, from the manifest and the card.

    InputError where the manifest cannot be understood, or a file that it lists is missing or of another size.
    """
    manifest = read_json(folder / MANIFEST) if manifest is None else manifest
    title = str(card_head(folder).get("pretty_name") or "")[:200]
    try:
        files = {str(file["path"]): int(file["bytes"]) for file in manifest["files"]}
        left_out = manifest.get("left_out") or {}
        columns = {
            "name": label(folder, title),
            "task": str(manifest["task"]),
            "counts": {str(split): int(count) for split, count in manifest["counts"].items()},
            "fingerprint": str(manifest["fingerprint"]),
            "bytes": sum(files.values()),
            "licence": (manifest.get("source") or {}).get("licence"),
            "about": {"title": title}
            | {name: manifest.get(name) for name in ABOUT}
            | {"left_out": {name: left_out.get(name) for name in ("count", "reasons")}},
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"its manifest is not whole ({type(error).__name__}: {error})"
        raise InputError(what, where=str(folder)) from None
    for path, size in files.items():
        _check(folder, path, size)
    return columns


def _check(folder: Path, path: str, size: int) -> None:
    file = folder / path
    # by its words: a hub client's cache holds links to its files
    if (file.is_absolute() and not file.is_relative_to(folder)) or ".." in Path(path).parts:
        raise InputError("its manifest names a file outside of it", where=str(folder))
    if not file.is_file() or file.stat().st_size != size:
        raise InputError(f"its file {path} is missing or cut", where=str(folder))
