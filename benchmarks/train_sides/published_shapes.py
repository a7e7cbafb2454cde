"""The sizes of published models, and how many numbers redraft's adapter adds to each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from redraft.core.recipe import Adapter
from redraft.models.adapter import adapter_parameters, add_adapter

DEFAULTS = "transformers' defaults for {}, taken to be those of {}"
CONFIG = "as known of config.json of {}; not read on this machine, the total of its parameters agrees"


@dataclass(frozen=True)
class Shape:
    """model_type, text, vision, more: what AutoConfig is given; source: where the sizes were published."""

    name: str
    model_type: str
    source: str
    text: dict[str, Any] = field(default_factory=dict)
    vision: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    experts: bool = False

    def config(self) -> Any:
        from transformers import AutoConfig

        given = {
            f"{part}_config": sizes for part, sizes in (("text", self.text), ("vision", self.vision)) if sizes
        }
        return AutoConfig.for_model(self.model_type, **given, **self.more)


SHAPES = (
    Shape(
        "SmolVLM-500M",
        "idefics3",
        CONFIG.format("HuggingFaceTB/SmolVLM-500M-Instruct"),
        text={
            "model_type": "llama",
            "hidden_size": 960,
            "intermediate_size": 2560,
            "num_hidden_layers": 32,
            "num_attention_heads": 15,
            "num_key_value_heads": 5,
            "vocab_size": 49280,
            "tie_word_embeddings": False,
        },
        vision={
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 512,
            "patch_size": 16,
        },
        more={"scale_factor": 4},
    ),
    Shape(
        "LLaVA-1.5-7B",
        "llava",
        DEFAULTS.format("llava", "llava-hf/llava-1.5-7b-hf, but for 64 rows of vocabulary"),
    ),
    Shape(
        "Qwen2.5-VL-3B",
        "qwen2_5_vl",
        CONFIG.format("Qwen/Qwen2.5-VL-3B-Instruct"),
        text={
            "hidden_size": 2048,
            "intermediate_size": 11008,
            "num_hidden_layers": 36,
            "num_attention_heads": 16,
            "num_key_value_heads": 2,
            "vocab_size": 151936,
            "tie_word_embeddings": True,
        },
        vision={"hidden_size": 1280, "intermediate_size": 3420, "depth": 32, "out_hidden_size": 2048},
    ),
    Shape(
        "Qwen3-VL-2B",
        "qwen3_vl",
        CONFIG.format("Qwen/Qwen3-VL-2B-Instruct"),
        text={
            "hidden_size": 2048,
            "intermediate_size": 6144,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
            "tie_word_embeddings": True,
        },
        vision={
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "depth": 24,
            "out_hidden_size": 2048,
            "deepstack_visual_indexes": [5, 11, 17],
        },
        more={"tie_word_embeddings": True},
    ),
    Shape(
        "Granite-Docling-500M",
        "granite_docling",
        DEFAULTS.format("granite_docling", "ibm-granite/granite-for-docling-500m"),
    ),
    Shape(
        "DeepSeek-OCR 2",
        "deepseek_ocr2",
        CONFIG.format("deepseek-ai/DeepSeek-OCR-2"),
        text={
            "hidden_size": 1280,
            "intermediate_size": 6848,
            "moe_intermediate_size": 896,
            "num_hidden_layers": 12,
            "num_attention_heads": 10,
            "num_key_value_heads": 10,
            "n_routed_experts": 64,
            "n_shared_experts": 2,
            "num_experts_per_tok": 6,
            "vocab_size": 129280,
            "mlp_layer_types": ["dense"] + ["sparse"] * 11,
        },
        vision={
            "encoder_config": {
                "hidden_size": 896,
                "intermediate_size": 4864,
                "num_hidden_layers": 24,
                "num_attention_heads": 14,
                "num_key_value_heads": 2,
            }
        },
        experts=True,
    ),
    Shape("Unlimited-OCR", "unlimited_ocr", DEFAULTS.format("unlimited_ocr", "baidu/Unlimited-OCR"), experts=True),
)


def counted(shape: Shape, rank: int, experts: bool) -> tuple[int, int]:
    """(numbers of an adapter on attention, with those of the experts where asked, numbers of the model)."""
    from transformers import AutoModelForImageTextToText

    kind: Any = AutoModelForImageTextToText
    with torch.device("meta"):
        model = kind.from_config(shape.config())
        total = sum({id(p): p.numel() for p in model.parameters()}.values())
        wrapped = add_adapter(model, Adapter(r=rank, dropout=0.0, experts=experts), shape.name)
    return sum(p.numel() for _, p in adapter_parameters(wrapped)), total
