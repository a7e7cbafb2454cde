"""A small Granite-Docling with both paths, a density router and a deepstack tap at every layer of its encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.small._shared import Sizes, chat_template, decoder_settings, make_tokenizer, save_small, seeded

BEGIN, END, PAD = "<|start_of_role|>", "<|end_of_text|>", "<|pad|>"
IMAGE, AROUND, WHOLE = "<image>", "<fake_token_around_image>", "<global-img>"
TILES = 16
"""Tiles along a side at most: the tokenizer has a token for each place."""
PLACES = tuple(f"<row_{row + 1}_col_{column + 1}>" for row in range(TILES) for column in range(TILES))
SPECIAL = (PAD, BEGIN, END, IMAGE, AROUND, WHOLE, *PLACES)


def build(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """sizes: those of `Sizes`; picture is the side of a tile, merge the patches along a side that become one token
    (even, for the fine path). Larger pictures are cut into up to 32 tiles and a small view of the whole."""
    import transformers
    from transformers.models.granite_docling.image_processing_pil_granite_docling import (
        GraniteDoclingImageProcessorPil,
    )

    library: Any = transformers
    size = Sizes.of(sizes, picture=128, patch=16, merge=4)
    side = size.picture // size.patch
    if size.picture % size.patch or side % size.merge or size.merge % 2:
        raise ValueError(
            f"a tile of {size.picture} pixels holds no whole number of {size.merge} x {size.merge} patches of "
            f"{size.patch} pixels, or {size.merge} is odd"
        )
    tokenizer = make_tokenizer(SPECIAL, size, eos_token=END, pad_token=PAD, bos_token=END)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in (PAD, END, IMAGE)}
    special = {"pad_token_id": ids[PAD], "bos_token_id": ids[END], "eos_token_id": ids[END]}
    config = library.GraniteDoclingConfig(
        vision_config={
            "hidden_size": size.vision_width,
            "intermediate_size": size.vision_feed_forward,
            "num_hidden_layers": size.vision_layers,
            "num_attention_heads": size.vision_heads,
            "image_size": size.picture,
            "patch_size": size.patch,
            "scale_factor": size.merge,
            "out_hidden_size": size.width,
            "deepstack_visual_indexes": list(range(min(size.vision_layers, size.layers, 3))),
            "initializer_range": size.vision_spread,
        },
        text_config={
            **decoder_settings(tokenizer, size),
            # The published factors belong to its own sizes: attention is scaled by one over the size of a head.
            "attention_multiplier": 1 / size.per_head,
            **special,
        },
        image_token_id=ids[IMAGE],
        pad_token_id=ids[PAD],
        density_router_hidden_size=16,
        tie_word_embeddings=size.tied,
    )
    with seeded(seed):
        model = library.GraniteDoclingForConditionalGeneration(config)
    model.generation_config.update(**special)
    pictures: Any = GraniteDoclingImageProcessorPil
    processor = library.GraniteDoclingProcessor(
        image_processor=pictures(size={"height": size.picture, "width": size.picture}),
        tokenizer=tokenizer,
        image_seq_len=(side // size.merge) ** 2,
        chat_template=chat_template(BEGIN, END, IMAGE),
    )
    return save_small(folder, model, processor, size.dtype)
