"""Bodies whose document says more than their check does.

A job's payload is checked by its kind, whose messages name the key and the nearest known one. The API's document
shows, for each kind, what its payload holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetJsonSchemaHandler, TypeAdapter, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from redraft.queue.kinds import Kind


class Documented:
    """Put beside a type in `Annotated`: its JSON schema is that of another type, made when it is needed."""

    def __init__(self, other: Callable[[], Any]) -> None:
        self._make = other

    @cached_property
    def _other(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._make())

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self._other.core_schema)


def union_by_kind(body: type[BaseModel], kinds: Mapping[str, Kind[Any]]) -> Any:
    """One model for each kind, told apart by `kind`: body's fields with that kind's payload."""
    models = []
    for name, kind in kinds.items():
        payload: Any = kind.payload
        fields: dict[str, Any] = {
            "kind": (Literal[name], Field(description=kind.title)),
            "payload": (payload, ...),
        }
        models.append(create_model(f"{name.capitalize()}Job", __base__=body, __doc__=f"{kind.title}.", **fields))
    return Annotated[reduce(or_, models), Field(discriminator="kind")]
