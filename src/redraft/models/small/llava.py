"""A small LLaVA: CLIP or SigLIP before a Llama, Qwen2 or Phi decoder; pictures become `picture` pixels wide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.small._shared import (
    Sizes,
    chat_template,
    decoder_settings,
    make_tokenizer,
    save_small,
    seeded,
)

PAD, BEGIN, END, IMAGE = "<pad>", "<|im_start|>", "<|im_end|>", "<image>"


def build(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """sizes: those of `Sizes`. vision_type: clip_vision_model (its class token is dropped, as LLaVA 1.5 does) or
    siglip_vision_model (as TinyLLaVA and OpenECAD). text_type: llama, qwen2, phi and the like. A picture has
    (picture / patch) squared image tokens."""
    import transformers

    library: Any = transformers
    size = Sizes.of(sizes, picture=56, vision_layers=3, vision_type="clip_vision_model", text_type="llama")
    tokenizer = make_tokenizer((PAD, BEGIN, END, IMAGE), size, eos_token=END, pad_token=PAD, bos_token=BEGIN)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in (PAD, BEGIN, END, IMAGE)}
    special = {"bos_token_id": ids[BEGIN], "eos_token_id": ids[END], "pad_token_id": ids[PAD]}
    clip = size.vision_type == "clip_vision_model"
    config = library.LlavaConfig(
        vision_config={
            "model_type": size.vision_type,
            "hidden_size": size.vision_width,
            "intermediate_size": size.vision_feed_forward,
            "num_hidden_layers": size.vision_layers,
            "num_attention_heads": size.vision_heads,
            "image_size": size.picture,
            "patch_size": size.patch,
            "initializer_range": size.vision_spread,
            "vision_use_head": False,
        },
        text_config={
            "model_type": size.text_type,
            **decoder_settings(tokenizer, size),
            **special,
        },
        image_token_index=ids[IMAGE],
        image_seq_length=(size.picture // size.patch) ** 2,
        vision_feature_select_strategy="default" if clip else "full",
        vision_feature_layer=-2,
        tie_word_embeddings=size.tied,
    )
    with seeded(seed):
        model = library.LlavaForConditionalGeneration(config)
    model.generation_config.update(**special)
    return save_small(folder, model, _processor(size, tokenizer, clip), size.dtype)


def _processor(size: Sizes, tokenizer: Any, clip: bool) -> Any:
    import transformers
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    side = {"height": size.picture, "width": size.picture}
    kind: Any = CLIPImageProcessorPil if clip else SiglipImageProcessorPil
    pictures = kind(size=side, crop_size=side, do_center_crop=False) if clip else kind(size=side)
    stock: Any = transformers.LlavaProcessor
    return stock(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=size.patch,
        vision_feature_select_strategy="default" if clip else "full",
        num_additional_image_tokens=1 if clip else 0,
        image_token=IMAGE,
        chat_template=chat_template(BEGIN, END, IMAGE),
    )
