"""Qwen3-VL: like Qwen2.5-VL without windows; layers inside the encoder feed the first layers of the decoder too.

These deepstack features have mergers of their own, which belong to the projector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from redraft.models.families._processors import pictures_alone
from redraft.models.families.base import Family, Level, View, inner, inputs_of
from redraft.models.families.qwen2_5_vl import grid_positions, grid_view, token_counts


@dataclass(frozen=True)
class Qwen3_VL(Family):
    def open_processor(self, folder: Path) -> Any:
        from transformers import Qwen3VLProcessor

        return pictures_alone(Qwen3VLProcessor).from_pretrained(folder)

    def view(self, processor: Any, width: int, height: int) -> View:
        return grid_view(processor, width, height)

    def features(self, model: Any, inputs: Mapping[str, Tensor], level: Level) -> dict[str, Tensor]:
        """tokens (or what goes into the merger, units) of the last layer and of each deepstack layer: [T, D] or
        [T, patches of a token, width of the encoder]."""
        visual = inner(model).model.visual
        mergers = [visual.merger, *visual.deepstack_merger_list]
        found: list[Any] = []

        def run() -> None:
            pixels = inputs["pixel_values"].to(visual.dtype)
            found.append(visual(pixels, grid_thw=inputs["image_grid_thw"], return_dict=True))

        with torch.no_grad():
            if level == "projector":
                run()
                outputs = [found[0].pooler_output, *found[0].deepstack_features]
                return {_name("tokens", place): value for place, value in enumerate(outputs)}
            seen = inputs_of(mergers, run)
            unit = visual.spatial_merge_unit
            return {_name("units", at): value.view(-1, unit, value.shape[-1]) for at, value in enumerate(seen)}

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

        visual = inner(model).model.visual
        mergers = [visual.merger, *visual.deepstack_merger_list]
        if "units" in features:
            outputs = [
                merger(features[_name("units", at)].flatten(0, 1)).view(len(features["units"]), -1)
                for at, merger in enumerate(mergers)
            ]
        else:
            outputs = [features[_name("tokens", at)] for at in range(len(mergers))]
        counts = token_counts(visual, inputs["image_grid_thw"])
        first, *deep = [torch.split(value, counts) for value in outputs]
        made: Any = BaseModelOutputWithDeepstackFeatures
        return {"image": made(pooler_output=first, deepstack_features=deep)}

    def positions(self, model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
        return grid_positions(inner(model).model, inputs)


def _name(kind: str, place: int) -> str:
    return kind if place == 0 else f"{kind}.deepstack.{place - 1}"


FAMILY = Qwen3_VL(
    name="qwen3_vl",
    model_types=("qwen3_vl",),
    vision=("model.visual",),
    projector=("model.visual.merger", "model.visual.deepstack_merger_list"),
    language="model.language_model",
    special_tokens=("<|vision_start|>", "<|vision_end|>", "<|image_pad|>"),
    caches=True,
)
