"""Uploads a model to a hub repository, with its card; private unless it is asked to be public.

Only what differs from the repository is sent. Large files go first, one by one, and the hub keeps each that has
arrived, so a push that broke off goes on where it was; the commit that shows them comes last and is one. Nothing
on this machine is changed, and paths of this machine are not published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import RedraftError
from redraft.core.work import Silent, Work
from redraft.models.card import MARK, model_card, run_facts
from redraft.models.download import digest, fetch, find_fetched
from redraft.models.layout import MANIFEST, MODEL, RECIPE, find_checkpoint, verify
from redraft.models.licence import licence_of
from redraft.models.remote import HUB, HubAway, Remote, RemoteFile, find_remote, hub_error, reason

CARD = "README.md"
BESIDE = "redraft"
"""Folder of the repository with what redraft knows of the checkpoint."""


def push(checkpoint: Path, repo: str, private: bool) -> str:
    """Uploads a checkpoint of a run; the commit's address. See `push_model`."""
    return str(push_model(checkpoint, repo, private, Silent())["url"])


def push_model(place: Path, repo: str, private: bool, work: Work) -> dict[str, Any]:
    """Uploads a checkpoint, a run's checkpoint or a plain model folder, without the optimiser.

    private: of a repository that this makes; one that is there stays as it is. Returns url, repo, commit, private,
    sent and unchanged (names), bytes. A failure is a RedraftError, and what is on this machine stays as it is.
    """
    repo = repo.removeprefix(HUB)
    files = _files(find_checkpoint(place), repo)
    from huggingface_hub import CommitOperationAdd, HfApi

    try:
        api = HfApi()
        api.create_repo(repo, private=private, exist_ok=True)
        there = _there(repo, work)
        if there is not None and _own_card(there):
            del files[CARD]
            work.log(f"the card of {repo} was written by somebody and stays as it is")
        known = {file.path: file for file in there.files} if there is not None else {}
        changed = {name: data for name, data in files.items() if not _same(data, known.get(name))}
        sizes = {name: _size(data) for name, data in changed.items()}
        total, done = sum(sizes.values()), 0
        operations = []
        for name, data in changed.items():
            given: Any = str(data) if isinstance(data, Path) else data
            operation = CommitOperationAdd(name, given)
            work.progress(f"uploading to {repo}", done, total, name)
            api.preupload_lfs_files(repo, [operation])
            operations.append(operation)
            done += sizes[name]
        work.progress(f"uploading to {repo}", total, total)
        url, commit = f"{api.endpoint}/{repo}", there.commit if there is not None else ""
        if operations:
            made = api.create_commit(repo, operations, commit_message=f"Upload {place.name}")
            url, commit = str(made.commit_url), str(made.oid)
        shown = find_remote(repo)
    except RedraftError:
        raise
    except Exception as error:  # the hub's client and its transports raise dozens of kinds
        raise _push_error(error, repo) from None
    return {
        "url": url,
        "repo": repo,
        "commit": commit,
        "private": shown.private,
        "sent": sorted(changed),
        "unchanged": sorted(set(files) - set(changed)),
        "bytes": total,
    }


def _push_error(error: Exception, repo: str) -> RedraftError:
    found = hub_error(_cause(error), repo, None, "model", "write")
    if isinstance(found, HubAway):
        return RedraftError(
            f"the upload failed ({reason(_cause(error))})",
            where=HUB + repo,
            remedy="The checkpoint is untouched; push it again with `redraft models push`, which sends the rest",
        )
    return found


def _cause(error: Exception) -> Exception:
    """The client wraps what a single file's upload met."""
    inner = error.__cause__
    return inner if isinstance(inner, Exception) and getattr(inner, "response", None) is not None else error


def _there(repo: str, work: Work) -> Remote | None:
    """The repository as it is; None where it is empty."""
    from huggingface_hub import HfApi

    return find_remote(repo) if getattr(HfApi().model_info(repo), "sha", None) else None


def _own_card(there: Remote) -> bool:
    """Whether somebody has written the card that is there."""
    cards = [file for file in there.files if file.path == CARD]
    if not cards:
        return False
    fetched = fetch(there, cards, Silent())
    text = (fetched.folder / CARD).read_text(encoding="utf-8", errors="replace")
    return MARK not in text and "## " in text


def _files(checkpoint: Path, repo: str) -> dict[str, Path | bytes]:
    """What is uploaded: name in the repository to a file or to content."""
    if not (checkpoint / MODEL).is_dir():  # a plain model folder
        names = sorted(p for p in checkpoint.rglob("*") if p.is_file() and not p.name.startswith("."))
        files: dict[str, Path | bytes] = {p.relative_to(checkpoint).as_posix(): p for p in names}
        if CARD not in files:
            files[CARD] = model_card(repo, {}, {}, None).encode()
        return files
    manifest = verify(checkpoint)
    recipe = json.loads((checkpoint / RECIPE).read_text(encoding="utf-8"))
    about = {name: value for name, value in manifest.items() if name != "files"}
    about, recipe = _published(about), _published(recipe)
    facts = {**about, **run_facts(checkpoint, manifest.get("step"))}
    files = {path.name: path for path in sorted((checkpoint / MODEL).iterdir()) if path.is_file()}
    if "adapter_config.json" in files:
        files["adapter_config.json"] = _adapter_config(checkpoint, manifest)
    files[f"{BESIDE}/{MANIFEST}"] = _json({**about, "files": manifest["files"]})
    files[f"{BESIDE}/{RECIPE}"] = _json(recipe)
    files[CARD] = model_card(repo, facts, recipe, _base_licence(manifest)).encode()
    return files


def _adapter_config(checkpoint: Path, manifest: Mapping[str, Any]) -> bytes:
    """peft's settings with the base model's name in place of its folder on this machine."""
    config = json.loads((checkpoint / MODEL / "adapter_config.json").read_text(encoding="utf-8"))
    base = manifest.get("base") or {}
    name = str(base.get("name") or "")
    config["base_model_name_or_path"] = name.removeprefix(HUB) if name.startswith(HUB) else _name(name)
    if name.startswith(HUB):
        config["revision"] = base.get("revision")
    return _json(config)


def _published(data: Any) -> Any:
    """The data with absolute paths of this machine shortened to their last name."""
    if isinstance(data, dict):
        return {key: _published(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_published(value) for value in data]
    return _name(data) if isinstance(data, str) else data


def _name(text: str) -> str:
    return Path(text).name if text.startswith(("/", "~")) or text[1:3] == ":\\" else text


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def _base_licence(manifest: Mapping[str, Any]) -> str | None:
    base = manifest.get("base") or {}
    name = str(base.get("name") or "")
    if name.startswith(HUB):
        folder = find_fetched(name.removeprefix(HUB), base.get("revision"), "model")
    else:
        folder = Path(name).expanduser() if name and name != "tiny" else None
    return licence_of(folder) if folder is not None and folder.is_dir() else None


def _size(data: Path | bytes) -> int:
    return len(data) if isinstance(data, bytes) else data.stat().st_size


def _same(data: Path | bytes, there: RemoteFile | None) -> bool:
    """Whether the repository holds exactly this content under the name."""
    return there is not None and _size(data) == there.bytes and digest(data, there) == there.etag
