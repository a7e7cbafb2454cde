"""How a model sees: what pictures and texts cost in its tokens. Opens processors, never weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.models.families import family_of
from redraft.models.families.deepseek_ocr1 import is_v1
from redraft.models.families.deepseek_ocr1 import open_processor as open_v1
from redraft.models.family_sight import LARGEST, FamilySight, PublishedSight
from redraft.models.layout import MODEL, find_checkpoint, read_manifest
from redraft.models.opening import faults, open_processor, quiet_library
from redraft.models.picture_settings import with_pictures
from redraft.models.published import FAMILIES, processor_of, with_processor
from redraft.models.remote import HUB
from redraft.models.source import Source, fetch_texts, read_config

SERVER = ("http://", "https://")
ASSUMED = "qwen2_5_vl"
"""The family whose figures stand in for those of a server's model that its name does not tell."""


def sight_of(name: str | Path, pictures: str | Mapping[str, Any] | None = None) -> FamilySight | PublishedSight:
    """How a model sees. Weights are not read.

    name: a model folder, a checkpoint or run of redraft, `hf:<owner>/<name>` (of which the small files are
    fetched), a family's name as it is published ("deepseek_ocr2", or "deepseek_ocr2:base" for one of its modes),
    or a server (`http://host/v1#model`), whose family is told from the model's name where that names one.
    pictures: as `model.pictures` of a recipe. What is none of these is a UsageError or an InputError.
    """
    text = str(name)
    if text.startswith(SERVER):
        return _of_server(text, pictures)
    family, _, mode = text.partition(":")
    if family in FAMILIES and not Path(text).exists():
        return _of_family(text, family, pictures if pictures is not None else mode or None)
    if text.startswith(HUB):
        folder = fetch_texts(text.removeprefix(HUB))
        return _of_folder(text, folder, pictures)
    path = Path(text).expanduser()
    if not path.exists():
        raise UsageError(
            "there is no such model, nor a family of this name",
            where=text,
            remedy=f"Give a model folder, a checkpoint, hf:<repo>, or one of {', '.join(FAMILIES)}",
        )
    return _of_folder(text, find_checkpoint(path), pictures)


def _of_family(name: str, key: str, pictures: str | Mapping[str, Any] | None) -> PublishedSight:
    published, stock = FAMILIES[key], processor_of(key)
    family = family_of(published.model_type)

    def seeing(asked: str | Mapping[str, Any]) -> Any:
        return with_processor(stock, with_pictures(stock.image_processor, family, asked))

    if pictures is not None:
        return PublishedSight(name, family, published, [(LARGEST, seeing(pictures))])
    by_side = [(side, seeing(mode)) for side, mode in published.modes]
    return PublishedSight(name, family, published, [*by_side, (LARGEST, stock)])


def _of_folder(name: str, folder: Path, pictures: str | Mapping[str, Any] | None) -> FamilySight:
    """folder: a checkpoint, or a folder of a model or an adapter."""
    inner = folder / MODEL if (folder / MODEL).is_dir() else folder
    config = read_config(inner)
    with quiet_library(), faults(Source(name)):
        if is_v1(config):
            family, processor = family_of("unlimited_ocr"), open_v1(inner)
        else:
            family = family_of(_model_type(folder, inner, config))
            processor = open_processor(inner, family.model_types[0])
    if pictures is not None:
        processor.image_processor = with_pictures(processor.image_processor, family, pictures)
    return FamilySight(name, family, processor, inner)


def _model_type(folder: Path, inner: Path, config: Mapping[str, Any]) -> str:
    """transformers' model type; an adapter's is in its checkpoint's manifest, else in its base."""
    if "model_type" in config:
        return str(config["model_type"])
    if inner != folder:
        family = (read_manifest(folder).get("base") or {}).get("family")
        if family:
            return str(family)
    base = Path(str(config.get("base_model_name_or_path") or ""))
    if (base / "config.json").is_file():
        return str(read_config(base).get("model_type"))
    raise InputError(
        "this adapter does not say of which family its base is",
        where=str(inner),
        remedy="Give the checkpoint that it belongs to, or the base model",
    )


def _of_server(name: str, pictures: str | Mapping[str, Any] | None) -> PublishedSight:
    """By the family that the model's name holds; else by an assumed one, which the sight's name then says."""
    plain = _plain(name.partition("#")[2])
    told = [key for key in FAMILIES if key != "tiny" and _plain(key) in plain]
    if told:
        return _of_family(name, max(told, key=len), pictures)
    return _of_family(f"{name} (unknown, counted as {FAMILIES[ASSUMED].title})", ASSUMED, pictures)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
