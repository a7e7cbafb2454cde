"""The parts of a model: which of its parameters are vision, projector, embeddings, head, language or adapter.

A family names its modules, and those names are taken first and strictly; only for a family without names are the
usual names of such modules looked for. Names here are those inside adapters and wrappers, so that one name holds
with and without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from redraft.core.errors import RecipeError
from redraft.models.families import Family, family_of
from redraft.models.families.base import inner

NAMES = {
    "vision": (
        "vision_tower",
        "visual",
        "vision_model",
        "vision_encoder",
        "vision_backbone",
        "image_tower",
        "encoder",
        "vision_embed_tokens",
    ),
    "projector": (
        "multi_modal_projector",
        "mm_projector",
        "projector",
        "connector",
        "merger",
        "aligner",
        "modality_projection",
    ),
}
"""Attribute names of a part, the likeliest first; used where a family has no names of its own."""
PARTS = ("adapter", "projector", "vision", "embeddings", "head", "language")
"""A parameter belongs to the first of these that holds it: a projector inside the vision module is projector,
embeddings tied to the output are embeddings."""
ADAPTER = "lora_"
"""How the names of peft's weights begin, DoRA's and those of experts among them."""


def family_in(model: Any) -> Family:
    """The family of a transformers model, through adapters and wrappers."""
    config = getattr(inner(model), "config", None)
    return family_of(str(getattr(config, "model_type", "")))


def part_modules(model: Any, part: str) -> list[tuple[str, nn.Module]]:
    """The modules of "vision", "projector", "embeddings", "head" or "language" with their names; none where the
    model has no such part. A module that the family names and the model lacks is a RecipeError."""
    core, family = inner(model), family_in(model)
    if part in ("vision", "projector"):
        named = family.vision if part == "vision" else family.projector
        return [(name, _module(core, name)) for name in named] if named else _usual(core, NAMES[part])
    if part == "language":
        return [language_module(core)] if family.language is None else [_pair(core, family.language)]
    found = core.get_input_embeddings() if part == "embeddings" else core.get_output_embeddings()
    return [(name, module) for name, module in core.named_modules() if module is found]


def part_of_each(model: Any) -> dict[str, str]:
    """The part ("other" for none) of every parameter, by name; each parameter once, in the model's order."""
    core = inner(model)
    prefixes = {part: [name for name, _ in _or_none(core, part)] for part in PARTS if part != "adapter"}
    return {name: _part(name, prefixes) for name, _ in core.named_parameters()}


def parameters_of(model: Any, part: str) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of one part with their names."""
    parts = part_of_each(model)
    for name, parameter in inner(model).named_parameters():
        if parts[name] == part:
            yield name, parameter


def language_module(model: Any) -> tuple[str, nn.Module]:
    """The language model inside a vision-language model, with its dotted name."""
    decoder = model.get_decoder()
    for name, module in model.named_modules():
        if module is decoder and name:
            return name, module
    raise RecipeError(
        "no language model is found inside this model",
        where="model.base",
        remedy="Give `model.adapter: null` to train it whole, or choose another family",
    )


def children(model: Any) -> list[str]:
    """Names of the model's outermost modules, for an error that must say what there is."""
    core = inner(model)
    inside = getattr(core, "model", None)
    names = [name for name, _ in core.named_children()]
    return names + ([f"model.{name}" for name, _ in inside.named_children()] if inside is not None else [])


def _part(name: str, prefixes: dict[str, list[str]]) -> str:
    if any(piece.startswith(ADAPTER) for piece in name.split(".")):
        return "adapter"
    for part in PARTS[1:]:
        if any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes[part]):
            return part
    return "other"


def _or_none(core: Any, part: str) -> list[tuple[str, nn.Module]]:
    """Like `part_modules`, for models that are no whole vision-language model."""
    try:
        return part_modules(core, part)
    except (RecipeError, AttributeError, NotImplementedError):
        return []


def _module(core: Any, name: str) -> nn.Module:
    try:
        found: nn.Module = core.get_submodule(name)
    except AttributeError:
        raise RecipeError(
            f"this model has no module '{name}', which its family has",
            where=type(core).__name__,
            remedy=f"Its modules are {', '.join(children(core))}; check the version of transformers",
        ) from None
    return found


def _pair(core: Any, name: str) -> tuple[str, nn.Module]:
    return name, _module(core, name)


def _usual(core: nn.Module, names: tuple[str, ...]) -> list[tuple[str, nn.Module]]:
    """The outermost modules with the first of these attribute names that occurs."""
    for wanted in names:
        found = [(name, module) for name, module in core.named_modules() if name.split(".")[-1] == wanted]
        outer = [(n, m) for n, m in found if not any(n.startswith(o + ".") for o, _ in found if o != n)]
        if outer:
            return outer
    return []
