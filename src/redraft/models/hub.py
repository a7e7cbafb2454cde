"""Uploads a checkpoint's model to a hub repository; private unless the recipe says otherwise."""

from __future__ import annotations

from pathlib import Path

from redraft.core.errors import RedraftError
from redraft.models.layout import MANIFEST, MODEL, RECIPE


def push(checkpoint: Path, repo: str, private: bool) -> str:
    """The model folder with the recipe and the manifest beside it, without the optimiser; the commit's address.

    A failed upload is a RedraftError; the checkpoint stays as it is.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    files = {path.name: path for path in sorted((checkpoint / MODEL).iterdir()) if path.is_file()}
    files |= {f"redraft/{name}": checkpoint / name for name in (MANIFEST, RECIPE)}
    try:
        api = HfApi()
        api.create_repo(repo, private=private, exist_ok=True)
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(name, str(path)) for name, path in files.items()],
            commit_message=f"Checkpoint {checkpoint.name}",
        )
    except Exception as error:  # the hub's client and its transports raise dozens of kinds
        raise RedraftError(
            f"the upload failed ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})",
            where=repo,
            remedy="Check the network, HF_TOKEN and the name; the checkpoint is untouched",
        ) from None
    return str(commit.commit_url)
