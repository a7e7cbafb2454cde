"""DeepSeek-OCR v1: weights whose own code is never run, opened with transformers' UnlimitedOcr classes.

Both models have SAM and CLIP one behind the other, a linear projector and a decoder with 64 experts; Unlimited-OCR
differs in a sliding window while it answers, which its configuration can turn off. That the classes fit is not
taken on trust: the settings are compared one by one, and every tensor is accounted for before one is read. What is
saved afterwards is an Unlimited-OCR folder that transformers opens by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from redraft.core.errors import InputError
from redraft.models.families._deepseek_ocr1_config import native_config
from redraft.models.families._deepseek_ocr1_keys import POSITION_IDS, Part, Shape, audit

ARCHITECTURE = "DeepseekOCRForCausalLM"
IMAGE = "<image>"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\n"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% else %}\n{% endif %}{% endfor %}"
)
"""The published code puts pictures and text one behind the other, without roles, after the first token. The
newline behind a question is ours: without it the last word of a question and the first of an answer could become
one token."""
TILES = 9
"""Tiles of a picture at most, as the published code cuts them; Unlimited-OCR takes up to 32."""


def is_v1(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is that of DeepSeek-OCR v1."""
    return config.get("model_type") == "deepseek_vl_v2" and config.get("architectures") == [ARCHITECTURE]


def open_v1(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    """(model, processor) of a DeepSeek-OCR v1 folder, audited key by key before a weight is read."""
    from transformers import UnlimitedOcrForConditionalGeneration
    from transformers.initialization import no_init_weights

    from redraft.models.source import read_config

    kind: Any = UnlimitedOcrForConditionalGeneration
    processor = open_processor(folder)
    image_token = int(processor.tokenizer.convert_tokens_to_ids(IMAGE))
    config = native_config(read_config(folder), image_token, str(folder / "config.json"))
    files = tensor_files(folder)
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in kind(config).state_dict().items()}
    parts = audit({name: shape for name, (_, shape) in files.items()}, shapes, str(folder))
    with no_init_weights():
        model = kind._from_config(config, dtype=dtype)
    _fill(model, parts, {name: file for name, (file, _) in files.items()}, folder)
    ids = {"bos_token_id": config.text_config.bos_token_id, "eos_token_id": config.text_config.eos_token_id}
    model.generation_config.update(**ids, pad_token_id=processor.tokenizer.pad_token_id)
    return model.eval(), processor


def open_processor(folder: Path) -> Any:
    """v1's tokenizer, Unlimited-OCR's pictures at v1's sizes: views of 1,024 pixels, at most nine tiles of 640."""
    from transformers import PreTrainedTokenizerFast

    from redraft.models.ocr_pictures import UnlimitedOcrImageProcessorPil, UnlimitedOcrProcessorPil

    words: Any = PreTrainedTokenizerFast
    pictures: Any = UnlimitedOcrImageProcessorPil
    tokenizer = words.from_pretrained(folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if IMAGE not in tokenizer.get_vocab():
        raise InputError(
            f"this tokenizer has no {IMAGE} token, so pictures have no place in a text",
            where=str(folder),
            remedy="Copy the tokenizer's files from the model's published folder",
        )
    return UnlimitedOcrProcessorPil(
        image_processor=pictures(max_patches=TILES),
        tokenizer=tokenizer,
        chat_template=tokenizer.chat_template or TEMPLATE,
    )


def tensor_files(folder: Path) -> dict[str, tuple[Path, Shape]]:
    """Every tensor of a model folder's weights, with its file and shape, from the files' heads alone."""
    from safetensors import SafetensorError, safe_open

    from redraft.models.source import weight_files

    found: dict[str, tuple[Path, Shape]] = {}
    names = weight_files(folder, {path.name for path in folder.glob("*.safetensors")})
    for file in sorted(folder / name for name in names):
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118  # it is no dictionary
                    if name in found:
                        raise InputError(
                            f"{name} is in {found[name][0].name} too",
                            where=str(file),
                            remedy="Remove weight files that do not belong to the model",
                        )
                    found[name] = (file, tuple(opened.get_slice(name).get_shape()))
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"this weight file cannot be read ({error})", where=str(file), remedy="Fetch it again"
            ) from None
    return found


def _fill(model: Any, parts: list[Part], files: Mapping[str, Path], folder: Path) -> None:
    from safetensors import safe_open

    targets = model.state_dict()
    for file in sorted(set(files.values())):
        with safe_open(file, framework="pt") as opened, torch.no_grad():
            for part in parts:
                if files[part.source] != file:
                    continue
                value = opened.get_slice(part.source)
                value = value[slice(*part.rows)] if part.rows else opened.get_tensor(part.source)
                target = targets[part.target]
                if part.expert is not None and part.place is not None:
                    target = target[part.expert, slice(*part.place)]
                target.copy_(value)
            if files.get(POSITION_IDS) == file:
                _counted(opened.get_tensor(POSITION_IDS), folder)


def _counted(ids: torch.Tensor, folder: Path) -> None:
    if not torch.equal(ids.flatten(), torch.arange(ids.numel(), dtype=ids.dtype)):
        raise InputError(
            f"{POSITION_IDS} does not count from 0, so the model would read its positions in another order",
            where=str(folder),
            remedy="Take the weights from the model's published folder",
        )
