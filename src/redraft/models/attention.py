"""Which attention code a model runs on, from what the recipe asks for and what this machine has."""

from __future__ import annotations

import torch

from redraft.core.errors import RecipeError

KEY = "model.attention"
FLASH = "flash_attention_2"
HALF = (torch.bfloat16, torch.float16)


def attention_code(wanted: str, device: torch.device | str, compute: torch.dtype) -> str | None:
    """transformers' name of the attention code; None leaves the choice to transformers, which takes sdpa where the
    model has it.

    wanted: auto, sdpa, eager or flash. compute: the type of the computation, also where weights are held in
    another. flash asked for by name where it cannot run is a RecipeError; auto takes it where it can.
    """
    if wanted in ("sdpa", "eager"):
        return wanted
    missing = _missing(torch.device(device), compute)
    if missing is None:
        return FLASH
    if wanted == "flash":
        raise RecipeError(
            f"{KEY}: flash cannot be used here: {missing}",
            where=KEY,
            remedy="Give auto, which takes the fastest that runs, or sdpa",
        )
    return None


def _missing(device: torch.device, compute: torch.dtype) -> str | None:
    """What FlashAttention lacks on this machine."""
    from transformers.utils.import_utils import is_flash_attn_2_available

    if device.type != "cuda":
        return f"FlashAttention runs on a CUDA device, and the model is on {device.type}"
    if compute not in HALF:
        return f"FlashAttention computes in bf16 or fp16, and the run in {str(compute).removeprefix('torch.')}"
    if not is_flash_attn_2_available():
        return "the package flash-attn is not installed"
    return None
