"""What a hub says of a repository: the commit that a revision means, its files, and their checksums.

The client is huggingface_hub, so HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to it. A
token is read from the environment or from `hf auth login`; it is never part of a message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from redraft.core.errors import InputError, RecipeError, RedraftError

HUB = "hf:"
Kind = Literal["model", "dataset"]
LOGIN = "log in with `hf auth login`, or set HF_TOKEN"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """path: in the repository. bytes: its size. sha256: of large files' content. git: id of the Git blob.

    A cache names a file by `etag`, which is the checksum that its content must have.
    """

    path: str
    bytes: int
    sha256: str | None
    git: str

    @property
    def etag(self) -> str:
        return self.sha256 or self.git


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository at one commit. revision: what was asked for ("main", a tag, a commit)."""

    repo: str
    kind: Kind
    revision: str
    commit: str
    files: tuple[RemoteFile, ...]
    private: bool
    licence: str | None

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(file.path for file in self.files)


class HubAway(InputError):
    """The hub cannot be reached, or offline mode is on; what was fetched before may still do."""


def find_remote(repo: str, revision: str | None = None, kind: Kind = "model") -> Remote:
    """Asks the hub. No such repository or revision is a RecipeError, a gated one an InputError, an unreachable hub
    a HubAway."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi()
    try:
        info: Any = api.repo_info(repo, revision=revision, repo_type=kind)
        commit = info.sha
        if not re.fullmatch("[0-9a-f]{40}", commit or ""):
            raise InputError("this repository is empty", where=HUB + repo, remedy="Give another one")
        tree = api.list_repo_tree(repo, revision=commit, recursive=True, repo_type=kind)
        files = tuple(_file(entry) for entry in tree if isinstance(entry, RepoFile))
    except RedraftError:
        raise
    except Exception as error:  # the hub's client and its transports raise dozens of kinds
        raise hub_error(error, repo, revision, kind) from None
    card = info.card_data.to_dict() if info.card_data is not None else {}
    licence = card.get("license")
    return Remote(
        repo, kind, revision or "main", commit, files, bool(info.private), str(licence) if licence else None
    )


def _file(entry: Any) -> RemoteFile:
    """The entry, whose names become names on this disk: one that would lead elsewhere is an InputError."""
    file = RemoteFile(entry.path, int(entry.size), entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
    parts = PurePosixPath(file.path).parts
    if (
        not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", file.etag)
        or ".." in parts
        or "/" in parts
        or "\\" in file.path
    ):
        raise InputError(f"the hub lists a file that cannot be kept ('{file.path}')", remedy="Take another hub")
    return file


def hub_error(error: Exception, repo: str, revision: str | None, kind: Kind, doing: str = "read") -> RedraftError:
    """What the client raised, as what happened, where and the remedy. doing: "read" or "write"."""
    from huggingface_hub import errors

    where = HUB + repo
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.HFValidationError):
        return RecipeError(f"'{repo}' is no name of a repository", where=where, remedy="Write owner/name")
    if isinstance(error, errors.GatedRepoError):
        return InputError(
            "this repository is gated: its owner lets in those who asked",
            where=where,
            remedy=f"Ask for access on its page, and {LOGIN}",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return RecipeError(f"there is no revision '{revision}'", where=where, remedy="Give a commit or a tag")
    if isinstance(error, errors.RepositoryNotFoundError):
        return RecipeError(
            f"there is no {kind} '{repo}' on the hub, or it is private",
            where=where,
            remedy=f"Check its name; for a private one, {LOGIN}",
        )
    if status in (401, 403):
        what = "write there" if doing == "write" else "read it"
        return InputError(
            f"the hub refuses: no token, or one without the right to {what}",
            where=where,
            remedy=LOGIN[0].upper() + LOGIN[1:],
        )
    return HubAway(
        f"the hub cannot be reached ({reason(error)})"
        if status is None or status >= 500
        else f"the hub refuses ({reason(error)})",
        where=where,
        remedy="Check the network and HF_ENDPOINT, and run it again",
    )


def reason(error: BaseException) -> str:
    """The first line of an error, with its kind, and without addresses (those of storage carry signatures) and
    tokens."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else ""
    text = re.sub(r" for url:? '?[^' ]*'?", "", text)
    text = re.sub(r"https?://[^\s'\"]+", "the hub", re.sub(r"hf_\w+", "hf_...", text))
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
