"""A small Qwen3-VL. Pictures up to `picture` x `picture` pixels keep their size in steps of patch x merge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.small._shared import Sizes, decoder_settings, make_tokenizer, save_small, seeded
from redraft.models.small.qwen2_5_vl import END, IMAGE, PAD, SPECIAL, START, STOP, VIDEO, make_processor, sections


def build(folder: Path, seed: int = 0, *, deepstack: tuple[int, ...] | None = None, **sizes: Any) -> Path:
    """sizes: those of `Sizes`. deepstack: the encoder's layers that feed the decoder's first ones; the first half
    of them where None."""
    import transformers

    library: Any = transformers
    size = Sizes.of(sizes, patch=16, picture=128, vision_layers=3, layers=3)
    tokenizer = make_tokenizer(SPECIAL, size, eos_token=END, pad_token=PAD)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    grid = max(size.picture // size.patch, 2)
    config = library.Qwen3VLConfig(
        vision_config={
            "depth": size.vision_layers,
            "hidden_size": size.vision_width,
            "intermediate_size": size.vision_feed_forward,
            "num_heads": size.vision_heads,
            "patch_size": size.patch,
            "spatial_merge_size": size.merge,
            "out_hidden_size": size.width,
            "num_position_embeddings": grid * grid,
            "deepstack_visual_indexes": list(range(size.vision_layers // 2) if deepstack is None else deepstack),
            "initializer_range": size.vision_spread,
        },
        text_config={
            **decoder_settings(tokenizer, size),
            "head_dim": size.per_head,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": sections(size.per_head),
                "mrope_interleaved": True,
            },
            "bos_token_id": ids[PAD],
            "eos_token_id": ids[END],
            "pad_token_id": ids[PAD],
        },
        image_token_id=ids[IMAGE],
        video_token_id=ids[VIDEO],
        vision_start_token_id=ids[START],
        vision_end_token_id=ids[STOP],
        tie_word_embeddings=size.tied,
    )
    with seeded(seed):
        model = library.Qwen3VLForConditionalGeneration(config)
    model.generation_config.update(eos_token_id=ids[END], pad_token_id=ids[PAD], bos_token_id=ids[PAD])
    processor = make_processor(library.Qwen3VLProcessor, size, tokenizer, "Qwen3VLVideoProcessor")
    return save_small(folder, model, processor, size.dtype)
