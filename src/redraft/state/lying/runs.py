"""A run's folder as columns of its row, and of those of its checkpoints and evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.state.lying.files import Found, label, read_json, read_yaml

RECIPE, RESULT, CHECKPOINTS, MANIFEST = "recipe.yaml", "result.json", "checkpoints", "manifest.json"
EVALUATIONS, EVALUATION = "evaluations", "evaluation.json"
HERE = ("run", "report")
"""Keys of a result that hold paths of this machine; they stay in the folder."""


def is_run(folder: Path) -> bool:
    """A recipe alone is none: people keep recipes where they like."""
    return (folder / RECIPE).is_file() and ((folder / CHECKPOINTS).is_dir() or (folder / RESULT).is_file())


def run_in(folder: Path) -> Found:
    """The run with its checkpoints and evaluations. InputError where a file of it cannot be read."""
    recipe = read_yaml(folder / RECIPE)
    result = read_json(folder / RESULT) if (folder / RESULT).is_file() else {}
    manifests = [(path, read_json(path / MANIFEST)) for path in steps_in(folder).values()]
    lying = [checkpoint_columns(folder, path, manifest) for path, manifest in manifests]
    status = result.get("status")
    if status not in ("finished", "paused", "failed"):
        status = "paused" if lying else "new"
    model = recipe.get("model")
    steps = result.get("steps")
    columns = {
        "name": label(folder),
        "task": str(recipe["task"])[:40] if recipe.get("task") else None,
        "base": model.get("base") if isinstance(model, dict) else None,
        "recipe": recipe,
        "status": status,
        "steps": max([steps if isinstance(steps, int) else 0, *(row["step"] for row in lying)]),
        "result": result_of(result) or None,
    }
    named = str(result.get("checkpoint") or (lying[-1]["path"] if lying else ""))
    trained_on = [manifest.get("dataset") for _, manifest in manifests[-1:]] or [result.get("dataset")]
    return Found(
        "run",
        folder,
        columns,
        checkpoints=[row | {"latest": row["path"] == named} for row in lying],
        evaluations=list(_evaluations(folder)),
        fingerprint=str(trained_on[0]["fingerprint"])
        if isinstance(trained_on[0], dict) and "fingerprint" in trained_on[0]
        else None,
    )


def steps_in(run: Path) -> dict[int, Path]:
    """The finished checkpoints (their manifest is written last) by their steps, the oldest first."""
    found = {}
    for path in (run / CHECKPOINTS).glob("step-*"):
        number = path.name.removeprefix("step-")
        if number.isdigit() and (path / MANIFEST).is_file():
            found[int(number)] = path
    return dict(sorted(found.items()))


def checkpoint_columns(run: Path, path: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """step, path, bytes and token of a checkpoint's row."""
    files = manifest.get("files")
    sizes = [facts.get("bytes") for facts in files.values()] if isinstance(files, dict) else []
    token = str(manifest.get("token", ""))
    return {
        "step": int(path.name.removeprefix("step-")),
        "path": path.relative_to(run).as_posix(),
        "bytes": sum(sizes) if sizes and all(isinstance(size, int) for size in sizes) else None,
        # a queue's tokens are numbers; those that no queue handed out are hexadecimal digits, eight of them
        "token": int(token) if token.isdigit() and len(token) < 8 else 0,
    }


def _evaluations(run: Path) -> list[dict[str, Any]]:
    rows = []
    for path in sorted((run / EVALUATIONS).glob(f"*/{EVALUATION}")):
        try:
            scores = read_json(path)
        except InputError:
            continue  # it is one part of a run that can be used without
        rows.append(
            {
                "split": str(scores.get("split") or "test")[:40],
                "model": str(scores.get("model") or run.name),
                "scores": {name: value for name, value in scores.items() if name != "dataset"},
                "folder": str(path.parent.resolve()),
            }
        )
    return rows


def result_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """A run's result without the paths of this machine."""
    result = {name: item for name, item in value.items() if name not in HERE}
    if isinstance(result.get("dataset"), Mapping):
        result["dataset"] = {name: item for name, item in result["dataset"].items() if name != "folder"}
    return result
