"""Idefics3 and SmolVLM: a picture is cut into tiles of one size and shown once more as a whole.

A connector puts scale_factor x scale_factor patches together into one image token, so every tile has the same
number of tokens. pixel_values are [1, tiles, 3, H, W] an example; a tile of zeros is one that padding added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from redraft.models.families._processors import declared_class, pictures_alone
from redraft.models.families.base import Family, Level, inner, inputs_of


@dataclass(frozen=True)
class Idefics3(Family):
    def open_processor(self, folder: Path) -> Any:
        """Idefics3's processor for both: it gives the ids and pixels of SmolVLM's, which wants two packages more
        for its videos. Saved, it says of itself what the model's own would."""
        from transformers import Idefics3Processor

        return pictures_alone(Idefics3Processor, declared_class(folder)).from_pretrained(folder)

    def features(self, model: Any, inputs: Mapping[str, Tensor], level: Level) -> dict[str, Tensor]:
        """tokens [tiles, tokens of a tile, D], or patches [tiles, patches of a tile, width of the encoder]."""
        core = inner(model).model
        found: list[Any] = []

        def run() -> None:
            pixels, mask = inputs["pixel_values"], inputs.get("pixel_attention_mask")
            found.append(core.get_image_features(pixels, mask, return_dict=True))

        with torch.no_grad():
            seen = inputs_of([core.connector], run)[0]
        if level == "encoder":
            return {"patches": seen}
        tokens = torch.cat(list(found[0].pooler_output))
        return {"tokens": tokens.view(len(seen), -1, tokens.shape[-1])}

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        connector = inner(model).model.connector
        tokens = features["tokens"] if "tokens" in features else connector(features["patches"])
        output: Any = BaseModelOutputWithPooling
        return {"image": output(pooler_output=[tokens.flatten(0, 1)])}


FAMILY = Idefics3(
    name="idefics3",
    model_types=("idefics3", "smolvlm"),
    vision=("model.vision_model",),
    projector=("model.connector",),
    language="model.text_model",
    special_tokens=("<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>"),
    pixel_inputs=("pixel_values", "pixel_attention_mask"),
    caches=True,
)
