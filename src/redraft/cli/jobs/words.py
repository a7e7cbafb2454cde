"""Events in words."""

from __future__ import annotations

import re
from typing import Any

ENDING = {"pause": "is to pause: it saves", "cancel": "is to be cancelled", "delete": "is to be deleted"}


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """The text without the characters that a terminal would obey; lines and tabs stay."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def sentence(kind: str, data: dict[str, Any]) -> str:
    """One line for people; empty where the event is for machines alone."""
    if kind == "state":
        if data["state"] == "running" and data["desired_state"] == "run":
            return ""  # the attempt has been told
        state = ENDING[data["desired_state"]] if data["state"] == "running" else data["state"]
        return plain(f"{state}: {data['reason']}") if data["reason"] else str(state)
    if kind == "attempt":
        return f"attempt {data['attempt']} on {data['host']}"
    if kind == "log":
        mark = {"warning": "warning: ", "error": "error: "}.get(str(data.get("level")), "")
        return plain(f"{mark}{data.get('message', '')}")
    if kind == "checkpoint":
        return f"checkpoint of step {data['step']}"
    if kind == "left_out":
        return plain(f"left out {data.get('id', '')}: {data.get('reason', '')}")
    if kind == "deleted":
        return "deleted"
    return ""
