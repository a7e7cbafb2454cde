"""Qwen2.5-VL: a patch transformer with windows, a merger of 2 x 2 patches, and positions in three directions.

Pictures keep their own size, so pixel_values [P, numbers of a patch] hold the patches of all pictures one after
another, and image_grid_thw [n, 3] their grids (time, rows, columns, in patches). The merger is the projector; it
lies inside the vision module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from redraft.models.families._processors import pictures_alone
from redraft.models.families.base import Family, Level, View, inner


@dataclass(frozen=True)
class Qwen2_5_VL(Family):
    def open_processor(self, folder: Path) -> Any:
        from transformers import Qwen2_5_VLProcessor

        return pictures_alone(Qwen2_5_VLProcessor).from_pretrained(folder)

    def view(self, processor: Any, width: int, height: int) -> View:
        return grid_view(processor, width, height)

    def features(self, model: Any, inputs: Mapping[str, Tensor], level: Level) -> dict[str, Tensor]:
        visual, grid = inner(model).model.visual, inputs["image_grid_thw"]
        with torch.no_grad():
            found = visual(inputs["pixel_values"].to(visual.dtype), grid_thw=grid)
            if level == "projector":
                return {"tokens": found.pooler_output}

            # The encoder works on windows; the merger's answers are put back into the pictures' own order, so here
            # what goes into it is. A merge unit is what becomes one token.
            unit = visual.spatial_merge_unit
            order = torch.argsort(window_order(visual, grid))
            return {"units": found.last_hidden_state.view(-1, unit, found.last_hidden_state.shape[-1])[order]}

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        output: Any = BaseModelOutputWithPooling
        visual, grid = inner(model).model.visual, inputs["image_grid_thw"]
        tokens = features["tokens"] if "tokens" in features else visual.merger(features["units"].flatten(0, 1))
        return {"image": output(pooler_output=torch.split(tokens, token_counts(visual, grid)))}

    def positions(self, model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
        return grid_positions(inner(model).model, inputs)


def grid_view(processor: Any, width: int, height: int) -> View:
    """A picture keeps its size, but for steps of a token and the limits of the settings."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    pictures = processor.image_processor
    step = pictures.patch_size * pictures.merge_size
    tall, wide = height, width
    if pictures.do_resize:
        limits = pictures.size
        tall, wide = smart_resize(height, width, step, limits["shortest_edge"], limits["longest_edge"])
    patches = np.array([1, tall // pictures.patch_size, wide // pictures.patch_size])
    text = processor.replace_image_token({"image_grid_thw": [patches]}, 0)
    return View(str(text), tall / height, wide, tall)


def token_counts(visual: Any, grid: Tensor) -> list[int]:
    """Image tokens of each picture."""
    counts: list[int] = (grid.prod(-1) // visual.spatial_merge_size**2).tolist()
    return counts


def window_order(visual: Any, grid: Tensor) -> Tensor:
    """The merge units of all pictures in the order in which the encoder's windows take them: int64 [T]."""
    from transformers.vision_utils import get_vision_window_index

    index, _ = get_vision_window_index(
        grid,
        spatial_merge_size=visual.spatial_merge_size,
        window_size=visual.window_size,
        patch_size=visual.patch_size,
    )
    return torch.as_tensor(index, device=grid.device)


def grid_positions(core: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    """Positions of one example for a packed row, int64 [4, L]: plain ones, from which the decoder sees where an
    example begins, then time, row and column."""
    ids = inputs["input_ids"].view(1, -1)
    plain = torch.arange(ids.shape[1], device=ids.device)
    grid = inputs.get("image_grid_thw")
    if grid is None or not len(grid):
        return plain.expand(4, -1).clone()
    kinds = inputs["mm_token_type_ids"].view(1, -1)
    found, _ = core.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=grid)
    return torch.cat([plain[None], found[:, 0]])


FAMILY = Qwen2_5_VL(
    name="qwen2_5_vl",
    model_types=("qwen2_5_vl",),
    vision=("model.visual",),
    projector=("model.visual.merger",),
    language="model.language_model",
    special_tokens=("<|vision_start|>", "<|vision_end|>", "<|image_pad|>"),
    caches=True,
)
