"""A small Qwen2.5-VL. Pictures up to `picture` x `picture` pixels keep their size in steps of patch x merge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.families._processors import pictures_alone
from redraft.models.small._shared import Sizes, chat_template, decoder_settings, make_tokenizer, save_small, seeded

PAD, BEGIN, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
START, STOP, IMAGE, VIDEO = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
SPECIAL = (PAD, BEGIN, END, START, STOP, "<|vision_pad|>", IMAGE, VIDEO)
TEMPLATE = chat_template(BEGIN, END, START + IMAGE + STOP)


def build(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """sizes: those of `Sizes`. An image token stands for merge x merge patches; a 1,024-pixel page with patch 32
    is 256 tokens of 1,024 patches."""
    import transformers

    library: Any = transformers
    size = Sizes.of(sizes)
    tokenizer = make_tokenizer(SPECIAL, size, eos_token=END, pad_token=PAD)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    config = library.Qwen2_5_VLConfig(
        vision_config={
            "depth": size.vision_layers,
            "hidden_size": size.vision_width,
            "intermediate_size": size.vision_feed_forward,
            "num_heads": size.vision_heads,
            "patch_size": size.patch,
            "spatial_merge_size": size.merge,
            "window_size": 4 * size.patch * size.merge,
            "out_hidden_size": size.width,
            "fullatt_block_indexes": [size.vision_layers - 1],
            "initializer_range": size.vision_spread,
        },
        text_config={
            **decoder_settings(tokenizer, size),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": sections(size.per_head),
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
        model = library.Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.update(eos_token_id=ids[END], pad_token_id=ids[PAD], bos_token_id=ids[PAD])
    return save_small(folder, model, make_processor(library.Qwen2_5_VLProcessor, size, tokenizer), size.dtype)


def make_processor(stock: Any, size: Sizes, tokenizer: Any, video: str = "Qwen2VLVideoProcessor") -> Any:
    """The processor of a Qwen model, with the settings for videos that its published folders have."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    step = size.patch * size.merge
    limits = {"shortest_edge": step * step, "longest_edge": max(size.picture, step) ** 2}
    parts = {"size": limits, "patch_size": size.patch, "merge_size": size.merge, "temporal_patch_size": 2}
    pictures: Any = Qwen2VLImageProcessorPil
    processor = pictures_alone(stock)(
        image_processor=pictures(**parts), tokenizer=tokenizer, chat_template=TEMPLATE
    )
    processor.video_settings = {"video_processor_type": video, **parts}
    return processor


def sections(head_size: int) -> list[int]:
    """How many of a head's rotary frequencies turn with time, row and column: a quarter, three eighths each."""
    half = head_size // 2
    side = half * 3 // 8
    return [half - 2 * side, side, side]
