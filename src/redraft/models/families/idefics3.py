"""Idefics3 and SmolVLM: a picture is cut into tiles of one size and shown once more as a whole.

A connector puts scale_factor x scale_factor patches together into one image token, so every tile has the same
number of tokens. pixel_values are [1, tiles, 3, H, W] an example; a tile of zeros is one that padding added.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from redraft.models.families._processors import declared_class, pictures_alone
from redraft.models.families.base import Family, Level, View, inner, inputs_of


@dataclass(frozen=True)
class Idefics3(Family):
    def open_processor(self, folder: Path) -> Any:
        """Idefics3's processor for both: it gives the ids and pixels of SmolVLM's, which wants two packages more
        for its videos. Saved, it says of itself what the model's own would."""
        from transformers import Idefics3Processor

        return pictures_alone(Idefics3Processor, declared_class(folder)).from_pretrained(folder)

    def view(self, processor: Any, width: int, height: int) -> View:
        columns, rows, wide, tall = grid(processor.image_processor, width, height)
        text = str(processor.replace_image_token({"rows": [[rows]], "cols": [[columns]]}, 0))
        return View(text, tall / height, wide, tall)

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


def grid(pictures: Any, width: int, height: int) -> tuple[int, int, int, int]:
    """Columns and rows of a picture's tiles (0 where it is not cut), and width and height of all tiles together.

    The image processor's own `get_number_of_image_patches` finds other grids than its `_preprocess` for some
    sizes, so this follows the latter.
    """
    from transformers.models.idefics3 import image_processing_pil_idefics3

    library: Any = image_processing_pil_idefics3
    tile = int(pictures.max_image_size["longest_edge"])
    if not pictures.do_image_splitting:
        return 0, 0, tile, tile
    if pictures.do_resize:
        longest = pictures.size.get("longest_edge")
        if longest:
            height, width = library._resize_output_size_rescale_to_max_len(height, width, max_len=longest)
            height, width = library._resize_output_size_scale_below_upper_bound(
                height, width, max_len=library.MAX_IMAGE_SIZE
            )
        else:
            height, width = int(pictures.size["height"]), int(pictures.size["width"])
    ratio = width / height
    if width >= height:
        width = math.ceil(width / tile) * tile
        height = math.ceil(int(width / ratio) / tile) * tile
    else:
        height = math.ceil(height / tile) * tile
        width = math.ceil(int(height * ratio) / tile) * tile
    if max(width, height) <= tile:
        return 0, 0, width, height
    return width // tile, height // tile, width, height


FAMILY = Idefics3(
    name="idefics3",
    model_types=("idefics3", "smolvlm"),
    vision=("model.vision_model",),
    projector=("model.connector",),
    language="model.text_model",
    special_tokens=("<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>"),
    pixel_inputs=("pixel_values", "pixel_attention_mask"),
    caches=True,
    modes={"tiny": {"size": {"longest_edge": 512}}, "base": {"size": {"longest_edge": 1024}}},
)
