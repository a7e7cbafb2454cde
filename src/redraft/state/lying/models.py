"""A model's folder as columns of its row: in the state folder, anywhere, and in the hub client's cache."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.state.lying.files import LARGEST, Fault, Found, card_head, label, read_json

CONFIG, ADAPTER = "config.json", "adapter_config.json"


def is_model(folder: Path) -> bool:
    """A configuration beside weights. A link that leads nowhere, as a cut pull leaves it, is no file."""
    has_config = any((folder / name).is_file() for name in (CONFIG, ADAPTER))
    return has_config and any(path.is_file() for path in folder.glob("*.safetensors"))


def model_columns(folder: Path) -> dict[str, Any]:
    """Columns from its configuration, its card and the heads of its weight files. InputError for a broken file."""
    adapter = (folder / ADAPTER).is_file()
    config = read_json(folder / (ADAPTER if adapter else CONFIG))
    weights = [path for path in folder.glob("*.safetensors") if path.is_file()]
    counts = [parameters_of(path) for path in weights]
    family = f"{str(config.get('peft_type') or 'lora').lower()} adapter" if adapter else config.get("model_type")
    head = card_head(folder)
    licence = head.get("license") or head.get("licence")
    return {
        "name": label(folder),
        "kind": "adapter" if adapter else "imported",
        "status": "ready",
        "family": str(family or "unknown")[:60],
        "licence": str(licence) if licence else None,
        "parameters": None if None in counts else sum(count or 0 for count in counts),
        "bytes": sum(path.stat().st_size for path in weights),
    }


def parameters_of(path: Path) -> int | None:
    """Numbers in a safetensors file by its head (eight bytes of its length, then JSON); None where it has none."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            head: dict[str, Any] = json.loads(file.read(length)) if length <= LARGEST else {}
        return sum(int(math.prod(facts["shape"])) for name, facts in head.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def pulled() -> Iterator[Found | Fault]:
    """The models in the hub client's cache, by the names that recipes give them ("hf:<owner>/<name>")."""
    from huggingface_hub import constants

    for repo in sorted(Path(constants.HF_HUB_CACHE).glob("models--*--*")):
        folder = _snapshot(repo)
        if folder is None:
            continue
        name = "hf:" + repo.name.removeprefix("models--").replace("--", "/", 1)
        try:
            columns = model_columns(folder)
        except InputError as error:
            yield Fault(folder, error.what)
            continue
        yield Found("model", folder, columns | {"name": name, "kind": "base", "revision": folder.name})


def _snapshot(repo: Path) -> Path | None:
    """The commit that `main` stood for when it was last asked for, else the newest; None where none is whole."""
    main = repo / "refs" / "main"
    named = main.read_text(encoding="utf-8").strip() if main.is_file() else ""
    snapshots = sorted((repo / "snapshots").glob("*"), key=lambda path: (path.name == named, path.stat().st_mtime))
    return next((path for path in reversed(snapshots) if is_model(path)), None)
