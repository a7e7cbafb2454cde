"""Keeps the bias of Phi's output layer in transformers' LLaVA, whose output layer has none.

The bias needs a feature that is always 1. So the decoder gets a few more channels, each of which carries the mean
of the old ones: that leaves the mean of a token's D channels as it is and makes their variance D / (D + k) of what
it was, for k new channels. With the layer norms' weights times sqrt(D / (D + k)) and their epsilon times
D / (D + k), every old channel gets exactly the value that it had, and the new ones get 0, because they lie at the
mean. The last layer norm then adds 1 to one of them, and the output layer's weight for that channel is the bias.
Whatever writes to the channels is linear (embedding, attention's and feed-forward's last layer, the projector), so
the mean of its rows writes the mean. Exact but for rounding; a test holds logits against the parts run by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

MORE = 64
"""Channels added: a step that tensor cores like."""
HEAD, FINAL = "lm_head.weight", "model.language_model.final_layernorm"
EMBEDDING = "model.language_model.embed_tokens.weight"
WRITERS = r"model\.language_model\.layers\.\d+\.(self_attn\.dense|mlp\.fc2)\.(weight|bias)"
READERS = r"model\.language_model\.layers\.\d+\.(self_attn\.[qkv]_proj|mlp\.fc1)\.weight"
NORMS = r"model\.language_model\.layers\.\d+\.input_layernorm\.(weight|bias)"
PROJECTOR = "model.multi_modal_projector"


def can_fold(text: Mapping[str, Any]) -> bool:
    """Whether a decoder with these settings can take its head's bias so."""
    return text.get("model_type") == "phi" and not text.get("qk_layernorm")


def fold(
    state: Mapping[str, Tensor], text: Mapping[str, Any], bias: Tensor
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights and the decoder's settings, `MORE` channels wider, with the head's bias [vocabulary] in them."""
    width = state[EMBEDDING].shape[1]
    part = width / (width + MORE)
    wider: dict[str, Tensor] = {}
    for name, value in state.items():
        kind = value.dtype
        whole = value.float()
        if name == EMBEDDING:
            found = torch.cat([whole, whole.mean(1, keepdim=True).expand(-1, MORE)], 1)
        elif re.fullmatch(WRITERS, name) or name.startswith(f"{PROJECTOR}.linear_2"):
            found = torch.cat([whole, whole.mean(0, keepdim=True).expand(MORE, *whole.shape[1:])])
        elif name.startswith(f"{PROJECTOR}.linear_1"):
            found = torch.cat([whole, whole.new_zeros(MORE, *whole.shape[1:])])
        elif re.fullmatch(READERS, name):
            found = torch.cat([whole, whole.new_zeros(whole.shape[0], MORE)], 1)
        elif re.fullmatch(NORMS, name) or name.startswith(FINAL):
            scaled = whole * part**0.5 if name.endswith("weight") else whole
            found = torch.cat([scaled, whole.new_zeros(MORE)])
            if name == f"{FINAL}.bias":
                found[width] = 1.0
            kind = torch.float32  # half precision would round the scale
        elif name == HEAD:
            found = torch.cat([whole, bias.float()[:, None], whole.new_zeros(whole.shape[0], MORE - 1)], 1)
        else:
            wider[name] = value
            continue
        if name == f"{PROJECTOR}.linear_2.weight":
            found = torch.cat([found, found.new_zeros(found.shape[0], MORE)], 1)
        wider[name] = found.to(kind)
    heads = int(text["num_attention_heads"])
    settings = {
        **text,
        "hidden_size": width + MORE,
        "head_dim": int(text.get("head_dim") or width // heads),
        "layer_norm_eps": float(text.get("layer_norm_eps", 1e-5)) * part,
    }
    return wider, settings
