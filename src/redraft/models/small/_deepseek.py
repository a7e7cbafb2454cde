"""What the small DeepSeek-OCR 2 and Unlimited-OCR share: tokens, template, SAM, the mixture-of-experts decoder."""

from __future__ import annotations

from typing import Any

from redraft.models.small._shared import Sizes, decoder_settings, make_tokenizer

BEGIN, END, PAD, IMAGE = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<image>"
USER, ASSISTANT = "<|User|>", "<|Assistant|>"
SPECIAL = (BEGIN, END, PAD, IMAGE, USER, ASSISTANT)
TEMPLATE = (
    BEGIN
    + "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    + ASSISTANT
    + "{% else %}"
    + USER
    + "{% endif %}{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    + "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    + IMAGE
    + "\n{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    + "{% if message['role'] == 'assistant' %}"
    + END
    + "{% endif %}{% endfor %}{% if add_generation_prompt %}"
    + ASSISTANT
    + "{% endif %}"
)
EXPERTS, CHOSEN, SHARED = 8, 2, 1
"""Experts of a layer, how many a token goes to, and how many every token goes to."""


def tokenizer_and_ids(size: Sizes) -> tuple[Any, dict[str, int]]:
    tokenizer = make_tokenizer(
        SPECIAL, size, bos_token=BEGIN, eos_token=END, pad_token=PAD, extra_special_tokens={"image_token": IMAGE}
    )
    return tokenizer, {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}


def sam(size: Sizes, patch: int, channels: int) -> dict[str, Any]:
    """Settings of SAM with windows of 14 patches. Every third layer sees the whole picture, as in the published
    models, so that an instance of two layers sees windows alone. channels: of its output."""
    return {
        "hidden_size": size.vision_width,
        "output_channels": size.vision_width,
        "num_hidden_layers": size.vision_layers,
        "num_attention_heads": size.vision_heads,
        "image_size": size.picture,
        "patch_size": patch,
        "mlp_dim": size.vision_feed_forward,
        "global_attn_indexes": [layer for layer in range(size.vision_layers) if layer % 3 == 2],
        "downsample_channels": [size.vision_width, channels],
        "initializer_range": size.vision_spread,
    }


def decoder(size: Sizes, tokenizer: Any, ids: dict[str, int], experts: int = EXPERTS) -> dict[str, Any]:
    """Settings of the decoder: a dense layer, then layers with experts."""
    return {
        **decoder_settings(tokenizer, size),
        "moe_intermediate_size": max(size.feed_forward // 4, 8),
        "num_key_value_heads": size.heads,
        "mlp_layer_types": ["dense"] + ["sparse"] * (size.layers - 1),
        "n_routed_experts": experts,
        "num_experts_per_tok": CHOSEN,
        "n_shared_experts": SHARED,
        "n_group": 1,
        "topk_group": 1,
        "topk_method": "greedy",
        "bos_token_id": ids[BEGIN],
        "eos_token_id": ids[END],
        "pad_token_id": ids[PAD],
    }


def finish(model: Any, ids: dict[str, int]) -> None:
    """Says to generation where an answer ends, and draws the positions that stock models begin with zeros for, so
    that a picture turned around is another picture."""
    import torch

    model.generation_config.update(bos_token_id=ids[BEGIN], eos_token_id=ids[END], pad_token_id=ids[PAD])
    encoder = model.model.vision_tower.sam_encoder
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if name == "pos_embed" or "rel_pos" in name:
                parameter.normal_(0, encoder.config.initializer_range)
