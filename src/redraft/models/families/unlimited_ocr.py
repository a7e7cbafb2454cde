"""Unlimited-OCR, and DeepSeek-OCR v1, whose architecture it has: SAM and CLIP one behind the other, their outputs
side by side, a linear projector, and a mixture-of-experts decoder. A learned newline ends each row of features, a
learned separator each picture.

patches_grid [n, 2]: columns and rows of each picture's tiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from redraft.models.families._tiles import COUNTS, GRID, Tiled
from redraft.models.families.base import inner


@dataclass(frozen=True)
class UnlimitedOcr(Tiled):
    def open_processor(self, folder: Path) -> Any:
        from redraft.models.ocr_pictures import open_processor

        return open_processor(folder)

    def ready(self, model: Any) -> None:
        super().ready(model)
        core = model.model
        stock: Any = type(core)
        core.__class__ = _takes_tensors(stock)

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        from transformers.models.unlimited_ocr import modeling_unlimited_ocr

        kind: Any = modeling_unlimited_ocr.UnlimitedOcrModelOutputWithPooling
        core = inner(model).model
        pictures = []
        grids = features[GRID].tolist()
        for (tiles, whole), (columns, rows) in zip(self.projected(core, features), grids, strict=True):
            parts = [_rows(whole[None], 1, 1, core.image_newline), core.view_separator[None]]
            if len(tiles):
                parts.insert(0, _rows(tiles, columns, rows, core.image_newline))
            pictures.append(torch.cat(parts))
        return {"image": kind(pooler_output=pictures)}


def _rows(tiles: Tensor, columns: int, rows: int, newline: Tensor) -> Tensor:
    """Tiles [rows x columns, side x side, D] put together into one picture, read row by row, each with a newline
    at its end: [rows x side x (columns x side + 1), D]."""
    side, width = int(tiles.shape[1] ** 0.5), tiles.shape[-1]
    grid = tiles.view(rows, columns, side, side, width).transpose(1, 2).reshape(rows * side, columns * side, width)
    return torch.cat([grid, newline.expand(rows * side, 1, width)], dim=1).flatten(0, 1)


@cache
def _takes_tensors(stock: Any) -> Any:
    """The stock class, with counts and grids taken as tensors too: it splits by lists alone, but batches (and the
    copies of them that go to other devices and processes) hold tensors."""

    class WithTensors(stock):  # type: ignore[misc]
        def get_image_features(
            self,
            pixel_values: Tensor,
            pixel_values_local: Tensor | None = None,
            num_local_patches: Any = None,
            patches_grid: Any = None,
            **more: Any,
        ) -> Any:
            counts, grid = (
                value.tolist() if isinstance(value, Tensor) else value
                for value in (num_local_patches, patches_grid)
            )
            return super().get_image_features(pixel_values, pixel_values_local, counts, grid, **more)

    WithTensors.__name__, WithTensors.__qualname__ = stock.__name__, stock.__qualname__
    WithTensors.__module__ = stock.__module__
    return WithTensors


FAMILY = UnlimitedOcr(
    name="unlimited_ocr",
    model_types=("unlimited_ocr",),
    vision=("model.vision_tower",),
    projector=("model.multi_modal_projector", "model.image_newline", "model.view_separator"),
    language="model.language_model",
    special_tokens=("<image>",),
    experts=("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
    pixel_inputs=("pixel_values", "pixel_values_local", COUNTS, GRID),
    caches=True,
)
