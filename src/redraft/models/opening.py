"""Opens a whole model and its processor from a folder, strictly, in the way that recipe and machine ask for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from redraft.core.errors import InputError, RecipeError
from redraft.core.recipe import Model
from redraft.models.attention import attention_code
from redraft.models.families import family_of
from redraft.models.families.deepseek_ocr1 import is_v1, open_v1
from redraft.models.four_bit import four_bit_settings
from redraft.models.parts import language_module, part_modules
from redraft.models.source import Source, read_config
from redraft.models.validation import check_structure


@dataclass(frozen=True, slots=True)
class Way:
    """How a model is held and run.

    dtype: of its weights. attention: transformers' name of the attention code, None for its own choice; named: it
    was asked for by name. four_bit: (device, computing type) where the language model is held in 4 bits.
    """

    dtype: torch.dtype = torch.float32
    attention: str | None = None
    named: bool = False
    four_bit: tuple[torch.device, torch.dtype] | None = None

    @classmethod
    def of(cls, spec: Model, device: torch.device | str, dtype: torch.dtype, compute: torch.dtype | None) -> Way:
        """What a recipe asks for; what cannot run here is a RecipeError."""
        compute = compute or dtype
        if spec.quantise is not None:
            four_bit_settings(family_of(""), device, compute)  # refuses before anything is fetched
        bits = (torch.device(device), compute) if spec.quantise is not None else None
        return cls(dtype, attention_code(spec.attention, device, compute), spec.attention != "auto", bits)


def open_model(folder: Path, source: Source, way: Way) -> tuple[Any, Any]:
    """(model, processor). A key that does not fit, a model that reads no pictures, and a processor that does not
    agree with the model are an InputError."""
    from transformers import AutoModelForImageTextToText

    if is_v1(read_config(folder)):
        if way.four_bit is not None:
            raise RecipeError(
                "the weights of DeepSeek-OCR v1 are put together while they are read, which 4 bits do not allow",
                where="model.quantise",
                remedy="Save the model once as it is opened (redraft's save_model), and give that folder as base",
            )
        with quiet_library(), faults(source):
            model, processor = open_v1(folder, way.dtype)
        check_structure(model, processor, source.name)
        set_attention(model, way)
        family_of(model.config.model_type).ready(model)
        return model, processor
    model_type = str(read_config(folder).get("model_type", ""))
    _reads_pictures(model_type, source)
    told: dict[str, Any] = {}
    with quiet_library(), faults(source):
        opened: Any = AutoModelForImageTextToText.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **_settings(model_type, way),
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
    check_structure(model, processor, source.name)
    set_attention(model, way)
    family_of(model.config.model_type).ready(model)
    return model, processor


def set_attention(model: Any, way: Way) -> None:
    """Lets an opened model run on the attention code that is asked for, its vision side where it can: some have no
    attention at all. A language model that lacks code asked for by name is a RecipeError."""
    if way.attention is None:
        return
    language: Any = language_module(model)[1]
    before = str(language.config._attn_implementation)
    fault = _set_attention(language, way.attention)
    if fault is not None and way.named:
        raise RecipeError(
            f"the language model cannot run on {way.attention} attention ({fault})",
            where="model.attention",
            remedy=f"Give auto; {before} is what it runs on then",
        )
    if fault is None:
        for _, module in part_modules(model, "vision"):
            _set_attention(module, way.attention)


def _set_attention(module: Any, code: str) -> str | None:
    """What stands against it, None where it is done."""
    if not hasattr(module, "set_attn_implementation"):
        return "it chooses its own"
    try:
        module.set_attn_implementation(code)
    except (ValueError, ImportError) as error:
        return str(error).splitlines()[0]
    return None if module.config._attn_implementation == code else "transformers does not let it be set"


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


def _settings(model_type: str, way: Way) -> dict[str, Any]:
    settings: dict[str, Any] = {"dtype": way.dtype}
    if way.four_bit is not None:
        device, compute = way.four_bit
        settings["quantization_config"] = four_bit_settings(family_of(model_type), device, compute)
        settings["device_map"] = {"": device}
    return settings


def _reads_pictures(model_type: str, source: Source) -> None:
    """Refuses, before any weight is read, a type that transformers knows as something else."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN

    if model_type in KNOWN:
        return
    known = model_type in CONFIG_MAPPING
    raise InputError(
        f"a model of type '{model_type}' has no vision encoder before its language model, so it reads no pictures"
        if known
        else f"transformers knows no model of type '{model_type}'",
        where=source.name,
        remedy="Choose a vision-language model, such as hf:HuggingFaceTB/SmolVLM-256M-Instruct",
    )


@contextlib.contextmanager
def faults(source: Source) -> Iterator[None]:
    """Turns what transformers raises for a model folder into an InputError."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"transformers cannot open this model ({type(error).__name__}: {first})",
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
