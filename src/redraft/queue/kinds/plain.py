"""Results as rows keep them: without the paths of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.core.home import home


def without_paths(value: Any, names: Mapping[str, str]) -> Any:
    """JSON data in which a path is told by what it means. names: folders to ids; the state folder's own are told
    from there on ("runs/run-01k.../samples")."""
    places = {**names, str(home()): "", str(home().resolve()): ""}
    return _plain(value, sorted(places.items(), key=lambda pair: -len(pair[0])))


def _plain(value: Any, places: list[tuple[str, str]]) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item, places) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, places) for item in value]
    if isinstance(value, str):
        for folder, name in places:
            if value == folder:
                return name or "."
            if value.startswith(folder + "/"):
                rest = value.removeprefix(folder + "/")
                return f"{name}/{rest}" if name else rest
    return value
