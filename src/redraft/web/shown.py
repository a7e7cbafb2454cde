"""Data as the API shows it: ids and names, and no path of this machine's folders."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from redraft.core.home import home


def shown(value: Any) -> Any:
    """JSON data with every path into the state folder told from there on: "runs/run-01k...", "." for itself."""
    return _shown(value, _places(str(home()))) if value else value


@lru_cache(maxsize=4)
def _places(place: str) -> tuple[str, ...]:
    """The state folder as it is named and as it is found, links followed."""
    return tuple({place, str(Path(place).resolve())})


def _shown(value: Any, places: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for place in places:
            if place in value:
                value = value.replace(place + "/", "").replace(place, ".")
        return value
    if isinstance(value, dict):
        return {name: _shown(item, places) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item, places) for item in value]
    return value
