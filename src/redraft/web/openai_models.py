"""What OpenAI's clients read: completions and models, for the API's document and its check."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Told(BaseModel):
    """Another server may say more."""

    model_config = ConfigDict(extra="allow")


class Usage(Told):
    prompt_tokens: int = Field(description="Those that the pictures take are among them.")
    completion_tokens: int
    total_tokens: int


class ChatAnswer(Told):
    role: Literal["assistant"]
    content: str | None = None
    refusal: str | None = None


class Choice(Told):
    index: int
    message: ChatAnswer
    finish_reason: str | None = Field(description="`stop`: it ended by itself or at a stop text; `length`: cut.")
    logprobs: dict[str, Any] | None = None


class Completion(Told):
    id: str
    object: Literal["chat.completion"]
    created: int = Field(description="Seconds since 1970.")
    model: str
    choices: list[Choice]
    usage: Usage | None = None


class ServedModel(Told):
    id: str
    object: Literal["model"] = "model"
    created: int = Field(0, description="Seconds since 1970; 0 where it is not known.")
    owned_by: str = ""


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ServedModel]
