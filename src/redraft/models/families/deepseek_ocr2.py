"""DeepSeek-OCR 2: SAM, a language model as second encoder whose queries are the image features, a linear
projector, and a mixture-of-experts decoder. A view separator, one learned vector, ends each picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from redraft.models.families._tiles import COUNTS, Tiled, square
from redraft.models.families.base import inner


@dataclass(frozen=True)
class DeepseekOcr2(Tiled):
    def picture_settings(self, processor: Any) -> dict[str, Any]:
        return {name: getattr(processor.image_processor, name) for name in processor.images_kwargs}

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        from transformers.models.deepseek_ocr2 import modeling_deepseek_ocr2

        kind: Any = modeling_deepseek_ocr2.DeepseekOcr2ModelOutputWithPooling
        core = inner(model).model
        separator = core.view_separator[None]
        pictures = [
            torch.cat([tiles.flatten(0, 1), whole, separator]) for tiles, whole in self.projected(core, features)
        ]
        return {"image": kind(pooler_output=pictures)}


FAMILY = DeepseekOcr2(
    name="deepseek_ocr2",
    model_types=("deepseek_ocr2",),
    vision=("model.vision_tower",),
    projector=("model.multi_modal_projector", "model.view_separator"),
    language="model.language_model",
    special_tokens=("<image>",),
    experts=("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
    pixel_inputs=("pixel_values", "pixel_values_local", COUNTS),
    caches=True,
    modes={
        "small": {"size": square(768), "tile_size": 768, "crop_to_patches": False},
        "base": {"size": square(1024), "tile_size": 1024, "crop_to_patches": False},
        "gundam": {"size": square(1024), "tile_size": 768, "crop_to_patches": True},
    },
)
