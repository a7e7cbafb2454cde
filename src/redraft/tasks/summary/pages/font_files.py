"""The font files of this machine, found without opening any."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_DEEPEST = 8


def bundled() -> Path:
    """The folder of the fonts that come with matplotlib, which need not be imported for it."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("matplotlib, whose fonts are the default, is not installed")
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"


def folders() -> tuple[Path, ...]:
    """Where this system keeps fonts, those of the user first."""
    try:
        home = Path.home()
    except RuntimeError:  # a user without one, as containers may have
        home = Path("/nonexistent")
    if sys.platform == "darwin":
        return home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home / "AppData/Local"))
        return Path(local, "Microsoft/Windows/Fonts"), Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts")
    data = os.environ.get("XDG_DATA_HOME") or str(home / ".local/share")
    shared = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return Path(data, "fonts"), home / ".fonts", *(Path(folder, "fonts") for folder in shared if folder)


@cache
def by_stem() -> dict[str, tuple[Path, ...]]:
    """Font files by the part of their name before the style ("-Bold", "[wght]"), in lower case without spaces.

    Sorted by name within a folder; where two folders have files of a stem, those of the first are taken.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for folder in folders():
        here: dict[str, list[Path]] = {}
        for path in sorted(_walk(folder, 0), key=lambda path: (path.name, str(path))):
            here.setdefault(stem_of(path), []).append(path)
        for stem, paths in here.items():
            found.setdefault(stem, tuple(paths))
    return found


def stem_of(path: Path) -> str:
    return key(path.stem.split("[")[0].rsplit("-", 1)[0] if "-" in path.stem else path.stem.split("[")[0])


def key(name: str) -> str:
    return "".join(name.lower().split())


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.lower().endswith(SUFFIXES):
            yield Path(entry.path)
        elif depth < _DEEPEST and entry.is_dir():
            yield from _walk(Path(entry.path), depth + 1)
