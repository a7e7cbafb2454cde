"""Checkpoint folders in TinyLLaVA's form, made with real transformers classes and random weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
import transformers
from safetensors.torch import save_file
from torch import nn

from redraft.models.small._shared import Sizes, make_tokenizer

END = "<|endoftext|>"
SIDE, PATCH, WIDTH, SEES = 42, 14, 32, 24
QUESTION = "This image is a view of a 3D model. Please try to render this model."
SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions. "
)


@dataclass
class Published:
    """A checkpoint folder in TinyLLaVA's form, and the parts that it was made of."""

    folder: Path
    vision: Any
    text: Any
    connector: nn.Sequential
    tokenizer: Any

    def logits(self, picture: PIL.Image.Image) -> torch.Tensor:
        """The parts run by hand, as TinyLLaVA does: [length, vocabulary]."""
        mean, std = (0.5, 0.5) if "Siglip" in type(self.vision).__name__ else (None, None)
        if mean is None:
            mean, std = transformers.image_utils.OPENAI_CLIP_MEAN, transformers.image_utils.OPENAI_CLIP_STD
        pixels = np.asarray(picture, dtype=np.float32) / 255
        pixels = torch.tensor((pixels - np.array(mean)) / np.array(std), dtype=torch.float32).permute(2, 0, 1)[
            None
        ]
        before, after = f"{SYSTEM}USER: ", f"\n{QUESTION} ASSISTANT:"
        with torch.no_grad():
            seen = self.vision(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
            features = self.connector(seen)
            words = self.text.get_input_embeddings()
            if self.text.config.model_type == "gemma":
                features = features * WIDTH**0.5  # its first layer took everything scaled
            parts = [words(torch.tensor([self.tokenizer(text)["input_ids"]])) for text in (before, after)]
            return self.text(inputs_embeds=torch.cat([parts[0], features, parts[1]], 1)).logits[0]


def publish(
    folder: Path, text: str = "phi", vision: str = "siglip", whole: bool = False, room: int = 8
) -> Published:
    """Real classes with random weights, saved as TinyLLaVA saves them. room: rows of the embedding beyond the
    tokenizer."""
    torch.manual_seed(7)
    tokenizer = make_tokenizer((END,), Sizes(), eos_token=END, unk_token=END, pad_token=END)
    rows = len(tokenizer) + room
    sizes = {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48, "initializer_range": 0.3}
    config = {"siglip": transformers.SiglipVisionConfig, "clip": transformers.CLIPVisionConfig}[vision](
        hidden_size=SEES, image_size=SIDE, patch_size=PATCH, **sizes
    )
    settings = {
        "phi": transformers.PhiConfig,
        "llama": transformers.LlamaConfig,
        "gemma": transformers.GemmaConfig,
        "qwen2": transformers.Qwen2Config,
    }[text](vocab_size=rows, hidden_size=WIDTH, num_key_value_heads=2, head_dim=WIDTH // 2, **sizes)
    eyes = transformers.AutoModel.from_config(config).eval()
    words = transformers.AutoModelForCausalLM.from_config(settings).eval()
    if text == "phi":
        nn.init.normal_(words.lm_head.bias)  # the published Phi has one; a fresh one is zeros
        for name, value in words.named_parameters():
            if "layernorm" in name or name.endswith(("dense.bias", "fc2.bias")):
                nn.init.normal_(value, 0.5)
    connector = nn.Sequential(nn.Linear(SEES, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
    states = {
        "language_model": dict(words.named_parameters()),
        "vision_tower": {f"vision_model.{name}": value for name, value in eyes.named_parameters()},
        "connector": {f"_connector.{name}": value for name, value in connector.named_parameters()},
    }
    if vision == "clip":
        states["vision_tower"]["vision_model.embeddings.position_ids"] = torch.arange(10)[None]
    nested = {"text_config": settings.to_dict(), "vision_config": config.to_dict()}
    top = {
        "model_type": "tinyllava", "architectures": ["TinyLlavaForConditionalGeneration"],
        "auto_map": {"AutoConfig": "configuration.TinyLlavaConfig"}, "connector_type": "mlp2x_gelu",
        "vision_feature_layer": -2, "vision_feature_select_strategy": "patch", "image_aspect_ratio": "square",
        "tokenizer_model_max_length": 3072, **nested,
    }  # fmt: skip
    folder.mkdir(parents=True)
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(top, default=str))
    if whole:
        prefixes = ("language_model.", "vision_tower._vision_tower.", "connector.")
        joined = {
            prefix + name: value.detach().clone()
            for prefix, state in zip(prefixes, states.values(), strict=True)
            for name, value in state.items()
        }
        save_file(joined, folder / "model.safetensors")
    else:
        for part, state in states.items():
            (folder / part).mkdir()
            torch.save(
                {name: value.detach() for name, value in state.items()}, folder / part / "pytorch_model.bin"
            )
        (folder / "language_model" / "config.json").write_text(json.dumps(settings.to_dict(), default=str))
        (folder / "vision_tower" / "config.json").write_text(json.dumps(config.to_dict(), default=str))
    return Published(folder, eyes, words, connector, tokenizer)
