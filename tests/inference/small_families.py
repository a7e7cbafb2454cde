"""Stock models of transformers with a few thousand random weights, and their own processors, for tests."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPVisionConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    ProcessorMixin,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from redraft.models.load import Loaded
from redraft.models.source import Source

IDEFICS_TOKENS = ["<fake_token_around_image>", "<end_of_utterance>", "<global-img>"]
QWEN_TOKENS = ["<|vision_start|>", "<|vision_end|>", "<|video_pad|>"]


def _tokenizer(image: str, more: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\d+| ?\w+|\s"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", image, *more]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(map(str, range(100)))], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=[image, *more],
        clean_up_tokenization_spaces=False,
    )


def _template(image: str) -> str:
    return (
        "{% for m in messages %}{{ m['role'] }}:{% for p in m['content'] %}{% if p['type'] == 'image' %}"
        + image
        + "{% else %}{{ p['text'] }}{% endif %}{% endfor %}{% if m['role'] == 'assistant' %}</s>{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
    )


def _text(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "initializer_range": 0.3,  # so that answers differ from each other
    }


def llava() -> tuple[Any, Any]:
    tokenizer = _tokenizer("<image>", [])
    vision = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=LlamaConfig(**_text(tokenizer)),
        image_token_index=3,
        vision_feature_layer=-1,
    )
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_template("<image>"),
    )
    return LlavaForConditionalGeneration(config), processor


def idefics3() -> tuple[Any, Any]:
    tokenizer = _tokenizer("<image>", IDEFICS_TOKENS)
    vision = {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "image_size": 32, "patch_size": 8,
    }  # fmt: skip
    config = Idefics3Config(
        vision_config=vision,
        text_config={"model_type": "llama", **_text(tokenizer)},
        image_token_id=3,
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    processor = Idefics3Processor(
        Idefics3ImageProcessorPil(
            size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False
        ),
        tokenizer,
        image_seq_len=4,
        chat_template=_template("<image>"),
    )
    return Idefics3ForConditionalGeneration(config), processor


class PicturesOnly(Qwen2_5_VLProcessor):
    """The stock processor without its video side, which needs torchvision."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None
    ) -> None:
        self.image_token, self.video_token = "<image>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def qwen2_5_vl() -> tuple[Any, Any]:
    tokenizer = _tokenizer("<image>", QWEN_TOKENS)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in QWEN_TOKENS}
    config = Qwen2_5_VLConfig(
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 4, "patch_size": 8,
            "out_hidden_size": 32, "window_size": 32, "fullatt_block_indexes": [1],
        },
        text_config={**_text(tokenizer), "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2]}},
        image_token_id=3,
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    processor = PicturesOnly(
        Qwen2VLImageProcessorPil(patch_size=8, min_pixels=16 * 16, max_pixels=32 * 32),
        tokenizer,
        chat_template=_template("<|vision_start|><image><|vision_end|>"),
    )
    return Qwen2_5_VLForConditionalGeneration(config), processor


FAMILIES = {"llava": llava, "idefics3": idefics3, "qwen2_5_vl": qwen2_5_vl}


def small(family: str, seed: int = 0) -> Loaded:
    """A loaded model of the family with random weights from the seed."""
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model, processor = FAMILIES[family]()
    torch.random.set_rng_state(state)
    model.eval()
    return Loaded(model, processor, family, Source(f"small {family}"))
