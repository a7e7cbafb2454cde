"""`data push`: a dataset folder to a repository on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from redraft.core.errors import InputError, RedraftError
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.datasets.reader import Dataset


def push(request: Request, work: Work) -> Result:
    """request: dataset, repo ("owner/name"), public (default: private), message."""
    folder = Path(request["dataset"])
    dataset = Dataset.open(folder)
    if dataset.manifest is None:
        raise InputError(
            "only datasets with a manifest are pushed", where=str(folder), remedy="Import the folder first"
        )
    repo = request["repo"]
    size = dataset.manifest.bytes
    work.progress("uploading", 0, 1, f"{size / 1e6:.1f} MB")
    try:
        from huggingface_hub import HfApi

        api = HfApi()
        api.create_repo(repo, repo_type="dataset", private=not request.get("public"), exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            commit_message=request.get("message") or f"Dataset {dataset.fingerprint[:19]}",
        )
    except Exception as error:  # the hub's client and its transports raise dozens of kinds
        raise _hub_error(repo, error) from None
    work.progress("uploading", 1, 1)
    return Result({"repo": repo, "url": str(commit.commit_url), "bytes": size, "fingerprint": dataset.fingerprint})


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
