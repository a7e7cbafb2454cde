"""The files of a checkpoint, and whether they are whole.

checkpoints/step-<n>/
  manifest.json         written last: sizes and SHA-256 of every other file, and what the checkpoint is
  recipe.json           the recipe of the run, complete
  state.json            step, position in the data, seed, random states
  training.safetensors  optimiser moments and random states
  model/                what transformers (or peft, for an adapter) and its processor save: opens on its own
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError

FORMAT = 1
MANIFEST, RECIPE, STATE, TENSORS, MODEL = (
    "manifest.json",
    "recipe.json",
    "state.json",
    "training.safetensors",
    "model",
)
CHECKPOINTS = "checkpoints"
RESULT = "result.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
"""Endings of files whose reading can run code. None is ever written, and none is opened."""


class OtherFormat(InputError):
    """A checkpoint of another version of this program: whole perhaps, but not for this one to read."""


def step_of(folder: Path) -> int:
    """The step in a checkpoint folder's name, -1 for another name."""
    number = folder.name.removeprefix("step-")
    return int(number) if folder.name.startswith("step-") and number.isdigit() else -1


def checkpoints(run: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first, verified or not."""
    folder = run / CHECKPOINTS
    found = [path for path in folder.iterdir() if path.is_dir() and step_of(path) >= 0] if folder.is_dir() else []
    return sorted(found, key=step_of)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a checkpoint; an absent or foreign one is an InputError."""
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            "this checkpoint has no manifest, so it was never finished",
            where=str(folder),
            remedy="Use an earlier one",
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"the manifest cannot be read ({error})", where=str(path), remedy="Use another") from None
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] != FORMAT:
        raise OtherFormat(
            f"this checkpoint is of format {data['format']}, and this version of redraft reads format {FORMAT}",
            where=str(path),
            remedy="Use the version that wrote it",
        )
    if not isinstance(data, dict) or "format" not in data or not _describes_files(data.get("files")):
        raise InputError("the manifest is not a checkpoint's", where=str(path), remedy="Use another")
    return data


def _describes_files(files: Any) -> bool:
    return isinstance(files, dict) and all(
        isinstance(facts, dict) and isinstance(facts.get("bytes"), int) and isinstance(facts.get("sha256"), str)
        for facts in files.values()
    )


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: Path, hashes: bool = True) -> dict[str, Any]:
    """The manifest of a checkpoint whose every file is there, whole and unchanged; else an InputError.

    hashes: False compares sizes alone. A pickle, listed or not, is refused.
    """
    manifest = read_manifest(folder)
    for path in sorted(folder.rglob("*")):
        if path.suffix in PICKLES:
            raise InputError(
                f"{path.relative_to(folder).as_posix()} is a pickle, whose reading can run code",
                where=str(folder),
                remedy="Use an earlier checkpoint; redraft writes safetensors alone",
            )
    for name, facts in manifest["files"].items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InputError("the manifest names a file outside of it", where=str(folder), remedy="Use another")
        if not path.is_file():
            raise InputError(f"{name} is missing", where=str(folder), remedy="Use an earlier checkpoint")
        if path.stat().st_size != facts["bytes"] or (hashes and file_digest(path) != facts["sha256"]):
            raise InputError(
                f"{name} has changed or is cut", where=str(folder), remedy="Use an earlier checkpoint"
            )
    return manifest


def find_checkpoint(folder: Path) -> Path:
    """The checkpoint that a path means: itself, or the one a run's result names, or the run's newest.

    A plain model folder means itself. Anything else is an InputError.
    """
    if (folder / MANIFEST).is_file() or (folder / "config.json").is_file():
        return folder
    if (folder / "adapter_config.json").is_file():
        return folder
    result = folder / RESULT
    if result.is_file():
        try:
            named: str | None = json.loads(result.read_text(encoding="utf-8")).get("checkpoint")
        except (OSError, ValueError, AttributeError):
            named = None
        if named and (folder / named).is_dir():
            return folder / named
    found = [path for path in checkpoints(folder) if (path / MANIFEST).is_file()]
    if not found:
        raise InputError(
            "there is neither a checkpoint nor a model here",
            where=str(folder),
            remedy="Give a run, a checkpoint, or a model's folder",
        )
    return found[-1]
