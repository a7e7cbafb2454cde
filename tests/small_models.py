"""A small model of a stock class in a folder, as people have theirs."""

from __future__ import annotations

import sys
from pathlib import Path

from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

sys.path.append(str(Path(__file__).parent / "inference"))

from small_families import _template, _text, _tokenizer, small


def save_small(folder: Path, family: str = "llava", seed: int = 0) -> Path:
    """Random weights from the seed: its answers are long, never end, and hold letters of all kinds."""
    loaded = small(family, seed)
    loaded.model.save_pretrained(folder)
    loaded.processor.save_pretrained(folder)
    return folder


def save_reader(folder: Path) -> Path:
    """One that sees pictures of 672 pixels in 144 tokens, fine enough for a page of large letters."""
    tokenizer = _tokenizer("<image>", [])
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4,
        image_size=672, patch_size=56,
    )  # fmt: skip
    text = LlamaConfig(**_text(tokenizer))
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=3, vision_feature_layer=-1)
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 672}, crop_size={"height": 672, "width": 672}),
        tokenizer,
        patch_size=56,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_template("<image>"),
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
