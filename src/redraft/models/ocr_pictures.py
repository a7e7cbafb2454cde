"""Unlimited-OCR's pictures through Pillow: transformers has them through torchvision alone.

Written after `UnlimitedOcrImageProcessor._preprocess` on the parts of DeepSeek-OCR 2's Pillow processor. Grids,
sizes, padding and normalisation are the same; Pillow's and torchvision's bicubic filters round differently, so a
scaled pixel may differ by a step or two of 255. Saved settings name the stock class, so that it opens them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from transformers import AutoTokenizer, BatchFeature, UnlimitedOcrProcessor
from transformers.image_utils import SizeDict
from transformers.models.deepseek_ocr2.image_processing_pil_deepseek_ocr2 import (
    DeepseekOcr2ImageProcessorKwargs,
    DeepseekOcr2ImageProcessorPil,
    get_optimal_tiled_canvas,
)

DirectKwargs: Any = DeepseekOcr2ImageProcessorKwargs
Pil: Any = DeepseekOcr2ImageProcessorPil
Stock: Any = UnlimitedOcrProcessor


class UnlimitedOcrImageProcessorKwargs(DirectKwargs, total=False):  # type: ignore[call-arg,misc]
    """maximum_pad_value: without tiles, a target size up to it is reached by stretching instead of padding."""

    maximum_pad_value: int


class UnlimitedOcrImageProcessorPil(Pil):  # type: ignore[misc]
    """A view of size.height pixels of each picture, and tiles of tile_size pixels of those that are larger."""

    valid_kwargs = UnlimitedOcrImageProcessorKwargs
    tile_size = 640
    maximum_pad_value = 640
    max_patches = 32
    model_input_names: ClassVar = ["pixel_values", "num_local_patches", "patches_grid"]
    skip_tensor_conversion: ClassVar = ["num_local_patches", "patches_grid"]

    def _preprocess(
        self,
        images: Sequence[np.ndarray],
        size: SizeDict,
        resample: Any,
        crop_to_patches: bool,
        min_patches: int,
        max_patches: int,
        tile_size: int,
        maximum_pad_value: int,
        return_tensors: Any,
        **more: Any,
    ) -> BatchFeature:
        whole, tiles, counts, grids = [], [], [], []
        for image in images:
            height, width = image.shape[-2:]
            columns, rows, count = 1, 1, 0
            if crop_to_patches and max(height, width) > tile_size:
                columns, rows = get_optimal_tiled_canvas(
                    (height, width), (tile_size, tile_size), min_patches, max_patches
                )
                cut = self.crop_image_to_patches(image, min_patches, max_patches, tile_size, resample)
                tiles += [self._scaled(tile, **more) for tile in cut]
                count = len(cut)
            counts.append(count)
            grids.append([columns, rows])
            target = max(int(size.height or 0), int(size.width or 0))
            view = self._view(image, target, crop_to_patches, maximum_pad_value, resample)
            whole.append(self._scaled(view, **more))
        data: dict[str, Any] = {"pixel_values": whole}
        if tiles:
            data["pixel_values_local"] = tiles
        data |= {"num_local_patches": counts, "patches_grid": grids}
        return BatchFeature(
            data=data, tensor_type=return_tensors, skip_tensor_conversion=self.skip_tensor_conversion
        )

    def _view(self, image: np.ndarray, target: int, tiles: bool, stretched: int, resample: Any) -> Any:
        if not tiles and target <= stretched:
            return self.resize(image, SizeDict(height=target, width=target), resample=resample)
        height, width = image.shape[-2:]
        scale = target / max(height, width)
        fitted = SizeDict(height=round(height * scale), width=round(width * scale))
        return self.pad_to_square(
            self.resize(image, fitted, resample=resample), background_color=self.background_color
        )

    def _scaled(
        self,
        image: np.ndarray,
        do_rescale: bool,
        rescale_factor: float,
        do_normalize: bool,
        image_mean: Any,
        image_std: Any,
        **_: Any,
    ) -> Any:
        found = self.rescale(image, rescale_factor) if do_rescale else image
        return self.normalize(found, image_mean, image_std) if do_normalize else found


class UnlimitedOcrProcessorPil(Stock):  # type: ignore[misc]
    """The stock processor, opened with the pictures above."""

    @classmethod
    def _get_arguments_from_pretrained(cls, folder: Any, processor_dict: Any = None, **more: Any) -> list[Any]:
        tokens: Any = AutoTokenizer
        return [UnlimitedOcrImageProcessorPil.from_pretrained(folder), tokens.from_pretrained(folder, **more)]


# What is saved bears this name, so that the stock class opens it where torchvision is there.
UnlimitedOcrProcessorPil.__name__ = "UnlimitedOcrProcessor"


def open_processor(folder: Path) -> Any:
    """Unlimited-OCR's processor from a model folder."""
    return UnlimitedOcrProcessorPil.from_pretrained(folder, trust_remote_code=False)
