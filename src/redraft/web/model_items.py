"""Models as the API gives them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from redraft.web.jobs.models import ID, Progress, Seconds

Kind = Literal["base", "adapter", "merged", "imported"]
Status = Literal["known", "pulling", "ready", "missing"]
MODEL = "model-smolvlm-500m-instruct"
REPO = "HuggingFaceTB/SmolVLM-500M-Instruct"
_ITEM: dict[str, JsonValue] = {
    "id": MODEL,
    "name": f"hf:{REPO}",
    "title": "SmolVLM 500M",
    "kind": "base",
    "status": "pulling",
    "family": "smolvlm",
    "licence": "apache-2.0",
    "parameters": 507482304,
    "bytes": 1014964608,
    "memory_to_train": {"lora": 2111846528, "whole": 9164196864},
    "tasks": ["cad", "summary"],
    "recipes": ["standard", "quick_test"],
    "note": "",
    "revision": None,
    "pull": {
        "job": ID,
        "state": "running",
        "reason": "",
        "progress": {"stage": "fetching", "done": 412, "total": 1015, "note": "38 MB/s"},
    },
    "job": ID,
    "created_at": 1795336440.1,
}


class Pull(BaseModel):
    """How far the fetching of a model is; live in the job's events."""

    job: str
    state: str
    reason: str
    progress: Progress | None


class ModelItem(BaseModel):
    """A base model of the catalogue, one that was fetched or made here, or both."""

    id: str
    name: str = Field(description="What `model` of a job and `model.base` of a recipe take.")
    title: str
    kind: Kind
    status: Status = Field(description="`known`: in the catalogue alone, and fetched when it is needed.")
    family: str | None
    licence: str | None = Field(description="null: not known; ask its card before it is used.")
    parameters: int | None
    bytes: int | None = Field(description="Of its weights.")
    memory_to_train: dict[str, int] = Field(
        description="Bytes of the device by way of training (`lora`, `whole`), on one example of 1,000 tokens at "
        "a time; computed, not measured."
    )
    tasks: list[str] = Field(description="That it suits.")
    recipes: list[str] = Field(description="That are made for it.")
    note: str
    revision: str | None = Field(description="The commit that was fetched.")
    pull: Pull | None = Field(description="While it is fetched, and where that failed.")
    job: str | None = Field(description="The job that fetched or made it.")
    created_at: Seconds

    model_config = ConfigDict(json_schema_extra={"examples": [_ITEM]})


class ModelPage(BaseModel):
    """Some models of a longer list."""

    items: list[ModelItem]
    next: str | None = Field(None, description="Give it as `after` to get the page that follows; null: the last.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ITEM], "next": None}]})


class PullModel(BaseModel):
    """A model of the hub."""

    repo: str = Field(pattern=r"^(hf:)?[\w.-]+/[\w.-]+$", max_length=200, examples=[REPO])
    revision: str | None = Field(
        default=None, pattern=r"^\w[\w./-]*$", max_length=100, description="A commit, tag or branch; the main one."
    )

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"repo": REPO}]})

    def payload(self) -> dict[str, Any]:
        """Of the job that fetches it."""
        return self.model_dump(exclude_none=True)
