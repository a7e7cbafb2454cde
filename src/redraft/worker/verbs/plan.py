"""The verb "plan": what a recipe will take on this machine, tried before it is launched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import RedraftError, from_data
from redraft.core.recipe import Recipe, recipe_from_data, take_recipe
from redraft.core.verb import Request, Result, Verb
from redraft.core.work import Work
from redraft.worker.guarded import Outcome, run_guarded
from redraft.worker.machine_memory import Memory, memory_limit
from redraft.worker.planning import disk_of, memory_of, time_of
from redraft.worker.smaller import Overrides, computed_bytes, smaller

TRIAL = "plan.trial"
TRIES = 4
"""Smaller settings that are tried, where the first trial took less than TRY_SECONDS."""
TRY_SECONDS = 240.0
OUT_OF_MEMORY = "OutOfMemory"


def plan(request: Request, work: Work) -> Result:
    """request: recipe (a path, or its data), overrides, out (the run's folder), memory_gb (of another machine).

    The value is documented in docs/plan.md. Exit code 1 where the run would not fit.
    """
    recipe = take_recipe(request["recipe"], request.get("overrides") or ())
    value = plan_of(recipe, work, request.get("memory_gb"), Path(request.get("out") or recipe.output or "runs"))
    name = {} if isinstance(request["recipe"], Mapping) else {"recipe": str(request["recipe"])}
    return Result({**name, **value}, exit_code=0 if value["fits"] else 1)


def plan_of(recipe: Recipe, work: Work, memory_gb: float | None, folder: Path) -> dict[str, Any]:
    """The plan of a recipe as JSON data. folder: where the run would be written."""
    memory = memory_limit()
    if memory_gb is not None:
        memory = Memory(int(memory_gb * 2**30), int(memory_gb * 2**30), "the memory that was given")
    outcome = _try(recipe, {}, memory, work)
    found = memory_of(outcome, recipe, memory)
    disk = disk_of(outcome, recipe, folder)
    model = outcome.metric("model")
    changes = [] if found["fits"] else _smaller(recipe, found, outcome, memory, work)
    return {
        "fits": bool(found["fits"] and disk["fits"]),
        "device": {name: model.get(name) for name in ("device", "precision", "threads")},
        "model": {name: model.get(name) for name in ("trainable", "frozen")},
        "examples": {k: v for k, v in outcome.metric("examples").items() if k not in ("kind", "encode_seconds")},
        "memory": found,
        "time": time_of(outcome, recipe),
        "disk": disk,
        "changes": changes,
    }


def _try(recipe: Recipe, more: dict[str, Any], memory: Memory, work: Work) -> Outcome:
    """One trial. Want of memory is an answer; any other fault is raised as the run would meet it."""
    request = {"recipe": recipe.model_dump(mode="json"), **more}
    outcome = run_guarded(TRIAL, request, memory.available, work)
    if outcome.error is not None:
        if outcome.error["kind"] != OUT_OF_MEMORY:
            raise from_data(outcome.error)
        outcome.ended = "memory"
    elif outcome.value is None and outcome.ended != "memory":
        raise RedraftError(
            f"the trial was lost ({outcome.ended})",
            where=TRIAL,
            remedy="Try with device=cpu, or run it again with --debug",
        )
    return outcome


def _smaller(
    recipe: Recipe, found: dict[str, Any], first: Outcome, memory: Memory, work: Work
) -> list[dict[str, Any]]:
    """Settings that need less, up to the first that fits; tried on the same worst examples where that is cheap."""
    worst = first.metric("examples").get("worst", {}).get("indices")
    changes: list[dict[str, Any]] = []
    tries = TRIES if worst and first.seconds < TRY_SECONDS else 0
    for overrides in smaller(recipe, found):
        computed = computed_bytes(recipe, overrides, found)
        if tries and (computed is None or computed <= memory.available):
            tries -= 1
            work.log("trying " + " ".join(as_words(overrides)))
            more = {"worst": worst, "features": bool(first.metric("features").get("used"))}
            changes.append(_tried(recipe, overrides, found, more, memory, work))
        else:
            changes.append(_change(overrides, computed, found, tried=False))
        if changes[-1]["fits"]:
            break
    return changes


def _tried(
    recipe: Recipe, overrides: Overrides, found: dict[str, Any], more: dict[str, Any], memory: Memory, work: Work
) -> dict[str, Any]:
    changed = _with(recipe, overrides)
    outcome = _try(changed, more, memory, work)
    peak = outcome.metric("worst").get("peak_bytes")
    needed = None
    if peak is not None:
        on_gpu = outcome.metric("model").get("device_bytes") is not None
        needed = peak + (0 if on_gpu else min(found["kept_bytes"], changed.train.cache_mb * 2**20))
    change = _change(overrides, needed, found, tried=True)
    return {**change, "seconds_per_step": outcome.metric("worst").get("seconds")}


def _change(overrides: Overrides, needed: int | None, found: dict[str, Any], tried: bool) -> dict[str, Any]:
    return {
        "set": as_words(overrides),
        "needed_bytes": needed,
        "fits": needed is not None and needed <= found["available_bytes"],
        "tried": tried,
        "seconds_per_step": None,
    }


def as_words(overrides: Overrides) -> list[str]:
    """Overrides as a command takes them."""

    def text(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list):
            return "[" + ",".join(map(str, value)) + "]"
        return "{}" if value == {} else str(value)

    return [f"{key}={text(value)}" for key, value in overrides.items()]


def _with(recipe: Recipe, overrides: Overrides) -> Recipe:
    data: dict[str, Any] = recipe.model_dump(mode="json")
    for key, value in overrides.items():
        section, _, name = key.partition(".")
        data[section][name] = value
    return recipe_from_data(data)


def _trial(request: Request, work: Work) -> Result:
    from redraft.worker.trying import trial  # torch is loaded in the child alone

    return trial(request, work)


VERBS: dict[str, Verb] = {"plan": plan, TRIAL: _trial}
