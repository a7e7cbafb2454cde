"""Holds the language model's frozen weights in 4 bits under an adapter (QLoRA, arXiv 2305.14314)."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch

from redraft.core.errors import RecipeError
from redraft.models.families import Family
from redraft.models.parts import NAMES

KEY = "model.quantise"


def four_bit_settings(family: Family, device: torch.device | str, compute: torch.dtype) -> Any:
    """transformers' settings for NF4 with quantised scales, the language model alone: the vision side, whose
    outliers 4 bits cut off, and the output keep their type.

    compute: the type in which the products are taken. Without CUDA or bitsandbytes it is a RecipeError.
    """
    kind = torch.device(device).type
    missing = None
    if kind != "cuda":
        missing = f"4-bit weights need a CUDA device, and the model is on {kind}"
    elif importlib.util.find_spec("bitsandbytes") is None:
        missing = "bitsandbytes is not installed"
    if missing is not None:
        raise RecipeError(
            f"{KEY}: nf4 cannot be used here: {missing}",
            where=KEY,
            remedy="Remove model.quantise, or train on a CUDA device after `pip install bitsandbytes`",
        )
    from transformers import BitsAndBytesConfig

    settings: Any = BitsAndBytesConfig
    kept = [*(family.vision or NAMES["vision"]), *(family.projector or NAMES["projector"]), "lm_head"]
    return settings(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
        llm_int8_skip_modules=kept,
    )
