"""LLaVA by transformers' own class: any vision encoder (CLIP, SigLIP), two linear layers, any decoder.

TinyLLaVA's and OpenECAD's checkpoints become this family when they are imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from redraft.models.families._views import resized, written
from redraft.models.families.base import Family, Level, View, inner, inputs_of


@dataclass(frozen=True)
class Llava(Family):
    def view(self, processor: Any, width: int, height: int) -> View:
        scale, wide, tall = resized(processor.image_processor, width, height)
        return View(written(processor, wide, tall), scale, wide, tall)

    def features(self, model: Any, inputs: Mapping[str, Tensor], level: Level) -> dict[str, Tensor]:
        """tokens [T, D], or patches [T, width of the encoder times the layers it is read at]."""
        core = inner(model).model
        given = {name: inputs[name] for name in ("pixel_values", "image_sizes") if name in inputs}
        found: list[Any] = []
        with torch.no_grad():
            seen = inputs_of(
                [core.multi_modal_projector],
                lambda: found.append(core.get_image_features(**given, return_dict=True)),
            )[0]
        if level == "encoder":
            return {"patches": seen.flatten(0, -2)}
        return {"tokens": torch.cat(list(found[0].pooler_output))}

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        project = inner(model).model.multi_modal_projector
        tokens = features["tokens"] if "tokens" in features else project(features["patches"])
        output: Any = BaseModelOutputWithPooling
        return {"image": output(pooler_output=[tokens])}


FAMILY = Llava(
    name="llava",
    model_types=("llava",),
    vision=("model.vision_tower",),
    projector=("model.multi_modal_projector",),
    language="model.language_model",
    special_tokens=("<image>",),
    pixel_inputs=("pixel_values", "image_sizes"),
    caches=True,
)
