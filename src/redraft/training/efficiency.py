"""The switches that change how a step is computed and not what comes out of it.

Call them on a loaded model, before it is wrapped for several processes.
"""

from __future__ import annotations

from typing import Any

from redraft.core.errors import RecipeError
from redraft.core.recipe import Train
from redraft.models.collate import unwrapped
from redraft.models.parts import parameters_of, part_modules


def apply_switches(model: Any, settings: Train) -> None:
    """train.gradient_checkpointing and train.compile."""
    if settings.gradient_checkpointing:
        checkpoint_activations(model)
    if settings.compile:
        compile_language(model)


def checkpoint_activations(model: Any) -> None:
    """Each layer of the language model keeps what goes into it alone, and is run again on the way back.

    So does the vision side where it is trained; a frozen one keeps nothing anyway.

    The way that works without gradients of a layer's input is taken, so adapters need nothing more. A model whose
    layers cannot do it is a RecipeError.
    """
    chosen = [module for _, module in part_modules(model, "language")]
    if any(p.requires_grad for _, p in parameters_of(model, "vision")):
        chosen += [module for _, module in part_modules(model, "vision")]
    for module in chosen:
        switch: Any = getattr(module, "activation_checkpointing_enable", None)
        if switch is None or not getattr(module, "supports_gradient_checkpointing", False):
            if module is not chosen[0]:
                continue  # a vision side that cannot: the language model is most of it
            raise RecipeError(
                "this model's layers cannot be run again on the way back",
                where="train.gradient_checkpointing",
                remedy="Give gradient_checkpointing: false, and a smaller batch",
            )
        switch(activation_checkpointing_kwargs={"use_reentrant": False})


def compile_language(model: Any) -> None:
    """Compiles the language model without its head, in place, so that no name of a weight changes.

    Lengths differ from batch to batch, so its code is made for any length. The vision side stays as it is: its
    shapes follow the pictures and break the graph in many places.
    """
    for _, module in part_modules(model, "language"):
        module.compile(dynamic=True)


def training_mode(model: Any) -> None:
    """Dropout on, as `model.train()` does, except in a vision side that is wholly frozen: its features are the
    same every time, and so those that are kept stand in for it."""
    model.train()
    core = unwrapped(model)
    if not any(p.requires_grad for _, p in parameters_of(core, "vision")):
        projector = {id(module) for _, outer in part_modules(core, "projector") for module in outer.modules()}
        for _, outer in part_modules(core, "vision"):
            for module in outer.modules():
                if id(module) not in projector:
                    module.training = False
