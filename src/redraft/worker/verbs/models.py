"""The verbs of `redraft models`: models at rest, here and on a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.core.discovery import load_task
from redraft.core.errors import UsageError
from redraft.core.home import home
from redraft.core.verb import Request, Result, Verb
from redraft.core.work import Work
from redraft.datasets.reader import Dataset

PROOF_EXAMPLES = 4
"""Examples of a dataset that a merge is proved on."""


def list_verb(request: Request, work: Work) -> Result:
    """No request. {"models": [...], "store", "cache"}."""
    from huggingface_hub import constants

    from redraft.models.store import list_models

    store = home() / "models"
    entries = [entry.as_data() for entry in list_models(store)]
    return Result({"models": entries, "store": str(store), "cache": str(constants.HF_HUB_CACHE)})


def pull_verb(request: Request, work: Work) -> Result:
    """request: repo ("owner/name", or "hf:owner/name"), revision (a commit, tag or branch; main).

    The result names the commit, the folder, and what was fetched, resumed and there already.
    """
    from redraft.models.source import HUB, fetch_model
    from redraft.models.store import record_pull

    repo = str(request["repo"]).removeprefix(HUB)
    fetched = fetch_model(repo, request.get("revision"), work, verify=True)
    remote = fetched.remote
    value: dict[str, Any] = {
        "repo": remote.repo,
        "revision": remote.commit,
        "asked": remote.revision,
        "folder": str(fetched.folder),
        "licence": remote.licence,
        "files": len(fetched.files),
        "bytes": sum(file.bytes for file in fetched.files),
        "present": fetched.present,
        "fetched_bytes": fetched.fetched,
        "resumed_bytes": fetched.resumed,
        "seconds": round(fetched.seconds, 3),
        "verified": bool(fetched.files),
    }
    if fetched.files:
        value["record"] = str(record_pull(home() / "models", fetched))
    return Result(value)


def import_verb(request: Request, work: Work) -> Result:
    """request: source (a folder), out. The result has the audit's counts, notes and the walls' report."""
    from redraft.models.importing import import_model

    source = Path(request["source"])
    if not source.is_dir():
        raise UsageError(
            "there is no such folder", where=str(source), remedy="Give the folder that the checkpoint lies in"
        )
    return Result(import_model(source, Path(request["out"]), work))


def merge_verb(request: Request, work: Work) -> Result:
    """request: checkpoint (an adapter's, or its run), out, and as wanted dataset and split, whose examples the
    proof uses. The result is the proof."""
    from redraft.models.merge import merge_checkpoint

    place = Path(request["checkpoint"])
    if not place.is_dir():
        raise UsageError("there is no such folder", where=str(place), remedy="Give a checkpoint or a run")
    examples = None
    if request.get("dataset"):
        dataset = Dataset.open(Path(request["dataset"]))
        task = load_task(dataset.task) if dataset.task else None
        dataset = Dataset.open(dataset.folder, task)
        split = request.get("split") or next(iter(dataset.splits), "train")
        examples = list(dataset.split(split).evenly(PROOF_EXAMPLES))
    return Result(merge_checkpoint(place, Path(request["out"]), examples, work))


def push_verb(request: Request, work: Work) -> Result:
    """request: checkpoint (a checkpoint, a run or a model folder), repo, public (default: private)."""
    from redraft.models.hub import push_model

    place = Path(request["checkpoint"])
    if not place.is_dir():
        raise UsageError("there is no such folder", where=str(place), remedy="Give a checkpoint, a run or a model")
    return Result(push_model(place, str(request["repo"]), not request.get("public"), work))


VERBS: dict[str, Verb] = {
    "models.list": list_verb,
    "models.pull": pull_verb,
    "models.import": import_verb,
    "models.merge": merge_verb,
    "models.push": push_verb,
}
