"""What lies in folders: datasets, runs and models, known by their files and read without opening any of them.

A dataset has a manifest.json of ours (docs/datasets.md), a run a recipe.yaml (docs/training.md), a model a
config.json or adapter_config.json beside safetensors (docs/models.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from redraft.core.errors import InputError
from redraft.state.lying.datasets import KIND, MANIFEST, dataset_columns
from redraft.state.lying.files import Fault, Found, read_json
from redraft.state.lying.models import is_model, model_columns, pulled
from redraft.state.lying.runs import is_run, run_in

__all__ = ["DEPTH", "Fault", "Found", "look", "pulled", "recognise"]

DEPTH = 5
"""Folders below a given one that are looked into."""


def look(folder: Path, depth: int = DEPTH) -> Iterator[Found | Fault]:
    """Everything that lies at and below a folder. Links to folders and hidden folders are passed over."""
    try:
        found = recognise(folder)
        if found is not None:
            yield found
            return
        below = sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink() and p.name[0] != ".")
    except InputError as error:
        yield Fault(folder, error.what)
        return
    except OSError as error:
        yield Fault(folder, f"cannot be looked into ({error.strerror})")
        return
    for path in below if depth else []:
        yield from look(path, depth - 1)


def recognise(folder: Path) -> Found | None:
    """What this very folder is; None where it is none of ours. InputError where it is, and cannot be read."""
    if is_run(folder):
        return run_in(folder)
    if (folder / MANIFEST).is_file():
        manifest = read_json(folder / MANIFEST)
        if manifest.get("kind") == KIND:
            return Found("dataset", folder, dataset_columns(folder, manifest))
    if is_model(folder):
        return Found("model", folder, model_columns(folder))
    return None
