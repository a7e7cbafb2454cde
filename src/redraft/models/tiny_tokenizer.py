"""The tiny model's tokenizer: every word and every number of the training texts is one token.

Byte-level, so that any text can be written and read back exactly; merges stop at the borders of numbers, words,
signs. The space or line end before a piece belongs to it, and so does a number's minus sign, so that most of a
program's lines take one token a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

PAD, BEGIN, END, IMAGE = "<pad>", "<answer>", "<end>", "<image>"
PIECES = r"\n? ?-?[0-9]+|\n? ?[A-Za-z_]+|\n? ?[^\sA-Za-z0-9_]|\s"
MAX_VOCABULARY = 8192
"""A cap for texts of free language; compact programs need under a thousand tokens."""
MAX_TEXTS = 50_000
"""Texts read at most; the words of a program language are all seen long before."""


def train_tokenizer(texts: Iterable[str], numbers: int) -> Any:
    """A `PreTrainedTokenizerFast` trained on texts, with every integer from 0 to numbers as one token.

    The result depends on the texts alone, not on their order beyond the first MAX_TEXTS.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    wrap: Any = PreTrainedTokenizerFast
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=MAX_VOCABULARY,
        min_frequency=1,
        special_tokens=[PAD, BEGIN, END, IMAGE],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(texts, numbers), trainer)
    return wrap(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        additional_special_tokens=[IMAGE],
        extra_special_tokens={"image_token": IMAGE},
        clean_up_tokenization_spaces=False,
        padding_side="right",
    )


def _corpus(texts: Iterable[str], numbers: int) -> Iterator[str]:
    every = "".join(f" {value}" for value in range(numbers + 1))
    joined = "\n".join(str(value) for value in range(numbers + 1))
    # Several times, so that the merges that make whole numbers come before rare words fill the vocabulary.
    for _ in range(8):
        yield every
        yield joined
    for index, text in enumerate(texts):
        if index >= MAX_TEXTS:
            break
        yield text
