"""All families of parts by name."""

from __future__ import annotations

from collections.abc import Callable

from redraft.tasks.cad.parts.draft import Draft
from redraft.tasks.cad.parts.round import flange, link, shaft
from redraft.tasks.cad.parts.square import block, bracket, plate, profile, tray

Family = Callable[[Draft], None]

MAKERS: dict[str, Family] = {
    "plate": plate,
    "block": block,
    "bracket": bracket,
    "flange": flange,
    "shaft": shaft,
    "profile": profile,
    "link": link,
    "tray": tray,
}
"""Each begins a part of at most the draft's size and of at most its wanted extrusions, and leaves sites."""
