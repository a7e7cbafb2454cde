"""Granite-Docling: SigLIP on tiles, a connector that merges patches by pixel shuffle, and a dense decoder.

Three layers of the encoder are tapped: what the connector makes of each is added to the image tokens behind one
of the decoder's first layers (deepstack). pixel_values [B, t, 3, S, S] hold a row an example that has pictures, t
tiles; pixel_attention_mask [B, t] says which of them are real. tile_fine_mask [B] is there where the processor
chose the fine path, with four times as many tokens a tile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from redraft.models.families.base import Family, Level, View, inner

TAP = "tap_{}"
TILES, FINE, ROUTER = "tiles", "fine", "router_logits"


@dataclass(frozen=True)
class GraniteDocling(Family):
    def view(self, processor: Any, width: int, height: int) -> View:
        pictures = processor.image_processor
        rows, columns = pictures.get_tile_grid(height, width)
        told = {"rows": [[rows]], "cols": [[columns]]} | ({"tile_fine_mask": None} if pictures.fine_route else {})
        tall, wide = int(pictures.size["height"]), int(pictures.size["width"])
        text = str(processor.replace_image_token(told, 0))
        return View(text, rows * tall / height, columns * wide, rows * tall)

    def features(self, model: Any, inputs: Mapping[str, Tensor], level: Level) -> dict[str, Tensor]:
        core = inner(model).model
        real = inputs["pixel_attention_mask"].bool()
        fine = "tile_fine_mask" in inputs
        pixels = inputs["pixel_values"][real].to(core.dtype)
        with torch.no_grad():
            last, taps = core.vision_model.encode(pixels)
            kept = {TILES: real.sum(-1), FINE: torch.full_like(real[:, 0], fine)}
            if core.density_router is not None:
                owner = torch.arange(len(real), device=pixels.device).repeat_interleave(kept[TILES])
                kept[ROUTER] = core.density_router(last, owner, len(real))
            if level == "encoder":
                return kept | {"last": last} | {TAP.format(i): tap for i, tap in enumerate(taps)}
            tokens, stacked = core.vision_model.connector(last, taps, fine=fine)
        return kept | {"tokens": tokens} | {TAP.format(i): tap for i, tap in enumerate(stacked)}

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        from transformers.models.granite_docling import modeling_granite_docling

        kind: Any = modeling_granite_docling.GraniteDoclingImageFeaturesOutput
        core = inner(model).model
        taps = [features[TAP.format(i)] for i in range(sum(name.startswith("tap_") for name in features))]
        fine = _same(features[FINE])
        if "tokens" in features:
            tokens = features["tokens"]
        else:
            tokens, taps = core.vision_model.connector(features["last"], taps, fine=fine)
        each = core.image_seq_len * (4 if fine else 1)
        counts: list[int] = (features[TILES] * each).tolist()
        return {
            "image": kind(
                pooler_output=torch.split(tokens, counts),
                deepstack_features=[torch.split(tap, counts) for tap in taps],
                router_logits=features.get(ROUTER),
            )
        }


def _same(fine: Tensor) -> bool:
    """Whether the fine path is taken; a batch takes one path, as the model's forward does."""
    first = bool(fine[0])
    if bool((fine != first).any()):
        raise ValueError("a batch mixes pages of the fine and of the coarse path, which the model cannot take")
    return first


FAMILY = GraniteDocling(
    name="granite_docling",
    model_types=("granite_docling",),
    # The router chooses a path before the tokens are made; the answer's loss never reaches it.
    vision=(
        "model.vision_model.embeddings",
        "model.vision_model.encoder",
        "model.vision_model.post_layernorm",
        "model.density_router",
    ),
    projector=("model.vision_model.connector",),
    language="model.text_model",
    special_tokens=("<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>"),
    pixel_inputs=("pixel_values", "pixel_attention_mask", "tile_fine_mask"),
    caches=True,
)
