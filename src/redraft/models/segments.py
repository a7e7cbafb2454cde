"""Attention over rows that hold several examples, without FlashAttention and without a mask of L x L.

A packed row of n examples costs an ordinary attention the square of its whole length; here each example attends to
itself alone, as it would in a row of its own. It is one more entry in transformers' table of attentions, and for
rows that are not packed it is torch's own (sdpa).

Where the examples end travels in the place of the attention mask, which transformers hands through to every layer
when it has four dimensions: int64 [1, 1, 2, n], the tokens of each example, and how many of them, from its first
one on, see each other both ways (none in a plain causal model).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from redraft.models.collate import unwrapped
from redraft.models.freeze import language_module

SEGMENTS = "redraft_segments"
"""The name in transformers' table."""


def segments(lengths: tuple[int, ...], both_ways: tuple[int, ...]) -> Tensor:
    """What stands in for the attention mask of a packed row."""
    return torch.tensor([[[lengths, both_ways]]], dtype=torch.int64)


def register() -> None:
    """Adds the attention to transformers' tables; again is harmless."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    # Lengths are lists, which a compiled graph would be made anew for; it stops here and goes on behind.
    uncompiled: Any = torch.compiler.disable
    AttentionInterface.register(SEGMENTS, uncompiled(segment_attention))
    AttentionMaskInterface.register(SEGMENTS, sdpa_mask)


def implementation(model: Any) -> str:
    """The name of the language model's attention in transformers' table."""
    config: Any = language_module(unwrapped(model))[1].config
    return str(config._attn_implementation)


def use_segments(model: Any) -> None:
    """Lets the language model attend to each example of a packed row apart. The vision side and what is saved stay
    as they are. A model that is set to another attention than torch's own (sdpa) keeps it."""
    register()
    for module in language_module(unwrapped(model))[1].modules():
        config = getattr(module, "config", None)
        if config is not None and getattr(config, "_attn_implementation", None) == "sdpa":
            config._attn_implementation = SEGMENTS


def segment_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **more: Any
) -> tuple[Tensor, None]:
    """query, key, value: [1, heads, L, size of a head]. The output is [1, L, heads, size of a head]."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    attend: Any = sdpa_attention_forward
    if attention_mask is None or attention_mask.dtype != torch.int64:
        whole: tuple[Tensor, None] = attend(module, query, key, value, attention_mask, **more)
        return whole
    lengths, both_ways = attention_mask[0, 0].tolist()
    more.pop("is_causal", None)
    window = more.get("sliding_window")
    pieces = []
    # One split for all examples: its way back is one concatenation, where slices would each fill a whole row.
    split = [torch.split(tensor, lengths, dim=2) for tensor in (query, key, value)]
    for *parts, both in zip(*split, both_ways, strict=True):
        length = parts[0].shape[2]
        mask = None
        if both or (window is not None and length > window):
            mask = _mask(length, both, window, query.device)
        pieces.append(attend(module, *parts, mask, is_causal=True, **more)[0])
    return torch.cat(pieces, dim=1), None


def _mask(length: int, both_ways: int, window: int | None, device: torch.device) -> Tensor:
    """Who sees whom inside one example: bool [1, 1, length, length], rows see columns."""
    place = torch.arange(length, device=device)
    row, column = place[:, None], place[None, :]
    seen = column <= row
    if window is not None:
        seen &= column > row - window
    return (seen | ((row < both_ways) & (column < both_ways)))[None, None]
