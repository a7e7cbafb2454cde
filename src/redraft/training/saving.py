"""A run's state into a checkpoint, and back. `checkpoint.py` writes and verifies the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.training import checkpoint, randomness
from redraft.training.device import versions
from redraft.training.moments import moments
from redraft.training.optimiser import load_state, state_tensors
from redraft.training.setup import Setup
from redraft.training.standing import Standing


def save(folder: Path, setup: Setup, standing: Standing, dataset: dict[str, Any], events_bytes: int) -> Path:
    """Writes the checkpoint of this step; every process of the run calls it.

    folder: of the run. dataset: facts for the manifest. events_bytes: of events.jsonl that belong to it.
    """
    loaded, recipe, spread, processes = setup.loaded, setup.recipe, setup.spread, setup.processes
    seen = setup.order.seen(standing.step)
    state = {
        **standing.as_data(),
        "examples": seen,
        "epoch": seen / len(setup.prepared),
        "seed": recipe.seed,
        "events_bytes": events_bytes,
        "scaler": setup.scaler.state_dict() if setup.scaler is not None else None,
        "processes": processes.count,
        "sharded": spread.sharded,
    }
    about = {
        "recipe": recipe.model_dump(mode="json"),
        "kind": "adapter" if loaded.adapter else "full",
        "task": recipe.task,
        "base": {"name": loaded.source.name, "revision": loaded.source.revision, "family": loaded.family},
        "dataset": {**dataset, "examples": len(setup.prepared)},
        "versions": versions(),
    }
    tensors = randomness.states()
    if processes.main or spread.sharded:
        kept = state_tensors(setup.optimiser, loaded.model)
        tensors |= {f"optimiser/{name}": spread.mine(tensor) for name, tensor in kept.items()}
    with setup.whole(), spread.gathered():
        return checkpoint.save(folder, loaded, tensors, state, about, setup.work.permit, processes)


def restore(found: Path, setup: Setup) -> tuple[Standing, int]:
    """Puts a checkpoint's state back: where the run stands, and the length of the events that belong to it."""
    state, _ = checkpoint.load(found)
    kept = moments(found, state, setup.loaded.model, setup.spread, setup.processes)
    load_state(setup.optimiser, setup.loaded.model, kept)
    _restore_randomness(found, state, setup)
    if setup.scaler is not None and state["scaler"]:
        setup.scaler.load_state_dict(state["scaler"])
    return Standing.from_data(state, found), int(state["events_bytes"])


def _restore_randomness(found: Path, state: dict[str, Any], setup: Setup) -> None:
    """As this process left it; a process that was not there draws by seed, step and rank from here on."""
    writers, processes = int(state.get("processes", 1)), setup.processes
    if processes.rank < writers:
        randomness.restore(checkpoint.load(found, processes.rank, writers)[1])
    if writers != processes.count:
        setup.work.log(
            f"saved by {writers} processes, going on with {processes.count}: the same steps, "
            f"but not the same bits",
            "warning",
        )
