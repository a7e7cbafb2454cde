"""A small PaliGemma: the built-in tiny model with the smallest sizes that still see, or one like the published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.small._shared import (
    Sizes,
    bundled_texts,
    decoder_settings,
    embedding_rows,
    make_tokenizer,
    save_small,
    seeded,
)
from redraft.models.tiny import build_tiny, tiny_options

SMALL = {
    "picture": 64,
    "channels": [8, 16, 16, 24],
    "depths": [1, 1, 1, 1],
    "width": 32,
    "layers": 2,
    "heads": 2,
    "feed_forward": 64,
    "numbers": 32,
}
PAD, BEGIN, END, IMAGE = "<pad>", "<bos>", "<eos>", "<image>"
TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    + IMAGE
    + "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}"
    + "{% if message['role'] == 'assistant' %}"
    + END
    + "{% endif %}{% endfor %}"
)


def build(folder: Path, seed: int = 0, *, kind: str = "tiny", texts: tuple[str, ...] = (), **sizes: Any) -> Path:
    """kind: tiny (sizes are those of the tiny model, docs/models.md), or siglip: SigLIP, Gemma and PaliGemma's own
    processor, whose prompts are seen both ways (sizes are those of `Sizes`). texts: more texts to train the
    tokenizer on."""
    if kind == "siglip":
        return _published(folder, seed, Sizes.of({"texts": texts, **sizes}, picture=56, kv_heads=1))
    model, processor = build_tiny(tiny_options({**SMALL, **sizes}), [*bundled_texts(), *texts], seed)
    return save_small(folder, model, processor)


def _published(folder: Path, seed: int, size: Sizes) -> Path:
    import transformers
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    library: Any = transformers
    tokens = (PAD, END, BEGIN, IMAGE)
    tokenizer = make_tokenizer(
        tokens,
        size,
        pad_token=PAD,
        eos_token=END,
        bos_token=BEGIN,
        extra_special_tokens={"image_token": IMAGE},
    )
    stock: Any = SiglipImageProcessorPil
    pictures = stock(size={"height": size.picture, "width": size.picture})
    pictures.image_seq_length = (size.picture // size.patch) ** 2
    processor = library.PaliGemmaProcessor(image_processor=pictures, tokenizer=tokenizer, chat_template=TEMPLATE)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in tokens}
    special = {"pad_token_id": ids[PAD], "eos_token_id": ids[END], "bos_token_id": ids[BEGIN]}
    config = library.PaliGemmaConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": size.vision_width,
            "intermediate_size": size.vision_feed_forward,
            "num_hidden_layers": size.vision_layers,
            "num_attention_heads": size.vision_heads,
            "image_size": size.picture,
            "patch_size": size.patch,
            "vision_use_head": False,
            "initializer_range": size.vision_spread,
        },
        text_config={
            "model_type": size.text_type or "gemma",
            **decoder_settings(tokenizer, size),
            "head_dim": size.per_head,
            **special,
        },
        projection_dim=size.width,
        hidden_size=size.width,
        image_token_index=ids[IMAGE],
        vocab_size=embedding_rows(tokenizer, size),
        **special,
    )
    with seeded(seed):
        model = library.PaliGemmaForConditionalGeneration(config)
    model.generation_config.update(**special)
    return save_small(folder, model, processor, size.dtype)
