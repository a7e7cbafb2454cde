"""What the small instances share: sizes, a tokenizer with the family's own special tokens, a chat template."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

TRAINED_VOCABULARY = 4096
"""Tokens that the bundled texts are worth; a larger `vocabulary` adds rows that no text is written with, as the
padded embeddings of published models do."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of a small instance. A family's defaults may differ; `None` lets the family choose.

    width, layers, heads, kv_heads, head_size, feed_forward: of the decoder. vocabulary: rows of its embedding.
    positions: its longest sequence. tied: output weights are the embedding's. vision_*: of the vision encoder.
    picture: side in pixels of the largest square picture that is not scaled down. patch: side of a patch in
    pixels. merge: patches along a side that become one image token (where the family merges any). tile: side of
    the tiles that a picture is cut into (where the family cuts). text_type, vision_type: transformers' model
    types of decoder and vision encoder (where the family leaves them open). spread: standard deviation of the
    first weights; 0.8 / sqrt(width) of each side where None, so that different pictures give visibly different
    logits. texts: more texts to train the tokenizer on.
    """

    width: int = 64
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_size: int | None = None
    feed_forward: int = 128
    vocabulary: int = 0
    positions: int = 4096
    tied: bool = False
    vision_width: int = 32
    vision_layers: int = 2
    vision_heads: int = 2
    vision_feed_forward: int = 64
    picture: int = 112
    patch: int = 14
    merge: int = 2
    tile: int = 0
    text_type: str = ""
    vision_type: str = ""
    spread: float | None = None
    dropout: float = 0.0
    texts: tuple[str, ...] = ()
    dtype: str = "float32"

    @classmethod
    def of(cls, given: dict[str, Any], **defaults: Any) -> Sizes:
        """The sizes asked for over a family's own defaults. An unknown name is a TypeError that lists them."""
        known = [field.name for field in fields(cls)]
        odd = sorted(set(given) - set(known))
        if odd:
            raise TypeError(f"there is no size '{odd[0]}'; the sizes are {', '.join(known)}")
        asked: dict[str, Any] = {**defaults, **given}
        return cls(**{**asked, "texts": tuple(asked.get("texts", ()))})

    @property
    def text_spread(self) -> float:
        return self.spread or 0.8 * self.width**-0.5

    @property
    def vision_spread(self) -> float:
        return self.spread or 0.8 * self.vision_width**-0.5

    @property
    def per_head(self) -> int:
        return self.head_size or self.width // self.heads


def make_tokenizer(special: Sequence[str], sizes: Sizes, **named: Any) -> Any:
    """A byte-level BPE trained on bundled texts, in which each of `special` is one id; the same every time.

    named: pad_token, eos_token and the like, and extra_special_tokens, as a tokenizer of transformers takes them.
    Words are cut as Qwen2's tokenizer cuts them, so that its class opens the files too.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TRAINED_VOCABULARY,
        min_frequency=2,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*bundled_texts(), *sizes.texts], trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    wrap: Any = PreTrainedTokenizerFast
    made = wrap(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, padding_side="right", **named)
    for token in special:
        assert len(made(token, add_special_tokens=False)["input_ids"]) == 1, token
    return made


def embedding_rows(tokenizer: Any, sizes: Sizes) -> int:
    """Rows of the decoder's embedding: what the tokenizer needs, or more where the sizes ask for it."""
    return max(len(tokenizer), sizes.vocabulary)


def decoder_settings(tokenizer: Any, size: Sizes) -> dict[str, Any]:
    """What the configurations of all plain decoders call by the same names."""
    return {
        "vocab_size": embedding_rows(tokenizer, size),
        "hidden_size": size.width,
        "intermediate_size": size.feed_forward,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "max_position_embeddings": size.positions,
        "attention_dropout": size.dropout,
        "initializer_range": size.text_spread,
        "tie_word_embeddings": size.tied,
    }


def chat_template(begin: str, end: str, image: str, roles: bool = True) -> str:
    """A template that writes `begin` role newline, the parts, `end` newline; a picture is written as `image`."""
    role = "{{ message['role'] }}\n" if roles else "{{ message['role'] | capitalize }}: "
    return (
        "{% for message in messages %}"
        + begin
        + role
        + "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
        + "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
        + image
        + "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
        + end
        + "\n{% endfor %}{% if add_generation_prompt %}"
        + begin
        + ("assistant\n" if roles else "Assistant: ")
        + "{% endif %}"
    )


def save_small(folder: Path, model: Any, processor: Any, dtype: str = "float32") -> Path:
    """Writes the model and its processor as their `save_pretrained` does."""
    from redraft.models.load import quiet_library

    folder.mkdir(parents=True, exist_ok=True)
    with quiet_library():
        model.to(getattr(torch, dtype)).save_pretrained(folder)
        processor.save_pretrained(folder)
    return folder


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draws weights from the seed and leaves torch's own random state as it was."""
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.random.set_rng_state(state)


WORDS = """
a the of and to in for with on from by is are was be as at it this that which one two three four front
top right view page part sketch line arc circle extrude cut new join intersect plane origin scale depth
height width length radius centre start end loop face edge point corner hole plate block add remove body
solid shape drawing picture image question answer describe write give program summary document section
chapter report says shows results year percent million people government company market study found new
first last more than between under over after before during because while their they he she we you not no
yes all each every other
"""


def bundled_texts() -> Iterable[str]:
    """Sentences, command lines and numbers, drawn once and for all from a fixed seed."""
    draw, words = random.Random(7), WORDS.split()
    for _ in range(400):
        yield " ".join(draw.choice(words) for _ in range(24)).capitalize() + "."
        yield "\n".join(
            f"{draw.choice(words)} {draw.randint(-256, 256)} {draw.randint(0, 256)} {draw.random():.4f}"
            for _ in range(6)
        )
