"""One example to tensors: what carries loss, what is a prefix of what, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.errors import InputError
from redraft.core.example import Example, Image, message
from redraft.core.recipe import Model
from redraft.models.collate import collate
from redraft.models.encode import IGNORE, Encoder
from redraft.models.load import Loaded, load_model
from redraft.models.tiny_tokenizer import train_tokenizer
from toy_parts import SMALL, toy_example, toy_examples


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    texts = [example.answer for example in toy_examples(32)]
    return load_model(Model(base="tiny", freeze=(), options=SMALL), texts=texts)


@pytest.fixture(scope="module")
def encoder(loaded: Loaded) -> Encoder:
    return Encoder(loaded)


def test_only_the_answer_and_its_end_carry_loss(encoder: Encoder) -> None:
    example = toy_example(3)
    encoding = encoder.encode(example)
    trained = encoding.input_ids[encoding.labels != IGNORE].tolist()
    assert trained[-1] in encoder.end_ids
    assert encoder.tokenizer.decode(trained[:-1]) == example.answer
    assert torch.equal(encoding.labels[encoding.prompt_length :], encoding.input_ids[encoding.prompt_length :])
    assert (encoding.labels[: encoding.prompt_length] == IGNORE).all()
    assert encoding.supervised == len(trained)


def test_the_prompt_is_a_prefix_of_the_whole(encoder: Encoder) -> None:
    example = toy_example(4)
    prompt, whole = encoder.encode_prompt(example), encoder.encode(example)
    assert torch.equal(prompt.input_ids, whole.input_ids[: len(prompt)])
    assert len(prompt) == whole.prompt_length
    assert prompt.pixel_values is not None and whole.pixel_values is not None
    assert torch.equal(prompt.pixel_values, whole.pixel_values)


def test_every_picture_gets_its_tokens_in_order(encoder: Encoder, loaded: Loaded) -> None:
    encoding = encoder.encode_prompt(toy_example(1))
    image_token = loaded.model.config.image_token_id
    assert int((encoding.input_ids == image_token).sum()) == 3 * (2 * 2 + 1)
    assert encoding.pixel_values is not None and encoding.pixel_values.shape == (3, 3, 64, 64)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda e: replace(e, messages=e.prompt), "no answer"),
        (
            lambda e: replace(e, images=(*e.images[:2], Image("right.png", b"no picture"))),
            "not a readable picture",
        ),
        (lambda e: replace(e, images=e.images[:2]), "refuses"),
    ],
)
def test_a_bad_example_is_named(encoder: Encoder, spoil, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=says) as caught:
        encoder.encode(spoil(toy_example(5)))
    assert "toy-0005" in caught.value.where
    assert caught.value.remedy


def test_a_template_that_changes_the_prompt_is_refused(loaded: Loaded) -> None:
    template = loaded.processor.chat_template
    try:
        loaded.processor.chat_template = template.replace("<answer>{% for", "<answer>Sure! {% for")
        with pytest.raises(InputError, match="does not put the answer right behind the prompt"):
            Encoder(loaded).encode(toy_example(1))
    finally:
        loaded.processor.chat_template = template


def test_padding_goes_to_the_side_asked_for(encoder: Encoder) -> None:
    encodings = [encoder.encode(toy_example(index)) for index in (2, 3)]
    short, long = sorted(len(encoding) for encoding in encodings)
    assert short < long
    right, left = collate(encodings, encoder.pad_id), collate(encodings, encoder.pad_id, "left")
    for batch, padded in ((right, slice(short, None)), (left, slice(0, long - short))):
        assert batch.inputs["input_ids"].shape == (2, long)
        assert batch.inputs["attention_mask"][0, padded].sum() == 0
        assert (batch.labels[0, padded] == IGNORE).all()
    assert right.supervised == sum(encoding.supervised for encoding in encodings)
    assert right.inputs["pixel_values"].shape[0] == 6


def test_transparent_pictures_lie_on_white(encoder: Encoder) -> None:
    import PIL.Image

    from toy_parts import png

    clear = Image("front.png", png(PIL.Image.new("RGBA", (64, 64), (0, 0, 0, 0))))
    example = Example("clear", (clear,), (message("user", images=1), message("assistant", "box 1 1 1")), {})
    pixels = encoder.encode(example).pixel_values
    assert pixels is not None and torch.allclose(pixels, torch.tensor(0.5))


class TestTokenizer:
    tokenizer = train_tokenizer([example.answer for example in toy_examples(16)], numbers=128)

    @given(st.text(max_size=60))
    @settings(max_examples=200, deadline=None)
    def test_any_text_comes_back_exactly(self, text: str) -> None:
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        if not set(ids) & set(self.tokenizer.all_special_ids):
            assert self.tokenizer.decode(ids) == text

    @given(st.integers(0, 128), st.integers(0, 128))
    def test_a_number_is_one_token(self, a: int, b: int) -> None:
        assert len(self.tokenizer(f" {a} {b}", add_special_tokens=False)["input_ids"]) == 2

    def test_the_words_of_the_texts_are_one_token(self) -> None:
        ids = self.tokenizer("box 3 4 5\nhole 2", add_special_tokens=False)["input_ids"]
        assert [self.tokenizer.decode([i]) for i in ids] == ["box", " 3", " 4", " 5", "\nhole", " 2"]
