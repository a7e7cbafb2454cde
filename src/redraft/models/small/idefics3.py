"""A small Idefics3 or SmolVLM. A picture's longer side becomes `picture` pixels, in tiles of `tile`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.families._processors import pictures_alone
from redraft.models.small._shared import Sizes, decoder_settings, make_tokenizer, save_small, seeded

PAD, BEGIN, END, IMAGE = "<|endoftext|>", "<|im_start|>", "<end_of_utterance>", "<image>"
SPECIAL = (
    PAD,
    BEGIN,
    END,
    IMAGE,
    "<fake_token_around_image>",
    "<global-img>",
    *(f"<row_{row + 1}_col_{column + 1}>" for row in range(6) for column in range(6)),
)
TEMPLATE = (
    BEGIN
    + "{% for message in messages %}{{ message['role'] | capitalize }}"
    + "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    + "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}"
    + "{% elif part['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}"
    + END
    + "\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""As the published models of both kinds have it."""


def build(folder: Path, seed: int = 0, *, kind: str = "idefics3", **sizes: Any) -> Path:
    """sizes: those of `Sizes`. kind: idefics3 or smolvlm. A tile has (tile / patch / merge) squared image tokens;
    a 1,024-pixel page with tile 512, patch 16 and merge 4 is 5 tiles of 64."""
    import transformers

    library: Any = transformers
    size = Sizes.of(sizes, tile=56, text_type="llama")
    tokenizer = make_tokenizer(SPECIAL, size, eos_token=END, pad_token=PAD, bos_token=BEGIN)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    special = {"bos_token_id": ids[BEGIN], "eos_token_id": ids[END], "pad_token_id": ids[PAD]}
    make = {
        "idefics3": (library.Idefics3Config, library.Idefics3ForConditionalGeneration),
        "smolvlm": (library.SmolVLMConfig, library.SmolVLMForConditionalGeneration),
    }
    configure, create = make[kind]
    config = configure(
        vision_config={
            "hidden_size": size.vision_width,
            "intermediate_size": size.vision_feed_forward,
            "num_hidden_layers": size.vision_layers,
            "num_attention_heads": size.vision_heads,
            "image_size": size.tile,
            "patch_size": size.patch,
            "initializer_range": size.vision_spread,
        },
        text_config={
            "model_type": size.text_type,
            **decoder_settings(tokenizer, size),
            "head_dim": size.per_head,
            **special,
        },
        scale_factor=size.merge,
        image_token_id=ids[IMAGE],
        tie_word_embeddings=size.tied,
    )
    with seeded(seed):
        model = create(config)
    model.generation_config.update(**special)
    return save_small(folder, model, _processor(size, tokenizer, kind), size.dtype)


def _processor(size: Sizes, tokenizer: Any, kind: str) -> Any:
    import transformers
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    stock: Any = transformers.Idefics3Processor
    smol = kind == "smolvlm"
    backend: Any = SmolVLMImageProcessorPil if smol else Idefics3ImageProcessorPil
    limits = {"size": {"longest_edge": size.picture}, "max_image_size": {"longest_edge": size.tile}}
    processor = pictures_alone(stock, "SmolVLMProcessor" if smol else None)(
        image_processor=backend(**limits),
        tokenizer=tokenizer,
        image_seq_len=(size.tile // size.patch // size.merge) ** 2,
        chat_template=TEMPLATE,
    )
    if smol:
        processor.video_settings = {"video_processor_type": "SmolVLMVideoProcessor", **limits}
    return processor
