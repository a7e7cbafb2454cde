"""A small Unlimited-OCR: a whole view of 8 x 8 features, tiles of 5 x 5, each row with a newline behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.small._deepseek import IMAGE, TEMPLATE, decoder, finish, sam, tokenizer_and_ids
from redraft.models.small._shared import Sizes, save_small, seeded


def build(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """sizes: those of `Sizes`; picture is the side of a whole view, patch that of SAM's patches in pixels, of
    which 4 x 4 become one feature. Tiles are 5/8 as large; both sides hold a whole number of 4 x patch."""
    import transformers

    from redraft.models.ocr_pictures import UnlimitedOcrImageProcessorPil, UnlimitedOcrProcessorPil

    library: Any = transformers
    size = Sizes.of(sizes, picture=128, patch=4, kv_heads=4)
    if size.picture % (32 * size.patch):
        raise ValueError(f"a picture of {size.picture} pixels is no multiple of 32 patches of {size.patch}")
    tokenizer, ids = tokenizer_and_ids(size)
    config = library.UnlimitedOcrConfig(
        vision_config={
            "sam_config": sam(size, size.patch, size.vision_width),
            "encoder_config": {
                "hidden_size": size.vision_width,
                "intermediate_size": size.vision_feed_forward,
                "num_hidden_layers": size.vision_layers,
                "num_attention_heads": size.vision_heads,
                "image_size": 14 * size.picture // (4 * size.patch),  # one position a feature of the whole view
                "patch_size": 14,
                "initializer_range": size.vision_spread,
            },
        },
        text_config=decoder(size, tokenizer, ids),
        image_token_id=ids[IMAGE],
        tie_word_embeddings=size.tied,
    )
    with seeded(seed):
        model = library.UnlimitedOcrForConditionalGeneration(config)
        finish(model, ids)
    pictures: Any = UnlimitedOcrImageProcessorPil
    processor = UnlimitedOcrProcessorPil(
        image_processor=pictures(
            size={"height": size.picture, "width": size.picture},
            tile_size=size.picture * 5 // 8,
            maximum_pad_value=size.picture * 5 // 8,
        ),
        tokenizer=tokenizer,
        patch_size=size.patch,
        downsample_ratio=4,
        chat_template=TEMPLATE,
    )
    return save_small(folder, model, processor, size.dtype)
