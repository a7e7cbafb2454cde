"""Which files of somebody's repository are which split: as its card's head says it, else by their names.

https://huggingface.co/docs/hub/datasets-manual-configuration describes the head: `configs`, each with a
`config_name` and `data_files`, patterns by split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from redraft.core.errors import UsageError
from redraft.datasets.foreign import find_shards, split_of

HUB = "hf:"


def hub_name(name: str) -> tuple[str, str, str | None]:
    """ "owner/name/config@revision" in its parts: repository, configuration ("" where none is said), revision."""
    path, _, revision = name.removeprefix(HUB).partition("@")
    if path.startswith(("/", ".")):  # a folder of this machine, which the client opens like a repository
        return path, "", revision or None
    parts = path.split("/")
    return "/".join(parts[:2]), "/".join(parts[2:]), revision or None


def files_of(card: Path, paths: Iterable[str], config: str, where: str) -> dict[str, list[str]]:
    """Split to the Parquet files of a configuration, out of the repository's paths.

    card: its README.md, which may be absent. config: "" takes the default one. A UsageError where there are
    several and none is the default, or where there is none of that name.
    """
    files = sorted(path for path in paths if path.endswith(".parquet"))
    configs = _configs(card)
    if configs:
        patterns = configs[_chosen(configs, config, where)]
        found = {
            split: [path for path in files if any(_matches(path, pattern) for pattern in of_split)]
            for split, of_split in patterns.items()
        }
        return {split: those for split, those in found.items() if those}
    if config:
        files = [path for path in files if path.startswith(f"{config}/")]
        if not files:
            raise UsageError(
                f"there is no configuration '{config}'", where=where, remedy="Leave it out, or name a folder of it"
            )
    by_split: dict[str, list[str]] = {}
    for path in files:
        by_split.setdefault(split_of(Path(path.removeprefix(f"{config}/"))), []).append(path)
    return by_split


def shards_of(folder: Path, config: str = "") -> dict[str, list[Path]]:
    """Split to the Parquet files of a local copy; the usual splits first. As `files_of`."""
    if not config and not _configs(folder / "README.md"):
        return find_shards(folder)
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    found = files_of(folder / "README.md", names, config, str(folder))
    order = [*(s for s in ("train", "validation", "test") if s in found), *sorted(found)]
    return {split: [folder / name for name in found[split]] for split in dict.fromkeys(order)}


def _configs(card: Path) -> dict[str, dict[str, list[str]]]:
    """Configuration to split to patterns; empty where the card names none. "" stands for the default's name."""
    head = _head(card).get("configs")
    found: dict[str, dict[str, list[str]]] = {}
    for config in head if isinstance(head, list) else ():
        if isinstance(config, Mapping) and "data_files" in config:
            found[str(config.get("config_name", "default"))] = _patterns(config["data_files"])
            if config.get("default") is True:
                found[""] = found[str(config.get("config_name", "default"))]
    return found


def _head(card: Path) -> Mapping[str, Any]:
    try:
        text = card.read_text(encoding="utf-8")
        head = yaml.safe_load(text.split("---", 2)[1]) if text.startswith("---") else {}
    except (OSError, ValueError, IndexError, yaml.YAMLError):
        return {}
    return head if isinstance(head, Mapping) else {}


def _patterns(given: Any) -> dict[str, list[str]]:
    if isinstance(given, str):
        return {"train": [given]}
    found: dict[str, list[str]] = {}
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, str):
            found.setdefault("train", []).append(entry)
        elif isinstance(entry, Mapping) and "path" in entry:
            paths = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
            word = str(entry.get("split", "train"))
            split = {"val": "validation", "valid": "validation", "dev": "validation"}.get(word, word)
            found.setdefault(split, []).extend(str(path) for path in paths)
    return found


def _chosen(configs: Mapping[str, Any], config: str, where: str) -> str:
    names = [name for name in configs if name]
    if config in configs:
        return config
    if config:
        raise UsageError(
            f"there is no configuration '{config}'", where=where, remedy=f"It has: {', '.join(names)}"
        )
    if "default" in configs or len(names) == 1:
        return "default" if "default" in configs else names[0]
    raise UsageError(
        f"it has several configurations: {', '.join(names[:30])}",
        where=where,
        remedy=f"Name one behind the repository: hf:OWNER/NAME/{names[0]}, or --name {names[0]} to import it",
    )


def _matches(path: str, pattern: str) -> bool:
    pattern = pattern.removeprefix("./")
    return fnmatch(path, pattern) or fnmatch(path, pattern.replace("**/", ""))
