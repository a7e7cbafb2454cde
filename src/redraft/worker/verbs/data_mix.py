"""`data mix`: several datasets of one task as one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft.core.discovery import load_task
from redraft.core.errors import UsageError
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.datasets.manifest import Source, read_manifest
from redraft.datasets.mixing import Mix, ingredient, options_of
from redraft.datasets.writer import DatasetWriter
from redraft.worker.verbs.data_made import Listening, about, summary


def mix(request: Request, work: Work) -> Result:
    """request: out, parts (list of {dataset, weight}), count, seed, options, images (False: none kept)."""
    started = time.monotonic()
    given = request["parts"]
    if not given:
        raise UsageError("there is nothing to mix", remedy="Give two or more dataset folders")
    first = read_manifest(given[0]["dataset"])
    task = load_task(first.task) if first is not None else None
    parts = [ingredient(Path(part["dataset"]), part.get("weight"), task) for part in given]
    assert task is not None  # a first one without a manifest is refused by now
    options = options_of(parts, task, request.get("options") or {})
    seed = int(request.get("seed") or 0)
    stored = bool(request.get("images", True)) and any(part.manifest.images == "stored" for part in parts)
    if "keep_images" in options:
        options["keep_images"] = stored
    versions = [part.manifest.versions for part in parts]
    with DatasetWriter(
        request["out"],
        task=task.name,
        revision=task.revision,
        options=options,
        seed=seed,
        versions=_joined(versions) if stored else task.versions(),
        source=Source(
            how=_how(request, seed),
            origin="; ".join(dict.fromkeys(part.manifest.source.origin for part in parts)),
            licence="; ".join(dict.fromkeys(r.licence for part in parts for r in part.manifest.ledger))
            or "; ".join(dict.fromkeys(part.manifest.source.licence for part in parts)),
        ),
        keep_images=stored,
        title=f"{task.title} (mixed)",
        about=about(task),
    ) as writer:
        made = Mix(
            parts, task, options, Listening(work, writer), count=request.get("count"), seed=seed, stored=stored
        )
        for mixed in made.examples():
            writer.add(mixed.split, mixed.example, mixed.rights)
    assert writer.manifest is not None
    return Result(summary(request["out"], writer.manifest, started) | {"taken": made.taken})


def _how(request: Request, seed: int) -> str:
    names = [
        Path(part["dataset"]).name + (f"={part['weight']:g}" if part.get("weight") is not None else "")
        for part in request["parts"]
    ]
    count = f" --count {request['count']}" if request.get("count") is not None else ""
    return f"redraft data mix {' '.join(names)}{count}, seed {seed}"


def _joined(versions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    names = dict.fromkeys(name for found in versions for name in found)
    return {
        name: ", ".join(dict.fromkeys(str(found[name]) for found in versions if name in found)) for name in names
    }
