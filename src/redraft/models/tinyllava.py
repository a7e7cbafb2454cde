"""TinyLLaVA's checkpoint folders: what they hold, under which names, and how their models are put to a question.

Source of the layout: TinyLLaVA Factory (`training_recipe/base.py`, `model/modeling_tinyllava.py`,
`model/connector/mlp.py`, `model/vision_tower/base.py`, `data/template/*.py`). Two forms are published:

- parts: `config.json`, the tokenizer's files, and `language_model/`, `vision_tower/`, `connector/`, each with
  `pytorch_model.bin` (or safetensors) and, but for the connector, a `config.json`.
- whole: one set of weights at the top, with the prefixes `language_model.`, `vision_tower._vision_tower.`,
  `connector._connector.`, as finished trainings are saved.

The connector `mlp2x_gelu` is LLaVA's projector under other names. The strategy "patch" drops the first token of
the encoder's output, with SigLIP too, which has no class token there: LLaVA's "default" does the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.models.source import read_config

PARTS = ("language_model", "vision_tower", "connector")
PREFIXES = {
    "language_model": "language_model.",
    "vision_tower": "vision_tower._vision_tower.",
    "connector": "connector.",
}
COMPUTED = ("position_ids", "inv_freq")
"""Last names of buffers that older releases saved and that newer ones compute."""
STRATEGIES = {"patch": "default", "cls_patch": "full"}
NOT_CONFIG = ("model_name_or_path", "model_name_or_path2", "_name_or_path", "auto_map", "architectures",
              "torch_dtype", "dtype", "transformers_version")  # fmt: skip
TEXT, VISION = ("text_config", "language_model"), ("vision_config", "vision_tower")
"""Where the settings of the two models are: a key of config.json, a folder with a config.json of its own."""
SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions."
)


@dataclass(frozen=True, slots=True)
class Layout:
    """config: of the folder. text, vision: settings of the two models. weights: files by part; the empty name
    where one set of weights holds all parts."""

    config: dict[str, Any]
    text: dict[str, Any]
    vision: dict[str, Any]
    weights: dict[str, list[Path]]


def is_tinyllava(config: dict[str, Any]) -> bool:
    return str(config.get("model_type")).replace("_", "").startswith("tinyllava")


def read_layout(folder: Path) -> Layout:
    """What a TinyLLaVA folder holds. What stock classes cannot stand for is an InputError with the reason."""
    config = read_config(folder)
    text, vision = (_settings(folder, config, *names) for names in (TEXT, VISION))
    _supported(folder, config, text, vision)
    if all((folder / part).is_dir() for part in PARTS):
        weights = {part: weight_files_of(folder / part) for part in PARTS}
        lost = [part for part, files in weights.items() if not files]
        if lost:
            raise InputError(f"{lost[0]}/ holds no weights", where=str(folder), remedy="Copy the folder again")
    else:
        weights = {"": weight_files_of(folder)}
        if not weights[""]:
            raise InputError(
                "this folder holds no weights: neither at its top nor in language_model/, vision_tower/ and "
                "connector/",
                where=str(folder),
                remedy="Copy the folder whole",
            )
    return Layout(config, text, vision, weights)


def _settings(folder: Path, config: dict[str, Any], key: str, part: str) -> dict[str, Any]:
    own = folder / part
    inner = config.get(key) if isinstance(config.get(key), dict) else {}
    beside = read_config(own) if (own / "config.json").is_file() else {}
    found = {**dict(inner or {}), **beside}
    if not found:
        raise InputError(
            f"nothing says how the {part.replace('_', ' ')} is made: there is neither {key} in config.json nor "
            f"{part}/config.json",
            where=str(folder),
            remedy="Copy the folder whole",
        )
    return found


def _supported(folder: Path, config: dict[str, Any], text: dict[str, Any], vision: dict[str, Any]) -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    def refuse(what: str, remedy: str) -> None:
        raise InputError(what, where=str(folder), remedy=remedy)

    for name, found in (("language model", text), ("vision tower", vision)):
        kind = str(found.get("model_type") or "")
        if kind not in CONFIG_MAPPING:
            refuse(
                f"its {name} is of type '{kind or 'unknown'}', which is not part of transformers and would need "
                "code of its own, which is never run",
                "Choose a model on Phi, Gemma, Llama, Qwen2 or StableLM with CLIP or SigLIP",
            )
    connector = config.get("connector_type")
    if connector != "mlp2x_gelu":
        refuse(
            f"its connector is '{connector}', and transformers' LLaVA has two linear layers with GELU",
            "Choose a model with the connector mlp2x_gelu",
        )
    if config.get("vision_feature_select_strategy", "patch") not in STRATEGIES:
        refuse("its vision_feature_select_strategy is neither patch nor cls_patch", "Copy config.json again")
    if config.get("image_aspect_ratio", "square") not in ("square", "pad"):
        refuse(
            f"its pictures are cut by '{config['image_aspect_ratio']}', which LLaVA's processor does not do",
            "Choose a model with image_aspect_ratio square or pad",
        )
    if (folder / "adapter_config.json").is_file():
        refuse("this folder holds an adapter that is not merged yet", "Merge it with TinyLLaVA's own script first")


def weight_files_of(folder: Path) -> list[Path]:
    """The files of one set of weights: safetensors where there are any, else pickles; shards by their index."""
    for single, index in (
        ("model.safetensors", "model.safetensors.index.json"),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ):
        if (folder / index).is_file():
            try:
                names = sorted(
                    set(json.loads((folder / index).read_text(encoding="utf-8"))["weight_map"].values())
                )
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise InputError(
                    f"the index of the weights cannot be read ({error})", where=str(folder / index)
                ) from None
            files = [folder / str(name) for name in names]
            lost = [file.name for file in files if not file.is_file() or file.parent != folder]
            if lost:
                raise InputError(f"{lost[0]} is missing", where=str(folder), remedy="Copy the folder whole")
            return files
        if (folder / single).is_file():
            return [folder / single]
    return []


def target_of(part: str, name: str, targets: frozenset[str]) -> str | None:
    """The name that a weight has in transformers' LlavaForConditionalGeneration; None where it has no place there.

    part: the folder that it comes from, "" for a whole checkpoint, whose names carry prefixes.
    """
    if not part:
        for key, prefix in PREFIXES.items():
            if name.startswith(prefix):
                return target_of(key, name.removeprefix(prefix), targets)
        return None
    if part == "language_model":
        candidates = (
            [f"model.language_model.{name.removeprefix('model.')}"] if name.startswith("model.") else [name]
        )
    elif part == "vision_tower":
        name = name.removeprefix("_vision_tower.")
        candidates = [f"model.vision_tower.{given}" for given in (name, name.removeprefix("vision_model."))]
    else:
        linear = {"0": "linear_1", "2": "linear_2"}
        number, _, rest = name.removeprefix("_connector.").partition(".")
        candidates = [f"model.multi_modal_projector.{linear[number]}.{rest}"] if number in linear else []
    return next((given for given in candidates if given in targets), None)


def chat_template(image: str, begin: str, end: str) -> str:
    """TinyLLaVA's conversation: a system sentence, then "USER: <image>\\n... ASSISTANT: ..." with the end token.

    The pictures of a question come before its words. begin: the token that its tokenizer puts first, or "".
    """
    return (
        "{% macro words(content) %}{% if content is string %}{{ content | trim }}{% else %}"
        "{% for part in content %}{% if part['type'] == 'text' %}{{ part['text'] | trim }}{% endif %}{% endfor %}"
        "{% endif %}{% endmacro %}"
        "{% macro pictures(content) %}{% if content is not string %}{% for part in content %}"
        "{% if part['type'] == 'image' %}" + image + "\n{% endif %}{% endfor %}{% endif %}{% endmacro %}"
        "{% if messages[0]['role'] == 'system' %}" + begin + "{{ words(messages[0]['content']) }} "
        "{% else %}" + begin + SYSTEM + " {% endif %}"
        "{% for message in messages %}{% if message['role'] == 'user' %}"
        "USER: {{ pictures(message['content']) }}{{ words(message['content']) }} "
        "{% elif message['role'] == 'assistant' %}"
        "ASSISTANT: {{ words(message['content']) }}" + end + "{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
    )
