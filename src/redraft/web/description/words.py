"""JSON schemas in words, for the page that describes the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

REFERENCE = "#/components/schemas/"
SHOWN_VALUES = 12
"""Values of an enumeration that are shown."""


def resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or the named one that it refers to."""
    name = _name(schema)
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def variants(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schemas of which a value fits one; the schema alone where it names no others."""
    whole = resolved(document, schema)
    return list(whole.get("oneOf") or whole.get("anyOf") or [schema])


def example_of(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """A value that the schema allows, of its own examples where it has some; None where there is none to show."""
    whole = resolved(document, schema)
    for found in (whole.get("examples"), schema.get("examples")):
        if found:
            return found[0]
    if "const" in whole:
        return whole["const"]
    parts = variants(document, schema)
    if parts[0] is not schema and parts[0] is not whole:
        return example_of(document, parts[0])
    if whole.get("type") == "object" and whole.get("required"):
        values = {name: example_of(document, whole["properties"][name]) for name in whole["required"]}
        return None if None in values.values() else values
    return whole.get("default")


def properties(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a property of an object; none for other schemas."""
    whole = resolved(document, schema)
    needed = set(whole.get("required", ()))
    return [
        {
            "name": name,
            "needed": name in needed,
            "kind": in_words(found),
            "link": link_of(found),
            "description": found.get("description", ""),
            "default": json.dumps(found["default"], ensure_ascii=False)
            if found.get("default") is not None
            else None,
        }
        for name, found in whole.get("properties", {}).items()
    ]


def in_words(schema: Mapping[str, Any]) -> str:
    """Such as "integer, 1 to 500" or "list of Job"."""
    if _name(schema):
        return plain(_name(schema))
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            kinds = [in_words(part) for part in schema[several]]
            return " or ".join(dict.fromkeys(kinds))
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        values = [str(value) for value in schema["enum"]]
        return " | ".join(values[:SHOWN_VALUES]) + (" | …" if len(values) > SHOWN_VALUES else "")
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {in_words(schema.get('items', {}))}"
    if kind == "string" and (schema.get("format") == "binary" or "contentMediaType" in schema):
        return "file"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"map to {in_words(schema['additionalProperties'])}"
    return kind + _bounds(schema)


def plain(name: str) -> str:
    """A schema's name without the module that stands in it where two have the same."""
    return name.rpartition("__")[2]


def link_of(schema: Mapping[str, Any]) -> str:
    """The fragment at which the schema that this one is about stands; "" where it has no name."""
    parts = [schema, schema.get("items", {}), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    name = next((found for found in map(_name, parts) if found), "")
    return f"schema-{name}" if name else ""


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).removeprefix(REFERENCE)


def _bounds(schema: Mapping[str, Any]) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum", schema.get("minLength")))
    high = schema.get("maximum", schema.get("exclusiveMaximum", schema.get("maxLength")))
    low, high = _number(low), _number(high)
    unit = " characters" if "maxLength" in schema or "minLength" in schema else ""
    if low is not None and high is not None:
        return f", {low} to {high}{unit}"
    if low is not None:
        return f", from {low}{unit}"
    return f", to {high}{unit}" if high is not None else ""


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
