"""Where a model's files come from: a local folder or a pinned revision of a hub repository.

Only safetensors weights and JSON are fetched or opened, and no code of a repository is ever run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, RecipeError
from redraft.core.work import Silent, Work
from redraft.models.download import Fetched, fetch, find_fetched, pin
from redraft.models.remote import HUB as HUB
from redraft.models.remote import HubAway, Remote, find_remote

TEXTS = ("*.json", "*.jinja", "*.txt", "*.model", "README.md", "LICENSE*", "LICENCE*")
"""Names of the files beside the weights that are fetched: configurations, tokenizers, the card and the licence."""
DATASET_FILES = ("*.parquet", "*.json", "README.md")
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Source:
    """name: as the recipe gives it. folder: the files, None for the tiny model. revision: the hub commit."""

    name: str
    folder: Path | None = None
    revision: str | None = None


def find_source(base: str, revision: str | None = None, work: Work | None = None) -> Source:
    """The files of a base model, fetched where they are on the hub. A fault is an InputError or RecipeError.

    work: is told how far a download is.
    """
    if base.startswith(HUB):
        fetched = fetch_model(base.removeprefix(HUB), revision, work or Silent())
        return Source(base, fetched.folder, fetched.remote.commit)
    folder = Path(base).expanduser()
    if not folder.is_dir():
        raise RecipeError(
            f"there is no model folder '{base}'",
            where="model.base",
            remedy="Give a folder, 'hf:<repo>' for a model on the hub, or 'tiny'",
        )
    check_files(folder)
    return Source(base, folder.resolve(), revision)


def check_files(folder: Path) -> None:
    """Refuses a folder without a configuration, with code, or with weights in a format that can run code."""
    read_config(folder)
    present = {path.name for path in folder.glob("*.safetensors")}
    if not present:
        others = sorted(path.name for path in folder.iterdir() if path.name.endswith(PICKLES))
        found = f"only {', '.join(others)}, which can carry code" if others else "no weights"
        raise InputError(
            f"this model folder holds {found}",
            where=str(folder),
            remedy="Turn it into safetensors with `redraft models import`"
            if others
            else "Give a folder with *.safetensors weights",
        )
    weight_files(folder, present)
    check_code(folder)


def check_code(folder: Path) -> None:
    """Refuses a model whose classes are not part of transformers: code of a repository is never run."""
    config = read_config(folder)
    if "auto_map" in config:
        # Here, so that a dataset's files are found without loading torch.
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING

        from redraft.models.families.deepseek_ocr1 import is_v1

        if not is_v1(config) and config.get("model_type") not in CONFIG_MAPPING:
            raise InputError(
                "this model needs code from its own repository, which is never run",
                where=str(folder),
                remedy="Choose a model whose family is part of transformers"
                + ("; `redraft models import` turns a TinyLLaVA folder into one" * _is_tinyllava(config)),
            )


def _is_tinyllava(config: dict[str, Any]) -> bool:
    return str(config.get("model_type")).replace("_", "").startswith("tinyllava")


def read_config(folder: Path) -> dict[str, Any]:
    """config.json (or adapter_config.json) of a model folder."""
    for name in ("config.json", "adapter_config.json"):
        path = folder / name
        if path.is_file():
            try:
                data = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise InputError(
                    f"this is no model configuration ({error})", where=str(path), remedy="Copy the model again"
                ) from None
            if isinstance(data, dict):
                return data
    raise InputError(
        "this folder holds no model: there is no config.json",
        where=str(folder),
        remedy="Give the folder that a model was saved in, or a checkpoint of redraft",
    )


def fetch_model(repo: str, revision: str | None, work: Work, verify: bool = False) -> Fetched:
    """Fetches a model repository: texts first, so that one we would not open costs no weights.

    verify: check what was there before, too. Without the hub a copy that was fetched before is taken, and said.
    """
    try:
        remote = find_remote(repo, revision)
    except HubAway as away:
        folder = find_fetched(repo, revision, "model")
        if folder is None or not _whole(folder):
            raise
        work.log(f"{away.what}; the copy of {repo} at commit {folder.name} is taken", "warning")
        return Fetched(Remote(repo, "model", revision or "main", folder.name, (), False, None), folder)
    check_listing(remote)
    texts = [file for file in remote.files if _is_text(file.path)]
    fetched = fetch(remote, texts, work, verify=verify)
    check_code(fetched.folder)
    names = weight_files(fetched.folder, remote.paths)
    fetch(remote, [file for file in remote.files if file.path in names], work, fetched, verify)
    check_files(fetched.folder)
    pin(remote)
    return fetched


def fetch_texts(repo: str, revision: str | None = None, work: Work | None = None) -> Path:
    """The folder of a model repository's small files (configurations, tokenizer, template), without its weights.

    Without the hub a copy fetched before is taken.
    """
    work = work or Silent()
    try:
        remote = find_remote(repo, revision)
    except HubAway:
        folder = find_fetched(repo, revision, "model")
        if folder is None:
            raise
        return folder
    return fetch(remote, [file for file in remote.files if _is_text(file.path)], work).folder


def _whole(folder: Path) -> bool:
    """Whether an earlier fetch of this snapshot came to its end."""
    try:
        check_files(folder)
    except InputError:
        return False
    return True


def check_listing(remote: Remote) -> None:
    """Refuses a repository without weights that can be opened, before anything of it is fetched."""
    tops = sorted(path for path in remote.paths if "/" not in path)
    if any(path.endswith(".safetensors") for path in tops):
        return
    pickles = sorted(path for path in remote.paths if path.endswith(PICKLES))
    if pickles:
        raise InputError(
            f"this repository holds its weights as {', '.join(pickles[:3])} alone, and such files can carry code",
            where=HUB + remote.repo,
            remedy="Download it by hand (`hf download`) and turn it into safetensors with `redraft models import`",
        )
    raise InputError(
        "this repository holds no weights that redraft opens",
        where=HUB + remote.repo,
        remedy="Give a model with *.safetensors files",
    )


def weight_files(folder: Path, paths: Collection[str]) -> set[str]:
    """The weight files that opening the model takes: the shards that the index names, or the one file. Copies in
    other forms, which some repositories hold beside them, are passed over."""
    tops = {path for path in paths if path.endswith(".safetensors") and "/" not in path}
    chosen = {path for path in tops if path == "adapter_model.safetensors"}
    index = folder / INDEX
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"the index of the weights cannot be read ({error})", where=str(index)) from None
        missing = sorted(shards - tops)
        if missing:
            raise InputError(
                f"the index names {missing[0]}, which is not there",
                where=str(index),
                remedy="Copy the model again",
            )
        return chosen | shards
    if "model.safetensors" in tops:
        return chosen | {"model.safetensors"}
    return tops


def _is_text(path: str) -> bool:
    return any(fnmatch(Path(path).name, pattern) for pattern in TEXTS)


Choose = Callable[[Path, Collection[str]], Collection[str]]


def fetch_dataset(
    repo: str, revision: str | None = None, work: Work | None = None, choose: Choose | None = None
) -> Path:
    """The Parquet files of a dataset repository on the hub, as a local folder named by its commit.

    repo may carry the revision, as in "owner/name@v1". Without the hub a copy fetched before is taken. choose: the
    Parquet files to fetch, out of all paths, once the folder holds the repository's card.
    """
    name, _, written = repo.partition("@")
    revision, work = revision or written or None, work or Silent()
    try:
        remote = find_remote(name, revision, "dataset")
    except HubAway as away:
        folder = find_fetched(name, revision, "dataset")
        if folder is None:
            raise
        work.log(f"{away.what}; the copy of {name} at commit {folder.name} is taken", "warning")
        return folder
    if not any(path.endswith(".parquet") for path in remote.paths):
        raise InputError(
            "this dataset repository holds no Parquet files",
            where=HUB + name,
            remedy=f"Import it: `redraft data import huggingface {HUB}{name} OUT`",
        )
    wanted = [f for f in remote.files if any(fnmatch(Path(f.path).name, pattern) for pattern in DATASET_FILES)]
    if choose is not None:
        fetched = fetch(remote, [f for f in wanted if not f.path.endswith(".parquet")], work)
        chosen = choose(fetched.folder, remote.paths)
        wanted = [f for f in wanted if f.path in chosen or not f.path.endswith(".parquet")]
    folder = fetch(remote, wanted, work).folder
    pin(remote)
    return folder
