"""Loads a model with its processor: a base for training, or a checkpoint to go on from or to answer with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from redraft.core.errors import InputError, RecipeError
from redraft.core.recipe import Model
from redraft.models.adapter import add_adapter
from redraft.models.families import family_of
from redraft.models.families.deepseek_ocr1 import is_v1, open_v1
from redraft.models.freeze import Counts, count, freeze
from redraft.models.layout import MODEL, find_checkpoint, read_manifest
from redraft.models.source import HUB, Source, check_files, find_source, read_config
from redraft.models.tiny import build_tiny, tiny_options

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
    texts: Iterable[str] | None = None,
    seed: int = 0,
) -> Loaded:
    """The base model of a recipe, frozen and adapted as it asks.

    texts: answers to train the tiny model's tokenizer on; other models need none. seed: of the tiny model's
    weights and of a fresh adapter's.
    """
    loaded = _tiny(spec, texts, seed) if spec.base == TINY else _base(spec, dtype)
    if spec.freeze:
        freeze(loaded.model, spec.freeze)
    if spec.adapter is not None:
        state = torch.random.get_rng_state()
        torch.manual_seed(seed)
        model = add_adapter(loaded.model, spec.adapter, str(loaded.source.folder))
        torch.random.set_rng_state(state)
        loaded = replace(loaded, model=model, adapter=True)
    loaded.model.to(device)
    return loaded


def load_checkpoint(
    folder: Path | str, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Loaded:
    """The model of a checkpoint, a run or a plain model folder, as it was saved.

    Loading is strict: a missing or unexpected weight is an InputError. Nothing is verified by hash here; that
    is `layout.verify`, which resuming calls first.
    """
    found = find_checkpoint(Path(folder))
    inner = found / MODEL if (found / MODEL).is_dir() else found
    if (inner / "adapter_config.json").is_file():
        loaded = _adapter(found, inner, dtype)
    else:
        check_files(inner)
        loaded = open_folder(inner, dtype, Source(str(folder), inner.resolve()))
    loaded.model.to(device)
    return loaded


def apply_freeze(loaded: Loaded, spec: Model) -> None:
    """Freezes a resumed model as its recipe does; an adapter has frozen the rest already."""
    if spec.freeze and not loaded.adapter:
        freeze(loaded.model, spec.freeze)


def _tiny(spec: Model, texts: Iterable[str] | None, seed: int) -> Loaded:
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
    if texts is None:
        raise RecipeError("the tiny model needs texts for its tokenizer", where="model.base", remedy="Give texts")
    model, processor = build_tiny(tiny_options(spec.options), texts, seed)
    return Loaded(model, processor, model.config.model_type, Source(TINY))


def _base(spec: Model, dtype: torch.dtype) -> Loaded:
    if spec.options:
        raise RecipeError(
            "model.options is for the tiny model alone",
            where="model.options",
            remedy="Remove it; another model's sizes are in its config.json",
        )
    folder = Path(spec.base).expanduser()
    if not spec.base.startswith(HUB) and folder.is_dir() and not (folder / "config.json").is_file():
        loaded = load_checkpoint(folder, dtype=dtype)
        if loaded.adapter:
            loaded = replace(loaded, model=loaded.model.merge_and_unload(), adapter=False)
        return replace(loaded, source=replace(loaded.source, name=spec.base))
    source = find_source(spec.base, spec.revision)
    assert source.folder is not None
    return open_folder(source.folder, dtype, source)


def open_folder(folder: Path, dtype: torch.dtype, source: Source | None = None) -> Loaded:
    """A whole model and its processor from a folder, strictly: every key must fit."""
    from transformers import AutoModelForImageTextToText

    source = source or Source(str(folder), folder)
    if is_v1(read_config(folder)):
        with quiet_library(), _faults(source):
            model, processor = open_v1(folder, dtype)
        family_of(model.config.model_type).ready(model)
        return Loaded(model, processor, model.config.model_type, source)
    with quiet_library(), _faults(source):
        opened: Any = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
        model, told = opened
        processor = open_processor(folder, model.config.model_type)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if told.get(kind):
            names = sorted(str(key) for key in told[kind])
            raise InputError(
                f"the weights do not fit the model: {kind.replace('_', ' ')} {', '.join(names[:3])}"
                + (f" and {len(names) - 3} more" if len(names) > 3 else ""),
                where=str(folder),
                remedy="Take the weights and config.json from the same place",
            )
    family_of(model.config.model_type).ready(model)
    return Loaded(model, processor, model.config.model_type, source)


def open_processor(folder: Path, model_type: str) -> Any:
    """The processor (tokenizer, pictures, chat template) of a model folder, as the model's family opens it.

    A special token of the family that the tokenizer would take apart is an InputError.
    """
    family = family_of(model_type)
    processor = family.open_processor(folder)
    tokenizer = getattr(processor, "tokenizer", processor)
    for token in family.special_tokens:
        if len(tokenizer(token, add_special_tokens=False)["input_ids"]) != 1:
            raise InputError(
                f"the tokenizer takes the special token {token} apart, so the model would read other words",
                where=str(folder),
                remedy="Take the tokenizer's files and the weights from the same place",
            )
    return processor


def _adapter(checkpoint: Path, inner: Path, dtype: torch.dtype) -> Loaded:
    from peft import PeftModel

    named = read_config(inner).get("base_model_name_or_path") or ""
    revision = None
    if (checkpoint / "manifest.json").is_file():
        base = read_manifest(checkpoint).get("base", {})
        revision = base.get("revision")
        if str(base.get("name", "")).startswith(HUB):
            named = base["name"]
    if not named:
        raise InputError("this adapter does not say its base model", where=str(inner), remedy="Add it")
    source = find_source(named, revision)
    assert source.folder is not None
    loaded = open_folder(source.folder, dtype, source)
    with quiet_library(), _faults(source):
        model = PeftModel.from_pretrained(loaded.model, inner, is_trainable=True)
        processor = open_processor(inner, loaded.family)
    return Loaded(model, processor, loaded.family, source, adapter=True)


@contextlib.contextmanager
def _faults(source: Source) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError) as error:
        raise InputError(
            f"transformers cannot open this model ({type(error).__name__}: {str(error).strip().splitlines()[0]})",
            where=source.name,
            remedy="Choose a model of AutoModelForImageTextToText with safetensors weights",
        ) from error


@contextlib.contextmanager
def quiet_library() -> Iterator[None]:
    """transformers without its progress bars and warnings: standard error belongs to ours."""
    from transformers.utils import logging as library

    logging: Any = library
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
