"""The built-in small model: stock transformers classes, weights drawn from a seed, no hub.

A convolutional vision side (DINOv3's ConvNeXt) turns each picture into a short row of tokens, a projector maps
them to the width of a small causal decoder (GPT-2), and PaliGemma's class puts the two together. A plain patch
transformer of this size learns the answers' language and ignores the pictures; convolutions use them early.
Learned positions and embeddings that are not tied to the output let the decoder find a place in a view sooner than
rotary ones (docs/models.md gives the figures).

The first weights are drawn wider than the library's 0.02, which is made for models ten times as wide: with it the
convolutions pass on almost nothing, the model is blind for thousands of examples, and may stay so.

The pictures' tokens come first in every prompt, in the pictures' order, so a view is known by its position. The
model does not read the words of the question: its chat template leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationError

from redraft.core.errors import RecipeError
from redraft.core.recipe import Positive, Section
from redraft.models.tiny_tokenizer import BEGIN, END, IMAGE, PAD, train_tokenizer

STRIDE = 4
"""Of the first stage; every further stage halves the picture once more."""


class TinyOptions(Section):
    """`model.options` of a recipe whose base is "tiny"."""

    picture: Positive = 128
    """Pixels of a picture's side as the model sees it, after antialiased reduction."""
    channels: tuple[Positive, ...] = (32, 64, 128, 192)
    """Channels of each stage of the vision side; a stage halves the picture, the first one quarters it."""
    depths: tuple[int, ...] = (1, 1, 2, 1)
    """Residual blocks of each stage."""
    decoder: Literal["gpt2", "llama"] = "gpt2"
    """Learned positions or rotary ones; in both the embeddings are not tied to the output."""
    width: Positive = 192
    """Width of the decoder; a multiple of heads."""
    layers: Positive = 4
    heads: Positive = 6
    feed_forward: Positive = 768
    positions: Positive = 1024
    """The longest sequence of picture and text tokens."""
    numbers: Positive = 128
    """Every integer from 0 to this is one token, whether the training texts hold it or not."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """In the decoder."""
    spread: Annotated[float, Field(gt=0)] | None = None
    """Standard deviation of the decoder's first weights; 0.5 / sqrt(width) where it is None."""
    vision_spread: Annotated[float, Field(gt=0)] = 0.1
    """Of the vision side's first weights."""
    seed: int | None = None
    """Of the initial weights; the recipe's seed where it is None."""


def tiny_options(given: dict[str, Any]) -> TinyOptions:
    """The options with defaults; a wrong one is a RecipeError."""
    try:
        options = TinyOptions.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(["model", "options", *(str(part) for part in first["loc"])])
        raise RecipeError(f"{key}: {first['msg']}", remedy="docs/models.md lists the tiny model's sizes") from None
    stride = reduction(options)
    if len(options.depths) != len(options.channels):
        raise RecipeError("model.options: depths and channels differ in length", remedy="Give one each a stage")
    if options.picture % stride:
        raise RecipeError(
            f"model.options.picture: {options.picture} is no multiple of {stride}, by which the stages reduce it",
            remedy=f"Give {max(options.picture // stride, 1) * stride}, or fewer stages",
        )
    if options.width % options.heads:
        raise RecipeError(
            f"model.options.width: {options.width} is no multiple of the {options.heads} heads",
            remedy="Change width or heads",
        )
    return options


def reduction(options: TinyOptions) -> int:
    """Pixels of the picture's side that become one cell of the map."""
    return STRIDE << (len(options.channels) - 1)


def tokens_per_picture(options: TinyOptions) -> int:
    """The map's cells and one pooled token."""
    side = options.picture // reduction(options)
    return side * side + 1


def build_tiny(options: TinyOptions, texts: Iterable[str], seed: int) -> tuple[Any, Any]:
    """(model, processor) with weights drawn from the seed and a tokenizer trained on texts."""
    tokenizer = train_tokenizer(texts, options.numbers)
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(options.seed if options.seed is not None else seed)
        model = _model(options, tokenizer)
    finally:
        torch.random.set_rng_state(state)
    return model, _processor(options, tokenizer)


def _model(options: TinyOptions, tokenizer: Any) -> Any:
    import transformers

    library: Any = transformers

    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in (PAD, BEGIN, END, IMAGE)}
    special = {"pad_token_id": ids[PAD], "bos_token_id": ids[BEGIN], "eos_token_id": ids[END]}
    vision = library.DINOv3ConvNextConfig(
        hidden_sizes=list(options.channels),
        depths=list(options.depths),
        initializer_range=options.vision_spread,
        layer_scale_init_value=1.0,  # the blocks shall work from the first step, not after thousands
        image_size=options.picture,
        hidden_size=options.channels[-1],
        patch_size=reduction(options),
    )
    text = _decoder(options, len(tokenizer), special)
    config = library.PaliGemmaConfig(
        vision_config=vision,
        text_config=text,
        projection_dim=options.width,
        hidden_size=options.width,
        image_token_index=ids[IMAGE],
        vocab_size=len(tokenizer),
        tie_word_embeddings=False,
        **special,
    )
    model = library.PaliGemmaForConditionalGeneration(config)
    model.generation_config.update(**special)
    return model


def _decoder(options: TinyOptions, vocabulary: int, special: dict[str, int]) -> Any:
    import transformers

    library: Any = transformers
    shared = {
        "vocab_size": vocabulary,
        "initializer_range": options.spread or 0.5 * options.width**-0.5,
        "tie_word_embeddings": False,
        "use_bidirectional_attention": False,
        **special,
    }
    if options.decoder == "llama":
        return library.LlamaConfig(
            hidden_size=options.width,
            intermediate_size=options.feed_forward,
            num_hidden_layers=options.layers,
            num_attention_heads=options.heads,
            num_key_value_heads=options.heads,
            max_position_embeddings=options.positions,
            attention_dropout=options.dropout,
            **shared,
        )
    return library.GPT2Config(
        n_embd=options.width,
        n_inner=options.feed_forward,
        n_layer=options.layers,
        n_head=options.heads,
        n_positions=options.positions,
        resid_pdrop=options.dropout,
        embd_pdrop=options.dropout,
        attn_pdrop=options.dropout,
        **shared,
    )


TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    + BEGIN
    + "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    + "{% endfor %}"
    + END
    + "{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    + IMAGE
    + "{% endif %}{% endfor %}{% endif %}{% endfor %}{% if add_generation_prompt %}"
    + BEGIN
    + "{% endif %}"
)


def picture_processor(options: TinyOptions) -> Any:
    """What reduces a picture to the side that the model sees, whatever its form."""
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    # Box resampling averages whole pixels, so that thin and dashed lines keep their weight when a drawing shrinks.
    return ViTImageProcessorPil(
        size={"height": options.picture, "width": options.picture},
        resample=4,
        do_normalize=True,
        # A reduced line drawing is white paper with a few grey pixels. Normalised like a photograph, the paper
        # fills the layer norms, what differs between two parts is a two-thousandth of the features, and the model
        # is blind. So ink is made strong (-9.5) and paper weak (0.5). Paper must not be 0: an empty place would be
        # all zeros behind the first convolution, where a layer norm multiplies gradients by a thousand.
        image_mean=[0.95, 0.95, 0.95],
        image_std=[0.1, 0.1, 0.1],
    )


def _processor(options: TinyOptions, tokenizer: Any) -> Any:
    import transformers

    library: Any = transformers
    return library.LlavaProcessor(
        image_processor=picture_processor(options),
        tokenizer=tokenizer,
        patch_size=reduction(options),
        vision_feature_select_strategy="full",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
