"""What a training can begin with: presets, plans, checkpoints."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from redraft.queue.kinds.train import TrainPayload
from redraft.queue.presets import shipped
from redraft.web.callers import Caller
from redraft.web.description.documented import Documented
from redraft.web.paging import Paged
from redraft.web.planning import Planner, recipe_to_plan
from redraft.web.refusals import refused
from redraft.web.runs import rows as run_rows
from redraft.web.runs.models import CheckpointPage
from redraft.web.service import Serving
from redraft.web.shown import shown

router = APIRouter(prefix="/api/training", tags=["training"])

NOT_FOUND = refused(404, "There is no such dataset, model or preset.")
CONFLICT = refused(409, "The dataset is still being made, or has been removed.")


class Preset(BaseModel):
    """A recipe that comes with redraft."""

    name: str
    title: str
    about: str = Field(description="What it is for, with the commands that use it.")
    recipe: dict[str, Any] = Field(description="As it is written; what it leaves out is at its default.")
    preset: bool = Field(description="Whether it is for any base model and any task.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "quick_test",
                    "title": "Some minutes: does everything work together?",
                    "about": "Some minutes: does everything work together?",
                    "recipe": {"task": "cad", "train": {"max_steps": 100}},
                    "preset": True,
                }
            ]
        }
    )


class Plan(BaseModel):
    """What a training will take on this machine: bytes and seconds. docs/plan.md explains every figure."""

    fits: bool = Field(description="Into memory and disk.")
    device: dict[str, Any]
    model: dict[str, Any] = Field(description="trainable, frozen: parameters.")
    examples: dict[str, Any]
    memory: dict[str, Any]
    time: dict[str, Any]
    disk: dict[str, Any]
    changes: list[dict[str, Any]] = Field(description="Smaller settings, where it does not fit.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fits": True,
                    "device": {"device": "cpu", "precision": "fp32", "threads": 2},
                    "model": {"trainable": 1108416, "frozen": 0},
                    "examples": {"count": 300, "tokens_mean": 87, "tokens_longest": 117},
                    "memory": {"fits": True, "needed_bytes": 704000000, "available_bytes": 22100000000},
                    "time": {"seconds_per_step": 2.38, "steps": 126, "total_seconds": 360},
                    "disk": {"fits": True, "needed_bytes": 17000000, "free_bytes": 65500000000},
                    "changes": [],
                }
            ]
        }
    )


async def planner(request: Request) -> Planner:
    """The dependency: the planner of the application that the request came to."""
    state = request.app.state
    if getattr(state, "planner", None) is None:
        state.planner = Planner()
    found: Planner = state.planner
    return found


@router.get("/presets")
def list_presets(
    all: Annotated[bool, Query(description="Also the recipes made for one model or one task.")] = False,
) -> list[Preset]:
    """The recipes that come with redraft: quick_test, standard, high_quality, memory_efficient."""
    return [
        Preset(name=one.name, title=one.title, about=one.about, recipe=dict(one.recipe), preset=one.preset)
        for one in shipped().values()
        if all or one.preset
    ]


@router.post("/plan", responses=NOT_FOUND | CONFLICT)
async def plan_training(
    service: Serving,
    caller: Caller,
    request: Request,
    planner: Annotated[Planner, Depends(planner)],
    body: Annotated[dict[str, Any], Documented(lambda: TrainPayload)],
    memory_gb: Annotated[
        float | None, Query(gt=0, le=100_000, description="Plans for a machine with so many GiB free.")
    ] = None,
) -> Plan:
    """Tries a few steps of a training before it is submitted: memory, time to the end, disk.

    The body is the payload of a job of the kind `train`. The answer takes from some seconds to minutes.
    """
    recipe = await asyncio.to_thread(recipe_to_plan, service.database, body, caller)

    async def gone() -> bool:
        return service.stopping.is_set() or await request.is_disconnected()

    result = await planner.plan(recipe, memory_gb, gone)
    return Plan.model_validate(shown(result.value))


@router.get("/checkpoints")
def list_checkpoints(
    service: Serving,
    caller: Caller,
    paging: Paged,
    run: Annotated[str | None, Query(pattern="^run-[0-9a-z]{26}$", description="Of this run alone.")] = None,
    removed: Annotated[bool, Query(description="Also those that are gone from the disk.")] = False,
) -> CheckpointPage:
    """Checkpoints, the newest first."""
    items, more = run_rows.checkpoints(
        service.database, caller, paging.after, paging.limit, run=run, removed=removed
    )
    return CheckpointPage(items=items, next=more)
