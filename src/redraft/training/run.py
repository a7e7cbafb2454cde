"""A run's folder: what it holds, how one begins, and how one is found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from redraft.core.atomic import output_error, sync_folder, write_json, write_text
from redraft.core.errors import InputError, OutputError, UsageError
from redraft.core.recipe import Recipe, recipe_from_data
from redraft.models.layout import CHECKPOINTS, RESULT

RECIPE = "recipe.yaml"
FINISHED = "finished"


def begin(folder: Path, recipe: Recipe) -> None:
    """Makes the folder with the whole recipe in it. One that exists and is not empty is an OutputError.

    The recipe comes first, whole or not at all, and makes the folder a run: what a killed beginning leaves is
    either a run without a checkpoint or as good as empty.
    """
    if folder.exists() and (not folder.is_dir() or any(not _is_remains(path) for path in folder.iterdir())):
        hint = f"Continue it with `redraft train --resume {folder}`, or choose" if is_run(folder) else "Choose"
        raise OutputError("the output exists already", where=str(folder), remedy=f"{hint} another --out")
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(folder / RECIPE, text)
    try:
        (folder / CHECKPOINTS).mkdir(exist_ok=True)
        sync_folder(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise output_error(folder, error) from error


def _is_remains(path: Path) -> bool:
    """Whether a file is what a killed `write_text` of the recipe leaves."""
    return path.name.startswith(f".{RECIPE}.") and path.suffix == ".tmp"


def is_run(folder: Path) -> bool:
    return (folder / RECIPE).is_file()


def recipe_of(folder: Path) -> Recipe:
    """The recipe that a run began with. A folder that is no run is a UsageError."""
    path = folder / RECIPE
    if not path.is_file():
        raise UsageError("this folder is no run", where=str(folder), remedy="Give a folder that training wrote")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(
            f"the run's recipe cannot be read ({error})", where=str(path), remedy="Begin again"
        ) from None
    return recipe_from_data(data, where=str(path))


def result_of(folder: Path) -> dict[str, Any]:
    """result.json, empty where there is none."""
    path = folder / RESULT
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def finished(folder: Path) -> bool:
    return result_of(folder).get("status") == FINISHED


def end(folder: Path, result: dict[str, Any]) -> None:
    write_json(folder / RESULT, result)
