"""Where a model's files come from: a local folder or a pinned revision of a hub repository.

Only safetensors weights and JSON are fetched or opened, and no code of a repository is ever run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, RecipeError
from redraft.models.families.deepseek_ocr1 import is_v1

HUB = "hf:"
PATTERNS = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.txt", "*.model"]


@dataclass(frozen=True, slots=True)
class Source:
    """name: as the recipe gives it. folder: the files, None for the tiny model. revision: the hub commit."""

    name: str
    folder: Path | None = None
    revision: str | None = None


def find_source(base: str, revision: str | None = None) -> Source:
    """The files of a base model, fetched where they are on the hub. A fault is an InputError or RecipeError."""
    if base.startswith(HUB):
        return _fetch(base, base.removeprefix(HUB), revision)
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
    config = read_config(folder)
    if not any(folder.glob("*.safetensors")):
        others = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for p in folder.glob(pattern))
        found = f"only {', '.join(others)}, which can carry code" if others else "no weights"
        raise InputError(
            f"this model folder holds {found}",
            where=str(folder),
            remedy="Give a folder with *.safetensors weights",
        )
    if "auto_map" in config and not is_v1(config):
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING

        if config.get("model_type") not in CONFIG_MAPPING:
            raise InputError(
                "this model needs code from its own repository, which is never run",
                where=str(folder),
                remedy="Choose a model whose family is part of transformers",
            )


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


def _fetch(base: str, repo: str, revision: str | None) -> Source:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        try:
            commit = HfApi().model_info(repo, revision=revision).sha
        except (RepositoryNotFoundError, HFValidationError):
            raise
        except Exception:  # offline: any transport's error; what was fetched before may still do
            commit = revision
        try:
            folder = Path(snapshot_download(repo, revision=commit, allow_patterns=PATTERNS))
        except LocalEntryNotFoundError:
            raise
        except Exception:
            folder = Path(snapshot_download(repo, revision=commit, allow_patterns=PATTERNS, local_files_only=True))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise RecipeError(
            f"there is no model '{repo}' on the hub ({str(error).splitlines()[0]})",
            where="model.base",
            remedy="Check its name; for a private one, log in with `hf auth login`",
        ) from None
    except Exception as error:
        raise InputError(
            f"the model cannot be fetched ({type(error).__name__}: {str(error).splitlines()[0]})",
            where=base,
            remedy="Check the connection, or give a local folder",
        ) from None
    check_files(folder)
    return Source(base, folder, folder.name if commit is None else commit)


def fetch_dataset(repo: str, revision: str | None = None) -> Path:
    """The Parquet files of a dataset repository on the hub, as a local folder."""
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                repo, repo_type="dataset", revision=revision, allow_patterns=["*.parquet", "*.json", "README.md"]
            )
        )
    except Exception as error:  # the hub's client and its transports raise dozens of kinds
        raise InputError(
            f"the dataset cannot be fetched ({type(error).__name__}: {str(error)[:200]})",
            where=HUB + repo,
            remedy="Check the name and the connection, or give a local folder",
        ) from None
