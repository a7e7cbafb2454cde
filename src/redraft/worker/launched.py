"""What a launcher of several processes says, beside who is who, and what of it counts: the recipe decides."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import RecipeError
from redraft.core.place import place
from redraft.core.recipe import Recipe
from redraft.core.work import Work
from redraft.training import run

RESTARTS = "TORCHELASTIC_RESTART_COUNT"
"""How often torchrun (--max-restarts) has begun the same command again after a failure."""
FOREIGN = {"ACCELERATE_USE_DEEPSPEED": "DeepSpeed", "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM"}


def after_restart(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request to go on with: a run that an earlier attempt of the launcher began is resumed."""
    out = request.get("out")
    again = place().count > 1 and os.environ.get(RESTARTS, "0") != "0"
    return {"resume": out} if again and out and run.is_run(Path(out)) else request


def heed_launcher(recipe: Recipe, work: Work) -> None:
    """Holds accelerate's own settings against the recipe; those that cannot both be meant are a RecipeError."""
    if place().count == 1:
        return
    for variable, name in FOREIGN.items():
        if _true(variable):
            raise RecipeError(
                f"the launcher asks for {name}, which redraft does not use",
                where=variable,
                remedy="Launch without it; train.parallel: fsdp holds the model in shards",
            )
    if _true("ACCELERATE_USE_FSDP"):
        if recipe.train.parallel != "fsdp":
            raise RecipeError(
                f"the launcher asks for FSDP and the recipe for {recipe.train.parallel}",
                where="train.parallel",
                remedy="Give train.parallel=fsdp, or launch without --use_fsdp",
            )
        # accelerate would wrap the model in its own way.
        del os.environ["ACCELERATE_USE_FSDP"]
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if precision not in ("no", recipe.train.precision):
        work.log(
            f"the launcher's mixed precision ({precision}) is not taken: the recipe says {recipe.train.precision}",
            "warning",
        )


def _true(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true", "yes")
