"""What DeepSeek-OCR 2 and Unlimited-OCR share: a view of the whole picture, and tiles of it where it is large.

Shapes: n pictures, P tiles of all of them, G and Q image features of a whole view and of a tile, D decoder width.
The words "global" and "local" are transformers'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import PIL.Image
import torch
from torch import Tensor, nn

from redraft.models.families.base import Family, Level, View, cast_pixels, inner

COUNTS, GRID = "num_local_patches", "patches_grid"


def square(side: int) -> dict[str, int]:
    return {"height": side, "width": side}


@dataclass(frozen=True)
class Tiled(Family):
    """Pictures go through the same encoder as a whole (pixel_values [n, 3, S, S]) and, where they are larger than
    a tile, cut into num_local_patches [n] tiles (pixel_values_local [P, 3, s, s])."""

    def ready(self, model: Any) -> None:
        cast_pixels(model.model.vision_tower)

    def view(self, processor: Any, width: int, height: int) -> View:
        pictures = processor.image_processor
        tile, longer = pictures.tile_size, max(width, height)
        columns, rows, cut = 1, 1, bool(pictures.crop_to_patches) and longer > tile
        if cut:
            from transformers.models.deepseek_ocr2.image_processing_pil_deepseek_ocr2 import (
                get_optimal_tiled_canvas,
            )

            columns, rows = get_optimal_tiled_canvas(
                (height, width), (tile, tile), pictures.min_patches, pictures.max_patches
            )
        told = {COUNTS: [columns * rows if cut else 0], GRID: [[columns, rows]]}
        text = str(processor.replace_image_token(told, 0))
        side, scale = self.whole(pictures, width, height)
        tiles = rows * tile / height if cut else 0.0
        if tiles >= scale:
            return View(text, tiles, columns * tile, rows * tile)
        return View(text, scale, side, side)

    def whole(self, pictures: Any, width: int, height: int) -> tuple[int, float]:
        """Side of the padded view of the whole picture, in pixels, and the scale of the height in it."""
        side = int(pictures.size["height"] if pictures.crop_to_patches else pictures.tile_size)
        return side, round(height * (side / max(width, height))) / height

    def process(self, processor: Any, text: str, pictures: Sequence[PIL.Image.Image]) -> dict[str, Tensor]:
        found = super().process(processor, text, pictures)
        for name in (COUNTS, GRID):  # one of the two processors gives them as lists
            if name in found and not isinstance(found[name], Tensor):
                found[name] = torch.tensor(found[name], dtype=torch.int64)
        return found

    def features(self, model: Any, inputs: Mapping[str, Tensor], level: Level) -> dict[str, Tensor]:
        core = inner(model).model
        counts = inputs[COUNTS]

        def encode(pixels: Tensor) -> Tensor:
            hidden: Tensor = core.vision_tower(pixels.to(core.vision_tower.dtype)).last_hidden_state
            if level == "projector":
                hidden = core.multi_modal_projector(hidden)
            return hidden.flatten(0, 1)

        with torch.no_grad():
            whole = encode(inputs["pixel_values"])
            tiles = encode(inputs["pixel_values_local"]) if int(counts.sum()) else whole[:0]
        # The names differ by level, because the two widths may be the same.
        end = "_tokens" if level == "projector" else "_hidden"
        kept = {"global" + end: whole, "local" + end: tiles, COUNTS: counts}
        return kept | ({GRID: inputs[GRID]} if GRID in inputs else {})

    def projected(self, core: Any, features: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Each picture's tiles [p, Q, D] and whole view [G, D] behind the projector."""
        counts: list[int] = features[COUNTS].tolist()
        if "global_tokens" in features:
            whole, tiles = features["global_tokens"], features["local_tokens"]
        else:
            project: nn.Module = core.multi_modal_projector
            whole, tiles = project(features["global_hidden"]), project(features["local_hidden"])
        whole = whole.view(len(counts), -1, whole.shape[-1])
        tiles = tiles.view(sum(counts), -1, tiles.shape[-1]) if sum(counts) else tiles[:, None]
        return list(zip(torch.split(tiles, counts), whole, strict=True))
