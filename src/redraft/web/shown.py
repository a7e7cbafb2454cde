"""Data as the API shows it: ids and names, and no path of this machine's folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.core.home import home


def shown(value: Any) -> Any:
    """JSON data with every path into the state folder told from there on: "runs/run-01k...", "." for itself."""
    place = str(home())
    return _shown(value, {place, str(Path(place).resolve())})


def _shown(value: Any, places: set[str]) -> Any:
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
