"""PaliGemma, and with it the built-in tiny model: a vision encoder, one linear layer, a decoder.

Positions begin at 1. Where the processor gives token_type_ids, the prompt (0) is seen both ways and the answer (1)
is read from left to right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from redraft.models.families._views import resized, written
from redraft.models.families.base import Family, Level, View, cast_pixels, inner, inputs_of


@dataclass(frozen=True)
class PaliGemma(Family):
    def view(self, processor: Any, width: int, height: int) -> View:
        scale, wide, tall = resized(processor.image_processor, width, height)
        return View(written(processor, wide, tall), scale, wide, tall)

    def ready(self, model: Any) -> None:
        cast_pixels(model.model.vision_tower)

    def answer_value(self, name: str) -> int:
        return 1 if name == "token_type_ids" else 0

    def features(self, model: Any, inputs: Mapping[str, Tensor], level: Level) -> dict[str, Tensor]:
        """tokens [n, tokens of a picture, D], or patches [n, tokens of a picture, width of the encoder]."""
        core = inner(model).model
        found: list[Any] = []
        with torch.no_grad():
            seen = inputs_of(
                [core.multi_modal_projector],
                lambda: found.append(core.get_image_features(inputs["pixel_values"], return_dict=True)),
            )[0]
        return {"patches": seen} if level == "encoder" else {"tokens": found[0].pooler_output}

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        project = inner(model).model.multi_modal_projector
        tokens = features["tokens"] if "tokens" in features else project(features["patches"])
        return {"image": BaseModelOutputWithPooling(pooler_output=tokens)}

    def positions(self, model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.arange(inputs["input_ids"].shape[-1]) + 1

    def both_ways(self, inputs: Mapping[str, Tensor]) -> int:
        kinds = inputs.get("token_type_ids")
        return 0 if kinds is None else int((kinds == 0).sum())


FAMILY = PaliGemma(
    name="paligemma",
    model_types=("paligemma",),
    vision=("model.vision_tower",),
    projector=("model.multi_modal_projector",),
    language="model.language_model",
    special_tokens=("<image>",),
    caches=True,
)
