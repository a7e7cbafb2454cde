"""What is common to the families, and the places where they differ.

Shapes: L tokens of an example, n of its pictures, T image tokens, D width of the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import PIL.Image
import torch
from torch import Tensor

from redraft.models.families._processors import through_pillow

Level = Literal["encoder", "projector"]
"""What a cached feature is the output of. "projector" where the projector is frozen too; "encoder" where it is
trained, so that what goes into it is kept."""


def inner(model: Any) -> Any:
    """The transformers model inside adapters and wrappers for several processes."""
    while True:
        if hasattr(model, "module") and isinstance(model.module, torch.nn.Module):
            model = model.module
        elif hasattr(model, "get_base_model"):
            model = model.get_base_model()
        else:
            return model


def inputs_of(modules: Sequence[torch.nn.Module], run: Callable[[], Any]) -> list[Tensor]:
    """What goes into each of the modules, each called once, while `run` runs."""
    seen: dict[int, Tensor] = {}
    hooks = [
        module.register_forward_pre_hook(lambda _, given, at=at: seen.setdefault(at, given[0]))
        for at, module in enumerate(modules)
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[at] for at in range(len(modules))]


def cast_pixels(tower: torch.nn.Module) -> None:
    """Gives a vision encoder pixels of its own type, for families that do not cast them themselves."""

    def of_its_type(module: torch.nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return (given[0].to(next(module.parameters()).dtype), *given[1:])

    tower.register_forward_pre_hook(of_its_type)


@dataclass(frozen=True, slots=True)
class View:
    """What a processor makes of one picture. text: what it writes in the place of the picture's token.

    scale, width, height: of the finest view, as `core.sight.Seen` has them.
    """

    text: str
    scale: float
    width: int
    height: int


@dataclass(frozen=True)
class Family:
    """A model family. Its methods hold for most of them; a family that differs overrides.

    model_types: of transformers' configurations. vision, projector: dotted names of the modules inside the
    transformers model, tried before any pattern; empty where patterns must do. A projector may lie inside the
    vision module: it does not count as vision then. language: of the decoder without its head. special_tokens:
    those that must be one id each, or the processor writes something that the model never saw. experts: last parts
    of the names of fused expert weights (parameters, not modules) inside the language model, which adapters reach
    by peft's `target_parameters`. pixel_inputs: inputs of forward that only the vision side reads, and which
    features replace. packs: several examples fit into one row with positions that begin again. modes: ways of
    seeing that have a name, each as settings of the image processor.
    """

    name: str
    model_types: tuple[str, ...]
    vision: tuple[str, ...] = ()
    projector: tuple[str, ...] = ()
    language: str | None = None
    special_tokens: tuple[str, ...] = ()
    experts: tuple[str, ...] = ()
    pixel_inputs: tuple[str, ...] = ("pixel_values",)
    packs: bool = True
    caches: bool = False
    """Whether `features` and `from_features` are there."""
    modes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def open_processor(self, folder: Path) -> Any:
        """The processor (tokenizer, pictures, chat template) of a model folder, without torchvision."""
        from transformers import AutoProcessor

        kind: Any = AutoProcessor
        return through_pillow(kind.from_pretrained(folder, trust_remote_code=False), folder)

    def ready(self, model: Any) -> None:
        """Makes an opened transformers model take its inputs as batches hold them."""

    def process(self, processor: Any, text: str, pictures: Sequence[PIL.Image.Image]) -> dict[str, Tensor]:
        """Tensors of one prompt, each with a first dimension of 1, as the processor makes them; input_ids among
        them, with as many image tokens as the vision side will give features."""
        given: dict[str, Any] = {"text": [text], "return_tensors": "pt", "add_special_tokens": False}
        if pictures:
            given["images"] = [list(pictures)]
        return dict(processor(**given, **self.picture_settings(processor)))

    def picture_settings(self, processor: Any) -> dict[str, Any]:
        """Settings that a call must repeat, because the processor's class has its own that win over its image
        processor's."""
        return {}

    def view(self, processor: Any, width: int, height: int) -> View:
        """What becomes of a picture of so many pixels, without making it.

        processor: needs no tokenizer (`models.published` has some without); its settings decide.
        """
        raise NotImplementedError(f"how {self.name} sees a picture is not known")

    def answer_value(self, name: str) -> int:
        """What a tensor of one value a token (such as "token_type_ids") holds for the tokens of the answer."""
        return 0

    def image_token(self, model: Any) -> int:
        """The id of the token that stands for one image feature."""
        config = model.config
        for name in ("image_token_id", "image_token_index"):
            if getattr(config, name, None) is not None:
                return int(getattr(config, name))
        raise ValueError(f"{self.name} does not name its image token")

    def features(self, model: Any, inputs: Mapping[str, Tensor], level: Level) -> dict[str, Tensor]:
        """The vision side's output for the pictures of one example (inputs: collated alone), without gradients.

        Each tensor is one that concatenation along its first dimension joins for several examples. At level
        "projector" they hold all that `from_features` needs to make what transformers' get_image_features gives.
        """
        raise NotImplementedError(f"features of {self.name} cannot be kept")

    def from_features(self, model: Any, features: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
        """The value of `mm_encoder_outputs` for joined features (a fresh object a call); runs the projector, with
        gradients, where the features are of level "encoder". inputs: the batch's inputs without pixels."""
        raise NotImplementedError(f"features of {self.name} cannot be kept")

    def positions(self, model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
        """Position ids of one example's tokens for a packed row: int64 [L], or [k, L] where the family has k."""
        return torch.arange(inputs["input_ids"].shape[-1])

    def both_ways(self, inputs: Mapping[str, Tensor]) -> int:
        """How many of one example's tokens, from its first one on, attend to each other in both directions."""
        return 0
