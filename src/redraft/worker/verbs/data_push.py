"""`data push`: a dataset folder to a repository on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from redraft.core.discovery import load_task, task_folders
from redraft.core.errors import InputError, RedraftError
from redraft.core.task import Task
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.datasets.manifest import read_manifest
from redraft.datasets.preview import MOST, NAME, preview, with_preview
from redraft.datasets.reader import Dataset
from redraft.datasets.writer import CARD


def push(request: Request, work: Work) -> Result:
    """request: dataset, repo ("owner/name"), public (default: private), message."""
    folder = Path(request["dataset"])
    manifest = read_manifest(folder)
    dataset = Dataset.open(folder, _task(manifest.task) if manifest is not None else None)
    if dataset.manifest is None:
        raise InputError(
            "only datasets with a manifest are pushed", where=str(folder), remedy="Import the folder first"
        )
    repo = request["repo"]
    size = dataset.manifest.bytes
    work.progress("uploading", 0, 1, f"{size / 1e6:.1f} MB")
    files = _files(folder) | _preview(dataset, work)
    try:
        from huggingface_hub import CommitOperationAdd, HfApi

        api = HfApi()
        api.create_repo(repo, repo_type="dataset", private=not request.get("public"), exist_ok=True)
        commit = api.create_commit(
            repo_id=repo,
            repo_type="dataset",
            operations=[CommitOperationAdd(name, content) for name, content in sorted(files.items())],
            commit_message=request.get("message") or f"Dataset {dataset.fingerprint[:19]}",
        )
    except Exception as error:  # the hub's client and its transports raise dozens of kinds
        raise _hub_error(repo, error) from None
    work.progress("uploading", 1, 1)
    return Result({"repo": repo, "url": str(commit.commit_url), "bytes": size, "fingerprint": dataset.fingerprint})


def _files(folder: Path) -> dict[str, Path | bytes]:
    """Name in the repository to the file. Hidden ones stay here."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder): path for path in paths}
    return {
        name.as_posix(): path
        for name, path in names.items()
        if not any(part.startswith(".") for part in name.parts)
    }


def _preview(dataset: Dataset, work: Work) -> dict[str, Path | bytes]:
    """A picture of the first example, and the card with it; nothing where it cannot be drawn, which is said."""
    card = dataset.folder / CARD
    if not card.is_file():
        return {}
    try:
        split = next(split for split in dataset.splits.values() if len(split))
        example = split[0]
    except (StopIteration, RedraftError) as error:
        work.log(f"the card has no preview: {error}", "warning")
        return {}
    picture = preview(example.images)
    if picture is None:
        return {}
    shown = min(len(example.images), MOST)
    says = f"{'The first ' if len(example.images) > shown else ''}{shown} images of the example {example.id}"
    return {NAME: picture, CARD: with_preview(card.read_text(encoding="utf-8"), says).encode()}


def _task(name: str) -> Task | None:
    return load_task(name) if name in task_folders() else None


def _hub_error(repo: str, error: Exception) -> RedraftError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return RedraftError(
            "the hub refuses: no token, or one without the right to write there",
            where=repo,
            remedy="Log in with `hf auth login`, or set HF_TOKEN",
        )
    text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return RedraftError(
        f"the upload failed ({type(error).__name__}: {text})",
        where=repo,
        remedy="Check the network, HF_TOKEN and the name; nothing on this machine was changed",
    )
