"""The benchmark's model and processor as transformers alone opens them, for the peers' environments."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForImageTextToText, Qwen2_5_VLProcessor


def open_model(folder: str) -> Any:
    """In fp32, the vision encoder with its merger frozen."""
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    model.model.visual.requires_grad_(False)
    return model


class PicturesAlone(Qwen2_5_VLProcessor):
    """The stock processor without its video part, which needs torchvision."""

    @classmethod
    def get_attributes(cls) -> list[str]:
        return [name for name in super().get_attributes() if "video" not in name]


PicturesAlone.__name__ = "Qwen2_5_VLProcessor"


def open_processor(folder: str) -> Any:
    return PicturesAlone.from_pretrained(folder, backend="pil")
