"""Checks that a vision-language model sees: its parts, its image tokens, and whether pictures reach its logits."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from redraft.core.errors import InputError
from redraft.core.example import Example, Image, message
from redraft.models.families.base import inner
from redraft.models.parts import children, family_in, part_modules

SIDE = 224
"""Pixels of the drawn pictures, which the processor scales as it does any other."""


@dataclass(frozen=True, slots=True)
class VisionReport:
    """What a check of a model's sight found.

    image_token: its id. image_tokens: in the prompt of one picture. features: that the vision side gave for it.
    difference: of the logits behind the prompt for two different pictures, the largest by absolute value; scale:
    the largest logit.
    """

    image_token: int
    image_tokens: int
    features: int
    difference: float
    scale: float


def check_structure(model: Any, processor: Any, where: str) -> int:
    """The id of the image token of a model that has a vision encoder and a processor that agrees with it.

    Nothing is computed. A missing encoder, and an image token that is not one id or not the model's, is an
    InputError.
    """
    encoder = part_modules(model, "vision")
    if not encoder or not any(True for _, module in encoder for _ in module.parameters()):
        raise InputError(
            "this model has no vision encoder, so it cannot read pictures",
            where=where,
            remedy=f"Choose a vision-language model; the parts of this one are {', '.join(children(model))}",
        )
    core, family = inner(model), family_in(model)
    try:
        wanted = family.image_token(core)
    except ValueError as error:
        raise InputError(str(error), where=where, remedy="Name image_token_id in config.json") from None
    token = getattr(processor, "image_token", None)
    if token is None:
        return wanted
    tokenizer = getattr(processor, "tokenizer", processor)
    ids = tokenizer(str(token), add_special_tokens=False)["input_ids"]
    if ids != [wanted]:
        raise InputError(
            f"the processor writes a picture as '{token}', which is {ids} to its tokenizer, and the model waits "
            f"for {wanted}",
            where=where,
            remedy="Take the tokenizer's files and config.json from the same place",
        )
    return wanted


def validate_vision_model(loaded: Any, processor: Any = None) -> VisionReport:
    """Shows the model two drawn pictures and checks that they reach its logits.

    loaded: what `load_model` gives, or a transformers model with its processor beside it. Checked are: a vision
    encoder; an image token of one id that model and processor share; as many image tokens in the prompt as the
    vision side gives features; other pixels, other logits. Each failure is an InputError that says which.
    Takes one pass through the vision side and two forward passes of a short prompt; the model's mode and gradients
    are left as they were.
    """
    from redraft.models.encode import Encoder  # it imports load, which imports this
    from redraft.models.load import Loaded
    from redraft.models.source import Source

    if not isinstance(loaded, Loaded):
        if processor is None:
            raise InputError(
                "a model alone cannot be shown pictures", where=type(loaded).__name__, remedy="Give its processor"
            )
        core = inner(loaded)
        loaded = Loaded(loaded, processor, core.config.model_type, Source(type(core).__name__))
    where = loaded.source.name
    token = check_structure(loaded.model, loaded.processor, where)
    encoder = Encoder(loaded)
    training = loaded.model.training
    loaded.model.eval()
    try:
        with torch.no_grad():
            return _look(loaded, encoder, token, where)
    finally:
        loaded.model.train(training)


def _look(loaded: Any, encoder: Any, token: int, where: str) -> VisionReport:
    from redraft.models.collate import collate, forward

    first, second = (encoder.encode_prompt(_example(kind)) for kind in (0, 1))
    written = int((first.input_ids == token).sum())
    if written == 0:
        raise InputError(
            "the prompt of a picture holds no image token, so the picture is left out of it",
            where=where,
            remedy="Correct chat_template.jinja in the model's folder: it must write the image token for an image",
        )
    batches = [collate([encoding], encoder.pad_id).to(loaded.device) for encoding in (first, second)]
    given = written
    if encoder.family.caches:  # another family's forward pass compares the two itself
        given = image_features(loaded.model, batches[0].inputs)
    if given != written:
        raise InputError(
            f"the prompt holds {written} image tokens, and the vision side gives {given} features",
            where=where,
            remedy="Take preprocessor_config.json (or processor_config.json) and config.json from the same place",
        )
    try:
        logits = [forward(loaded.model, batch).logits[0, -1].float() for batch in batches]
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"the model refuses a prompt with a picture ({type(error).__name__}: {str(error).splitlines()[0]})",
            where=where,
            remedy="Take all of the model's files from the same place",
        ) from error
    difference, scale = float((logits[0] - logits[1]).abs().max()), float(logits[0].abs().max())
    if not difference > 1e-6 * max(scale, 1e-6):  # a NaN is no difference either
        raise InputError(
            "two different pictures give the same logits: the model does not see",
            where=where,
            remedy="Check its weights; a projector of zeros or a missing vision encoder does this",
        )
    return VisionReport(token, written, given, difference, scale)


def image_features(model: Any, inputs: Mapping[str, torch.Tensor]) -> int:
    """How many features the vision side gives for the pictures of collated inputs."""
    family, core = family_in(model), inner(model)
    with torch.no_grad():
        found = family.features(core, inputs, "projector")
        made = family.from_features(core, found, inputs)["image"].pooler_output
    rows = torch.cat(list(made)) if isinstance(made, (list, tuple)) else made
    return int(rows.numel() // rows.shape[-1])


def _example(kind: int) -> Example:
    """A picture of a disc or of a frame, and a question."""
    import PIL.Image
    import PIL.ImageDraw

    picture = PIL.Image.new("RGB", (SIDE, SIDE), "white")
    pen = PIL.ImageDraw.Draw(picture)
    if kind:
        pen.ellipse((40, 40, 180, 180), fill=(200, 30, 30))
    else:
        pen.rectangle((20, 60, 200, 120), outline=(0, 0, 120), width=9)
    file = io.BytesIO()
    picture.save(file, "PNG")
    image = Image(f"{kind}.png", file.getvalue())
    return Example(f"check-{kind}", (image,), (message("user", "What is drawn here?", images=1),), {})
