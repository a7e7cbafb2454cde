"""Chat completions as OpenAI's clients ask for them (platform.openai.com/docs/api-reference/chat), as far as they
are answered here. What is not known is refused by name: nothing of a request is dropped in silence.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from redraft.core.errors import InputError
from redraft.core.example import Message, Part

MAX_PICTURES = 64
MAX_BYTES = 48 * 2**20
"""Of a request's body, its pictures in base64 included."""
MAX_TEXT = 1_000_000
"""Characters of all messages."""
KINDS = ("image/png", "image/jpeg", "image/webp", "image/bmp", "image/tiff")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ImageUrl(Strict):
    url: str = Field(
        description="The picture itself as a data URI, `data:image/png;base64,...`. An address is never fetched.",
        examples=["data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP6DwABBQECz6AuzQAAAABJRU5ErkJggg=="],
    )  # fmt: skip
    detail: Literal["auto", "low", "high", "original"] | None = Field(
        None, description="Taken and not needed: pictures are sized as the model was trained."
    )

    def body(self) -> str:
        """The picture in base64. An InputError where this is no data URI of a picture."""
        head, comma, body = self.url.partition(",")
        kind, _, coding = head.removeprefix("data:").partition(";")
        if not head.startswith("data:") or not comma:
            raise InputError(
                "a picture is given by an address, and addresses are not fetched",
                where="messages",
                remedy="Send the picture itself as a data URI, which begins with data:image/png;base64",
            )
        if kind.lower() not in KINDS or coding.lower() != "base64":
            raise InputError(
                "a picture's data URI is of another kind",
                where="messages",
                remedy=f"Send one of {', '.join(KINDS)}, in base64",
            )
        return body

    def bytes(self) -> bytes:
        """The picture's file; an InputError as of `body`, and for what is not in base64."""
        try:
            return base64.b64decode(self.body(), validate=True)
        except (binascii.Error, ValueError):
            raise InputError(
                "a picture is not in base64", where="messages", remedy="Encode its file again"
            ) from None


class TextPart(Strict):
    type: Literal["text"]
    text: str = Field(max_length=MAX_TEXT)


class ImagePart(Strict):
    type: Literal["image_url"]
    image_url: ImageUrl


Content = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class ChatMessage(Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(max_length=MAX_TEXT)] | list[Content]
    name: str | None = Field(None, max_length=64)

    def parts(self) -> list[TextPart | ImagePart]:
        return [TextPart(type="text", text=self.content)] if isinstance(self.content, str) else self.content

    def as_message(self) -> Message:
        role: Any = "system" if self.role == "developer" else self.role
        return Message(
            role,
            tuple(
                Part("text", part.text) if isinstance(part, TextPart) else Part("image") for part in self.parts()
            ),
        )


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: bool = False


class TextFormat(Strict):
    type: Literal["text"]


Stop = Annotated[str, Field(min_length=1, max_length=200)]


class ChatBody(Strict):
    """What `POST /v1/chat/completions` takes."""

    model: str = Field(min_length=1, max_length=300, examples=["default/cad"])
    messages: list[ChatMessage] = Field(min_length=1, max_length=256)
    max_completion_tokens: int | None = Field(None, ge=1, le=131_072)
    max_tokens: int | None = Field(None, ge=1, le=131_072, description="The older name of max_completion_tokens.")
    temperature: float | None = Field(
        None,
        ge=0,
        le=2,
        description="0, and where it is left out, takes the likeliest tokens, as evaluation does.",
    )
    top_p: float | None = Field(None, gt=0, le=1)
    n: int = Field(
        1, ge=1, le=16, description="Answers. Without a temperature all but the first are drawn at 0.7."
    )
    seed: int | None = Field(None, ge=-(2**63), le=2**63 - 1)
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    logprobs: bool = False
    top_logprobs: Literal[0] | None = Field(None, description="Only the token that was taken is told.")
    response_format: TextFormat | None = None
    frequency_penalty: float | None = Field(None, ge=0, le=0, description="Not offered: only 0.")
    presence_penalty: float | None = Field(None, ge=0, le=0, description="Not offered: only 0.")
    user: str | None = Field(None, max_length=512, description="Taken and not used, as are the next four.")
    safety_identifier: str | None = Field(None, max_length=512)
    prompt_cache_key: str | None = Field(None, max_length=512)
    metadata: dict[str, str] | None = Field(None, max_length=16)
    store: Literal[False] | None = None

    @model_validator(mode="after")
    def _sound(self) -> ChatBody:
        if self.messages[-1].role != "user":
            raise PydanticCustomError("last", "the last message must be the user's")
        if sum(1 for _ in self.pictures()) > MAX_PICTURES:
            raise PydanticCustomError("pictures", "there are too many pictures")
        return self

    def pictures(self) -> Iterator[ImageUrl]:
        """In the order of their places."""
        for message in self.messages:
            for part in message.parts():
                if isinstance(part, ImagePart):
                    yield part.image_url

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def limit(self) -> int | None:
        """Tokens of the longest answer that is wanted; None: as the model's recipe says."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens
