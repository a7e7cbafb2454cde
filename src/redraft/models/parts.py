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


def part_names(model: Any, part: str) -> list[str]:
    """Names of the modules, and of parameters that stand alone, of "vision", "projector", "embeddings", "head" or
    "language"; none where the model has no such part. A name of the family that the model lacks is a
    RecipeError."""
    core, family = inner(model), family_in(model)
    if part in ("vision", "projector"):
        named = family.vision if part == "vision" else family.projector
        if named:
            return [name for name in named if _lookup(core, name) is not None]
        return [name for name, _ in _usual(core, NAMES[part])]
    if part == "language":
        if family.language is None:
            return [language_module(core)[0]]
        return [family.language] if _lookup(core, family.language) is not None else []
    found = core.get_input_embeddings() if part == "embeddings" else core.get_output_embeddings()
    return [name for name, module in core.named_modules() if module is found]


def part_modules(model: Any, part: str) -> list[tuple[str, nn.Module]]:
    """The modules of a part with their names."""
    core = inner(model)
    found = [(name, _lookup(core, name)) for name in part_names(model, part)]
    return [(name, thing) for name, thing in found if isinstance(thing, nn.Module)]


def part_of_each(model: Any) -> dict[str, str]:
    """The part ("other" for none) of every parameter, by name; each parameter once, in the model's order."""
    return {name: part for name, (part, _) in place_of_each(model).items()}


def place_of_each(model: Any) -> dict[str, tuple[str, str]]:
    """(part, module of that part) of every parameter, by name; the module of what has no part is its outermost."""
    core = inner(model)
    named = {part: _names_or_none(core, part) for part in PARTS if part != "adapter"}
    return {name: _place(name, named) for name, _ in core.named_parameters()}


def parameters_of(model: Any, part: str) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of one part with their names."""
    parts = part_of_each(model)
    for name, parameter in inner(model).named_parameters():
        if parts[name] == part:
            yield name, parameter


def numbers(parameter: nn.Parameter) -> int:
    """How many numbers a parameter stands for; one in 4 bits holds two in a byte, and knows the shape it had."""
    state = getattr(parameter, "quant_state", None)
    return int(state.shape.numel()) if state is not None else parameter.numel()


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


def _place(name: str, named: dict[str, list[str]]) -> tuple[str, str]:
    adapted = any(piece.startswith(ADAPTER) for piece in name.split("."))
    for part in PARTS[1:]:
        for module in named[part]:
            if name == module or name.startswith(module + "."):
                return ("adapter" if adapted else part), module
    return ("adapter" if adapted else "other"), name.split(".")[0]


def _names_or_none(core: Any, part: str) -> list[str]:
    """Like `part_names`, for models that are no whole vision-language model."""
    try:
        return part_names(core, part)
    except (RecipeError, AttributeError, NotImplementedError):
        return []


def _lookup(core: Any, name: str) -> nn.Module | nn.Parameter | None:
    """A module or parameter by dotted name; None for one that this model leaves out."""
    found: Any = core
    for piece in name.split("."):
        if not hasattr(found, piece):
            raise RecipeError(
                f"this model has no '{name}', which its family has",
                where=type(core).__name__,
                remedy=f"Its modules are {', '.join(children(core))}; check the version of transformers",
            )
        found = getattr(found, piece)
    return found if isinstance(found, (nn.Module, nn.Parameter)) else None


def _usual(core: nn.Module, names: tuple[str, ...]) -> list[tuple[str, nn.Module]]:
    """The outermost modules with the first of these attribute names that occurs."""
    for wanted in names:
        found = [(name, module) for name, module in core.named_modules() if name.split(".")[-1] == wanted]
        outer = [(n, m) for n, m in found if not any(n.startswith(o + ".") for o, _ in found if o != n)]
        if outer:
            return outer
    return []
