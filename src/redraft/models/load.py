"""Loads a model with its processor: a base for training, or a checkpoint to go on from or to answer with."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from redraft.core.errors import InputError, RecipeError
from redraft.core.recipe import Model
from redraft.core.work import Work
from redraft.models.adapter import add_adapter
from redraft.models.audit import ADAPTER, check_adapter, check_adapter_values, find_adapter
from redraft.models.freeze import Counts, count, freeze
from redraft.models.layout import MODEL, find_checkpoint, read_manifest
from redraft.models.opening import Way, faults, open_model, open_processor, quiet_library, set_attention
from redraft.models.picture_settings import set_pictures
from redraft.models.source import HUB, Source, check_files, find_source, read_config
from redraft.models.tiny import build_tiny, tiny_options

__all__ = ["TINY", "Loaded", "apply_freeze", "load_checkpoint", "load_model", "open_folder", "quiet_library"]

TINY = "tiny"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to be trained or to answer.

    family: transformers' model type. source: where its base weights came from. adapter: whether only a peft
    adapter is trained and saved.
    """

    model: Any
    processor: Any
    family: str
    source: Source
    adapter: bool = False

    @property
    def device(self) -> torch.device:
        found: torch.device = next(self.model.parameters()).device
        return found

    @property
    def counts(self) -> Counts:
        return count(self.model)


def load_model(
    spec: Model,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    compute: torch.dtype | None = None,
    texts: Iterable[str] | None = None,
    seed: int = 0,
    work: Work | None = None,
) -> Loaded:
    """The base model of a recipe, frozen and adapted as it asks.

    dtype: of the weights. compute: of the computation, where it differs (autocast); it decides whether
    FlashAttention can run. texts: answers to train the tiny model's tokenizer on; other models need none. seed: of
    of the tiny model's weights and of a fresh adapter's. work: is told how far a download is. The processor sees
    pictures as `spec.pictures` says, and is saved with the model.
    """
    way = Way.of(spec, device, dtype, compute)
    loaded = _tiny(spec, texts, seed, way) if spec.base == TINY else _base(spec, way, work)
    if spec.freeze:
        freeze(loaded.model, spec.freeze)
    if spec.adapter is not None:
        state = torch.random.get_rng_state()
        torch.manual_seed(seed)
        model = add_adapter(loaded.model, spec.adapter, str(loaded.source.folder))
        torch.random.set_rng_state(state)
        loaded = replace(loaded, model=model, adapter=True)
    loaded = _placed(loaded, device, way)
    if spec.pictures is not None:
        set_pictures(loaded, spec.pictures)
    return loaded


def load_checkpoint(
    folder: Path | str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    compute: torch.dtype | None = None,
    spec: Model | None = None,
) -> Loaded:
    """The model of a checkpoint, a run or a plain model folder, as it was saved.

    Loading is strict: a missing or unexpected weight is an InputError. Nothing is verified by hash here; that
    is `layout.verify`, which resuming calls first. dtype, compute: as in `load_model`. spec: the model section of
    the recipe that goes on from here, for its attention and its 4-bit weights; without it transformers chooses.
    """
    found = find_checkpoint(Path(folder))
    inner = found / MODEL if (found / MODEL).is_dir() else found
    way = Way(dtype) if spec is None else Way.of(spec, device, dtype, compute)
    if (inner / "adapter_config.json").is_file():
        loaded = _adapter(found, inner, way)
    else:
        check_files(inner)
        loaded = _open(inner, Source(str(folder), inner.resolve()), way)
    return _placed(loaded, device, way)


def open_folder(folder: Path, dtype: torch.dtype, source: Source | None = None) -> Loaded:
    """A whole model and its processor from a folder, strictly: every key must fit."""
    return _open(folder, source or Source(str(folder), folder), Way(dtype))


def apply_freeze(loaded: Loaded, spec: Model) -> None:
    """Freezes a resumed model as its recipe does; an adapter has frozen the rest already."""
    if spec.freeze and not loaded.adapter:
        freeze(loaded.model, spec.freeze)


def _open(folder: Path, source: Source, way: Way) -> Loaded:
    model, processor = open_model(folder, source, way)
    return Loaded(model, processor, model.config.model_type, source)


def _placed(loaded: Loaded, device: torch.device | str, way: Way) -> Loaded:
    if way.four_bit is None:  # 4-bit weights were made on their device
        loaded.model.to(device)
    return loaded


def _tiny(spec: Model, texts: Iterable[str] | None, seed: int, way: Way) -> Loaded:
    if spec.adapter is not None:
        raise RecipeError(
            "the tiny model starts from random weights, so an adapter alone would train on noise",
            where="model.adapter",
            remedy="Remove model.adapter, or give a trained checkpoint as model.base",
        )
    if "vision" in spec.freeze:
        raise RecipeError(
            "the tiny model starts from random weights, so a frozen vision side would never see",
            where="model.freeze",
            remedy="Give `freeze: []`",
        )
    if spec.pictures is not None:
        raise RecipeError(
            "the tiny model sees pictures of one size, which is part of it",
            where="model.pictures",
            remedy="Remove it, and give model.options.picture: its side in pixels",
        )
    if texts is None:
        raise RecipeError("the tiny model needs texts for its tokenizer", where="model.base", remedy="Give texts")
    model, processor = build_tiny(tiny_options(spec.options), texts, seed)
    set_attention(model, way)
    return Loaded(model, processor, model.config.model_type, Source(TINY))


def _base(spec: Model, way: Way, work: Work | None) -> Loaded:
    if spec.options:
        raise RecipeError(
            "model.options is for the tiny model alone",
            where="model.options",
            remedy="Remove it; another model's sizes are in its config.json",
        )
    folder = Path(spec.base).expanduser()
    if not spec.base.startswith(HUB) and folder.is_dir() and not (folder / "config.json").is_file():
        return _own_base(folder, spec, way)
    source = find_source(spec.base, spec.revision, work)
    assert source.folder is not None
    return _open(source.folder, source, way)


def _own_base(folder: Path, spec: Model, way: Way) -> Loaded:
    """A checkpoint, run or adapter of redraft as the base of another training; an adapter is merged first."""
    found = find_checkpoint(folder)
    inner = found / MODEL if (found / MODEL).is_dir() else found
    if not (inner / "adapter_config.json").is_file():
        check_files(inner)
        return _open(inner, Source(spec.base, inner.resolve()), way)
    if way.four_bit is not None:
        raise RecipeError(
            "this base is an adapter, which cannot be merged into 4-bit weights",
            where="model.quantise",
            remedy="Merge it first with `redraft models merge`, or remove model.quantise",
        )
    loaded = _adapter(found, inner, way)
    model = loaded.model.merge_and_unload()
    return replace(loaded, model=model, adapter=False, source=replace(loaded.source, name=spec.base))


def adapter_source(checkpoint: Path, inner: Path) -> Source:
    """Where the base of an adapter comes from. inner: the checkpoint's folder with the adapter's files."""
    named = read_config(inner).get("base_model_name_or_path") or ""
    revision = None
    if (checkpoint / "manifest.json").is_file():
        base = read_manifest(checkpoint).get("base", {})
        revision = base.get("revision")
        if str(base.get("name", "")).startswith(HUB):
            named = base["name"]
    if not named:
        raise InputError("this adapter does not say its base model", where=str(inner), remedy="Add it")
    return find_source(named, revision)


def _adapter(checkpoint: Path, inner: Path, way: Way) -> Loaded:
    from peft import PeftModel

    find_adapter(inner)
    source = adapter_source(checkpoint, inner)
    assert source.folder is not None
    loaded = _open(source.folder, source, way)
    with quiet_library(), faults(source), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found missing adapter keys")  # each is put in its place below
        model = PeftModel.from_pretrained(loaded.model, inner, is_trainable=True)
        processor = open_processor(inner, loaded.family)
    check_adapter(model, inner)
    _fill(model, inner)
    return Loaded(model, processor, loaded.family, source, adapter=True)


def _fill(model: Any, inner: Path) -> None:
    """Puts every saved tensor of an adapter in its place. peft renames them as transformers renames the weights of
    published models, and for DeepSeek-OCR 2 and Unlimited-OCR finds a place for none: they would stay as drawn."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    saved = load_file(inner / ADAPTER)
    with torch.no_grad():
        for name, tensor in get_peft_model_state_dict(model).items():  # shares the parameters' memory
            tensor.copy_(saved[name])
    check_adapter_values(model, inner)
