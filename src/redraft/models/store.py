"""Which models lie on this machine: those of the state folder, and those in the hub client's cache."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redraft.core.atomic import write_json
from redraft.core.errors import InputError
from redraft.models.download import Fetched
from redraft.models.layout import MANIFEST, MODEL
from redraft.models.licence import licence_of
from redraft.models.source import HUB, read_config

RECORDS = "hub"
"""Folder of the state folder's models with a record of each pull."""


@dataclass(frozen=True, slots=True)
class Entry:
    """name: what `model.base` and `--model` take. parameters: counted in the weight files' headers; None where one
    cannot be read. bytes: of the weights. revision: the hub commit. place: "hub" or "local"."""

    name: str
    place: str
    family: str
    parameters: int | None
    bytes: int
    revision: str | None
    licence: str | None
    folder: str

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def list_models(models: Path) -> list[Entry]:
    """Every model below the folder `models` and in the hub client's cache, by name."""
    return sorted([*_local(models), *_cached()], key=lambda entry: (entry.place, entry.name))


def record_pull(models: Path, fetched: Fetched) -> Path:
    """Notes the commit and the checksums that a pull was verified against; the record's path."""
    remote = fetched.remote
    path = models / RECORDS / f"{remote.repo.replace('/', '--')}.json"
    write_json(
        path,
        {
            "repo": remote.repo,
            "asked": remote.revision,
            "commit": remote.commit,
            "licence": remote.licence,
            "pulled": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": {
                file.path: {"bytes": file.bytes, **({"sha256": file.sha256} if file.sha256 else {"git": file.git})}
                for file in fetched.files
            },
        },
    )
    return path


def _local(models: Path) -> Iterator[Entry]:
    for config in sorted(models.rglob("*config.json")) if models.is_dir() else []:
        folder = config.parent
        if config.name not in ("config.json", "adapter_config.json") or folder == models / RECORDS:
            continue
        shown = folder.parent if folder.name == MODEL and (folder.parent / MANIFEST).is_file() else folder
        base = _manifest(shown).get("base")
        revision = base.get("revision") if isinstance(base, dict) else None
        yield _entry(str(shown), "local", folder, revision)


def _cached() -> Iterator[Entry]:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    for repo in sorted(cache.glob("models--*")):
        name = HUB + repo.name.removeprefix("models--").replace("--", "/", 1)
        for snapshot in sorted((repo / "snapshots").glob("*")):
            if any((snapshot / n).is_file() for n in ("config.json", "adapter_config.json")):
                yield _entry(name, "hub", snapshot, snapshot.name)


def _entry(name: str, place: str, folder: Path, revision: str | None) -> Entry:
    try:
        config = read_config(folder)
    except InputError:
        config = {}
    family = str(config.get("model_type") or "unknown")
    if (folder / "adapter_config.json").is_file():
        family = f"{str(config.get('peft_type') or 'adapter').lower()} adapter"
    weights = [path for path in folder.glob("*.safetensors") if path.is_file()]
    counts = [_parameters(path) for path in weights]
    parameters = None if not counts or None in counts else sum(count for count in counts if count is not None)
    size = sum(path.stat().st_size for path in weights)
    return Entry(name, place, family, parameters, size, revision, licence_of(folder), str(folder))


def _parameters(path: Path) -> int | None:
    """Numbers in a safetensors file, by its header alone (eight bytes of length, then JSON)."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > 100 * 2**20:
                return None
            header: dict[str, Any] = json.loads(file.read(length))
        return sum(int(math.prod(facts["shape"])) for name, facts in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
