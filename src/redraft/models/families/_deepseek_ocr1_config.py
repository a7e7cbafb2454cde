"""What of DeepSeek-OCR v1's config.json the native classes follow, and what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.core.errors import InputError

COPIED = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "moe_intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "n_routed_experts",
    "n_shared_experts",
    "num_experts_per_tok",
    "max_position_embeddings",
    "bos_token_id",
    "eos_token_id",
)
FIXED = {
    "use_mla": False,
    "hidden_act": "silu",
    "scoring_func": "softmax",
    "topk_method": "greedy",
    "norm_topk_prob": False,
    "moe_layer_freq": 1,
    "rope_scaling": None,
    "attention_bias": False,
    "tie_word_embeddings": False,
}
"""Settings of the decoder that the native classes have built in: another value is another model."""
STATED = ("use_mla",)
"""Those of FIXED that a configuration must say, as the published code would take another value."""


def native_config(config: Mapping[str, Any], image_token: int, where: str = "config.json") -> Any:
    """The configuration of the native classes. A setting that they cannot follow is an InputError."""
    from transformers import UnlimitedOcrConfig

    kind: Any = UnlimitedOcrConfig
    try:
        text, vision = dict(config["language_config"]), config["vision_config"]["width"]
        sam, clip = vision["sam_vit_b"], vision["clip-l-14-224"]
        linear = config["projector_config"]["projector_type"]
        _same(text, linear, where)
        layers, dense = int(text["num_hidden_layers"]), int(text["first_k_dense_replace"])
        copied = {name: text[name] for name in COPIED}
        vision_config = {
            "sam_config": {
                "hidden_size": sam["width"],
                "num_hidden_layers": sam["layers"],
                "num_attention_heads": sam["heads"],
                "global_attn_indexes": sam["global_attn_indexes"],
                "downsample_channels": sam["downsample_channels"],
                "mlp_dim": 4 * sam["width"],
            },
            "encoder_config": {
                "hidden_size": clip["width"],
                "intermediate_size": 4 * clip["width"],
                "num_hidden_layers": clip["layers"],
                "num_attention_heads": clip["heads"],
                "image_size": clip["image_size"],
                "patch_size": clip["patch_size"],
            },
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"this is not the configuration of DeepSeek-OCR v1 ({type(error).__name__}: {error})",
            where=where,
            remedy="Copy config.json from the model's published folder again",
        ) from None
    text_config = copied | {
        "mlp_layer_types": ["dense" if layer < dense else "sparse" for layer in range(layers)],
        # Full attention in every layer; the window that the classes insist on is then never looked at.
        "layer_types": ["full_attention"] * layers,
        "rope_parameters": {"rope_type": "default", "rope_theta": float(text.get("rope_theta", 10000.0))},
        "rms_norm_eps": float(text.get("rms_norm_eps", 1e-6)),
        "routed_scaling_factor": float(text.get("routed_scaling_factor", 1.0)),
    }
    return kind(
        vision_config=vision_config,
        text_config=text_config,
        image_token_id=image_token,
        tie_word_embeddings=False,
    )


def _same(text: Mapping[str, Any], projector: str, where: str) -> None:
    for name in STATED:
        if name not in text:
            raise KeyError(name)
    odd = [f"{name}: {text[name]!r}" for name, value in FIXED.items() if name in text and text[name] != value]
    if projector != "linear":
        odd.append(f"projector_type: {projector!r}")
    if odd:
        raise InputError(
            f"no class of transformers computes what this configuration says ({', '.join(odd)})",
            where=where,
            remedy="Choose DeepSeek-OCR v1 as it was published, DeepSeek-OCR 2 or Unlimited-OCR",
        )
