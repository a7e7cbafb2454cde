"""Whether a run may go on from a checkpoint, and whether its bits will be those of an unbroken run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.core.recipe import Recipe
from redraft.core.work import Work
from redraft.models import layout
from redraft.training.events import read

CHANGEABLE = (
    "dataset",  # its fingerprint decides, not its place
    "output",
    "device",
    "evaluate",
    "hub",
    *(
        f"train.{key}"
        for key in ("save_every", "keep", "evaluate_every", "log_every", "workers", "cache_mb", "feature_cache_gb")
    ),
    "train.threads",
    "train.trackers",
    "train.patience",
)
"""Keys of a recipe that may differ between a checkpoint and the run that goes on from it."""
OTHER_BITS = (
    "model.attention",
    *(f"train.{key}" for key in ("loss_chunk", "gradient_checkpointing", "compile", "feature_cache", "parallel")),
)
"""Keys that may differ too: the run computes the same, but adds up in another order."""
BITS = ("threads", "cpu_capability", "device")
"""What of a machine the bits of a run depend on."""
LIBRARIES = ("torch", "transformers", "peft", "accelerate", "numpy", "pillow", "tokenizers", "redraft")


def check_recipe(checkpoint: Path, recipe: Recipe, work: Work) -> None:
    """A UsageError where the checkpoint belongs to another recipe, which names the keys.

    A warning where only keys differ that change the bits alone.
    """
    mine, theirs = _flat(recipe.model_dump(mode="json")), _flat(_read(checkpoint / layout.RECIPE))
    # A key that the other version did not know is at its default there.
    differ = [key for key in sorted(mine.keys() & theirs.keys()) if mine[key] != theirs[key]]
    differ += [*_sections(mine, theirs), *_sections(theirs, mine)]
    mine, theirs = ({key: flat.get(key, "given") for key in differ} for flat in (mine, theirs))
    bits = [key for key in differ if key in OTHER_BITS]
    odd = [key for key in differ if key not in OTHER_BITS and not _changeable(key)]
    if bits and not odd:
        work.log(
            f"{', '.join(bits)} differ from {checkpoint.name}'s: the run goes on, but not bit for bit", "warning"
        )
    if odd:
        named = "; ".join(f"{key} is {mine[key]!r} and was {theirs[key]!r}" for key in odd[:4])
        raise UsageError(
            f"{checkpoint.name} was trained with another recipe: {named}"
            + (f"; and {len(odd) - 4} more" if len(odd) > 4 else ""),
            where=str(checkpoint),
            remedy="Put recipe.yaml back as it was, or begin a new run with the checkpoint as model.base",
        )


def check_dataset(checkpoint: Path, fingerprint: str | None, place: str) -> None:
    """A UsageError where the dataset is not the one that the checkpoint was trained on. place: where it lies."""
    trained_on = layout.read_manifest(checkpoint).get("dataset", {}).get("fingerprint")
    if trained_on != fingerprint:
        raise UsageError(
            "the dataset has changed since this run began, so it cannot go on",
            where=place,
            remedy="Put the dataset back as it was, or begin a new run",
        )


def differences(run: Path, here: Mapping[str, Any]) -> list[str]:
    """What differs from the machine and the versions that the run began with, and changes its bits; in words.

    here: "machine" and "versions", as in the event "start".
    """
    start = next((row for row in read(run) if row.get("kind") == "start"), None)
    if start is None:
        return []
    before = {**start.get("machine", {}), **start.get("versions", {})}
    now = {**here["machine"], **here["versions"]}
    names = {"cpu_capability": "the CPU's instruction set"}
    return [
        f"{names.get(key, key)} {now.get(key)} (was {before[key]})"
        for key in (*BITS, *LIBRARIES)
        if key in before and before[key] != now.get(key)
    ]


def say_differences(run: Path, here: Mapping[str, Any], work: Work) -> list[str]:
    """Warns that a resumed run will not be bit for bit what the unbroken one would have been, and why."""
    found = differences(run, here)
    if found:
        work.log(
            f"the run goes on where it was, but not bit for bit as on the machine it began on: {', '.join(found)}",
            "warning",
        )
    return found


def _sections(empty: dict[str, Any], full: dict[str, Any]) -> list[str]:
    """Keys that are empty on one side and a whole section on the other, such as train.augment."""
    return [key for key, value in empty.items() if not value and any(k.startswith(key + ".") for k in full)]


def _changeable(key: str) -> bool:
    return any(key == free or key.startswith(free + ".") for free in CHANGEABLE)


def _flat(data: Any, prefix: str = "") -> dict[str, Any]:
    """Nested data by dotted keys. model.options and the like are compared as a whole where one side has none."""
    if not isinstance(data, dict) or not data:
        return {prefix: data}
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the recipe cannot be read ({error})", where=str(path), remedy="Use another") from None
