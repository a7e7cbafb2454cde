"""Unlimited-OCR, and DeepSeek-OCR v1, whose architecture it has: SAM and CLIP one behind the other, their outputs
side by side, a linear projector, and a mixture-of-experts decoder. A learned newline ends each row of features, a
learned separator each picture.

patches_grid [n, 2]: columns and rows of each picture's tiles. prompt_lengths [B]: tokens before each answer.

Unlimited-OCR answers with a window: an answer's token sees the whole prompt, but of the answer only the last 128
tokens. transformers builds that mask from the cache, and so only while it generates; `ready` has it built for
training too, where an answer is longer than the window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import PIL.Image
import torch
from torch import Tensor

from redraft.core.errors import InputError
from redraft.models.families._tiles import COUNTS, GRID, Tiled, square
from redraft.models.families.base import inner

KIND = "reference_sliding_attention"
"""transformers' name of attention with the window."""
PROMPTS = "prompt_lengths"


@dataclass(frozen=True)
class UnlimitedOcr(Tiled):
    def open_processor(self, folder: Path) -> Any:
        from redraft.models.ocr_pictures import open_processor

        return open_processor(folder)

    def whole(self, pictures: Any, width: int, height: int) -> tuple[int, float]:
        side = int(max(pictures.size["height"], pictures.size["width"]))
        if not pictures.crop_to_patches and side <= pictures.maximum_pad_value:
            return side, side / height  # stretched to a square
        return side, round(height * (side / max(width, height))) / height

    def ready(self, model: Any) -> None:
        super().ready(model)
        core = model.model
        whole: Any = type(model)
        stock: Any = type(core)
        decoder: Any = type(core.language_model)
        model.__class__ = _drops_prompts(whole)
        core.__class__ = _takes_tensors(stock)
        core.language_model.__class__ = _sees_window(decoder)

    def process(self, processor: Any, text: str, pictures: Sequence[PIL.Image.Image]) -> dict[str, Tensor]:
        found = super().process(processor, text, pictures)
        return found | {PROMPTS: torch.tensor([found["input_ids"].shape[1]])}

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

    return _named_as(stock, WithTensors)


@cache
def _drops_prompts(stock: Any) -> Any:
    """The stock model, whose generation knows where a prompt ends by itself and refuses to be told."""

    class WithoutPrompts(stock):  # type: ignore[misc]
        def generate(self, *given: Any, prompt_lengths: Any = None, **more: Any) -> Any:
            return super().generate(*given, **more)

    return _named_as(stock, WithoutPrompts)


@cache
def _sees_window(stock: Any) -> Any:
    """The stock decoder, with the window over answers that are there already."""

    class WithWindow(stock):  # type: ignore[misc]
        def forward(self, prompt_lengths: Tensor | None = None, **given: Any) -> Any:
            windowed = KIND in self.config.layer_types and given.get("past_key_values") is None
            if prompt_lengths is not None and windowed:
                given["attention_mask"] = _window(self.config, given, prompt_lengths)
            return super().forward(**given)

    return _named_as(stock, WithWindow)


def _window(config: Any, given: Mapping[str, Any], prompts: Tensor) -> Any:
    """The masks of whole examples, or what was given where no answer is longer than the window."""
    from transformers import masking_utils

    mask: Any = given.get("attention_mask")
    embeds = given["inputs_embeds"]
    packed = mask is not None and mask.ndim == 4  # it says each example's length
    if packed:
        ends = mask[0, 0, 0]
    else:
        ends = mask.sum(-1) if mask is not None else torch.full_like(prompts, embeds.shape[1])
    longest = int((ends - prompts).max())
    if longest <= config.sliding_window:
        return mask
    if packed:
        raise InputError(
            f"an answer of {longest} tokens is longer than the {config.sliding_window} that this model sees of "
            "it, which a packed row cannot follow",
            where="train.pack",
            remedy="Give `pack: false`",
        )

    def of_prompt(batch: Any, head: Any, query: Any, key: Any) -> Any:
        return (key <= query) & (key < prompts[batch])

    library: Any = masking_utils
    settings = {
        "config": config,
        "inputs_embeds": embeds,
        "attention_mask": mask,
        "past_key_values": None,
        "position_ids": given.get("position_ids"),
    }
    return {
        "full_attention": library.create_causal_mask(**settings),
        KIND: library.create_sliding_window_causal_mask(**settings, or_mask_function=of_prompt),
    }


def _named_as(stock: Any, made: Any) -> Any:
    """transformers looks some things up by the names of classes."""
    made.__name__, made.__qualname__, made.__module__ = stock.__name__, stock.__qualname__, stock.__module__
    return made


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
    modes={
        "tiny": {"size": square(512), "crop_to_patches": False},
        "small": {"size": square(640), "crop_to_patches": False},
        "base": {"size": square(1024), "crop_to_patches": False},
        "large": {"size": square(1280), "crop_to_patches": False},
        "gundam": {"size": square(1024), "crop_to_patches": True},
    },
)
