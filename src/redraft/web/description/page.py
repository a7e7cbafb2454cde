"""The description of the API as a page, made from the OpenAPI document: nothing is fetched from elsewhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from redraft.web.description.words import example_of, in_words, link_of, plain, properties, resolved, variants
from redraft.web.pages import page

ORDER = ("jobs", "events", "datasets", "uploads", "models", "training", "runs")
"""Groups of operations that come first; the others follow by name."""
LONGEST_LINE = 90
"""Characters of what an operation does, beside its path."""
METHODS = ("get", "post", "put", "patch", "delete")


def docs_page(document: Mapping[str, Any]) -> str:
    """HTML for people; `document` is the OpenAPI document (3.1)."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                tag = (operation.get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(document, path, method, operation))
    return page(
        "API",
        "docs.html",
        description=document["info"].get("description", ""),
        groups=[{"name": name, "operations": groups[name]} for name in sorted(groups, key=_place)],
        schemas=list(_schemas(document)),
    )


def _place(group: str) -> tuple[int, str]:
    return (ORDER.index(group) if group in ORDER else len(ORDER), group.casefold())


def _line(operation: Mapping[str, Any]) -> str:
    """The first sentence of its description; its name where that is long or there is none."""
    sentence = " ".join(operation.get("description", "").split()).partition(". ")[0].removesuffix(".")
    return sentence if 0 < len(sentence) <= LONGEST_LINE else operation.get("summary", "")


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> dict[str, Any]:
    summary = operation.get("summary", "")
    bodies = [
        {
            "type": kind,
            "rows": properties(document, content.get("schema", {})),
            "kinds": [(in_words(part), link_of(part)) for part in variants(document, content.get("schema", {}))],
            "example": _example(document, content),
        }
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
    ]
    public = operation.get("security") == []
    return {
        "id": f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
        "method": method,
        "path": path,
        "public": public,
        "summary": _line(operation),
        "words": f"{method} {path} {summary} {operation.get('description', '')}".lower(),
        "description": operation.get("description", ""),
        "parameters": [_parameter(document, found) for found in operation.get("parameters", [])],
        "bodies": bodies,
        "curl": _curl(path, method, bodies, public),
        "answers": [_answer(document, *found) for found in operation.get("responses", {}).items()],
    }


def _parameter(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = parameter.get("schema", {})
    default = resolved(document, schema).get("default")
    return {
        "name": parameter["name"],
        "needed": parameter.get("required", False),
        "kind": f"{in_words(schema)} in {parameter['in']}",
        "link": link_of(schema),
        "description": parameter.get("description") or schema.get("description", ""),
        "default": None if default is None else json.dumps(default),
    }


def _answer(document: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    contents: Mapping[str, Any] = answer.get("content", {})
    kind = next(iter(contents), "")
    content = contents.get(kind, {})
    schema = content.get("schema", {})
    return {
        "status": status,
        "description": answer.get("description", ""),
        "kind": in_words(schema) if schema else kind,
        "link": link_of(schema),
        "example": _example(document, content) if status.startswith("2") else "",
    }


def _example(document: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    found = content.get("example")
    if found is None and content.get("examples"):
        found = next(iter(content["examples"].values())).get("value")
    if found is None:
        found = example_of(document, content.get("schema", {}))
    return "" if found is None else json.dumps(found, indent=2, ensure_ascii=False)


def _curl(path: str, method: str, bodies: list[dict[str, Any]], public: bool) -> str:
    lines = [f"curl http://127.0.0.1:7001{path}"]
    if method != "get":
        lines[0] = f"curl -X {method.upper()} http://127.0.0.1:7001{path}"
    if not public:
        lines.append('-H "Authorization: Bearer $(redraft token)"')
    if bodies and bodies[0]["type"] == "application/json":
        example = bodies[0]["example"]
        compact = json.dumps(json.loads(example), ensure_ascii=False) if example else "{...}"
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(compact)}"]
    elif bodies and bodies[0]["type"] == "multipart/form-data":
        lines += [
            f"-F {row['name']}={'@FILE' if 'file' in row['kind'] else '...'}"
            for row in bodies[0]["rows"]
            if row["needed"]
        ]
    elif bodies:
        lines += [f"-H 'Content-Type: {bodies[0]['type']}'", "--data-binary @FILE"]
    return " \\\n  ".join(lines)


def _schemas(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        yield {
            "id": name,
            "name": plain(name),
            "description": schema.get("description", ""),
            "rows": properties(document, schema),
            "kind": in_words(schema),
        }
