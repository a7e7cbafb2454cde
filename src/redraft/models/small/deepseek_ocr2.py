"""A small DeepSeek-OCR 2. Its numbers of image tokens are fixed: 256 for a whole view, 144 for a tile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.small._deepseek import IMAGE, TEMPLATE, decoder, finish, sam, tokenizer_and_ids
from redraft.models.small._shared import Sizes, save_small, seeded


def build(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """sizes: those of `Sizes`; picture, the side of a whole view, is a multiple of 64: 64 patches a side, of
    picture / 64 pixels (1,024 has the published model's patches of 16). Tiles have 48 patches a side. Larger
    pictures are scaled down for the whole view and cut into two to six tiles."""
    import transformers
    from transformers.models.deepseek_ocr2.image_processing_pil_deepseek_ocr2 import DeepseekOcr2ImageProcessorPil

    library: Any = transformers
    size = Sizes.of(sizes, picture=128, kv_heads=4)
    patch, rest = divmod(size.picture, 64)
    if rest or not patch:
        raise ValueError(f"the picture size of a small DeepSeek-OCR 2 is a multiple of 64, not {size.picture}")
    tokenizer, ids = tokenizer_and_ids(size)
    config = library.DeepseekOcr2Config(
        vision_config={
            "sam_config": sam(size, patch, size.vision_width),
            "encoder_config": {
                "hidden_size": size.vision_width,
                "intermediate_size": size.vision_feed_forward,
                "num_hidden_layers": size.vision_layers,
                "num_attention_heads": size.vision_heads,
                "num_key_value_heads": size.vision_heads,
                "initializer_range": size.vision_spread,
                "max_position_embeddings": 1024,
            },
        },
        text_config=decoder(size, tokenizer, ids),
        image_token_id=ids[IMAGE],
        tie_word_embeddings=size.tied,
    )
    with seeded(seed):
        model = library.DeepseekOcr2ForConditionalGeneration(config)
        finish(model, ids)
    pictures: Any = DeepseekOcr2ImageProcessorPil
    processor = library.DeepseekOcr2Processor(
        image_processor=pictures(
            size={"height": size.picture, "width": size.picture}, tile_size=size.picture * 3 // 4
        ),
        tokenizer=tokenizer,
        patch_size=patch,
        downsample_ratio=4,
        chat_template=TEMPLATE,
    )
    return save_small(folder, model, processor, size.dtype)
