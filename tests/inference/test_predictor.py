from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_families import FAMILIES, small

from redraft.core.errors import InputError
from redraft.core.example import Example, message
from redraft.core.recipe import Evaluate, Model
from redraft.core.work import Silent
from redraft.inference.limits import those_that_fit
from redraft.inference.predictor import LocalPredictor
from redraft.models.encode import Encoder
from redraft.models.load import Loaded, load_model

SETTINGS = Evaluate(batch_size=8, max_new_tokens=12)


def predictor(loaded: Loaded, **settings) -> LocalPredictor:
    return LocalPredictor(loaded, Encoder(loaded), SETTINGS.model_copy(update=settings))


@pytest.fixture(scope="module", params=["tiny", *FAMILIES])
def loaded(request) -> Loaded:
    if request.param != "tiny":
        return small(request.param)
    spec = Model(
        freeze=(), options={"picture": 32, "channels": (8, 16), "depths": (1, 1), "width": 24, "heads": 2}
    )
    found = load_model(spec, texts=[" ".join(map(str, range(100)))], seed=1)
    torch.manual_seed(2)
    for weight in found.model.parameters():  # far from its first weights, under which all answers are alike
        weight.data += 0.3 * torch.randn_like(weight)
    found.model.eval()
    return found


@pytest.fixture(scope="module")
def asked(plates) -> list[Example]:
    """Six examples with questions of different lengths, so that a batch needs padding, two with fewer pictures."""
    examples = list(plates.generate(6, 1, {}, None))
    changed = []
    for number, example in enumerate(examples):
        count = 3 if number < 4 else 1
        question = message("user", "How large" + " is this" * number, count)
        changed.append(replace(example, images=example.images[:count], messages=(question, example.messages[-1])))
    return changed


def test_a_batch_gives_the_answers_of_single_questions(loaded, asked):
    together = predictor(loaded).predict(asked)
    alone = [predictor(loaded).predict([example])[0] for example in asked]
    assert [row[0].text for row in together] == [row[0].text for row in alone]
    assert [row[0].logprob for row in together] == pytest.approx([row[0].logprob for row in alone], abs=1e-4)
    assert [row[0].id for row in together] == [example.id for example in asked]
    assert len({row[0].text for row in together}) > 1  # random weights, but not one answer for everything


def test_a_greedy_answer_is_the_likeliest_token_again_and_again(loaded, asked):
    """Against a plain loop over the model's forward, without generate, cache or padding."""
    encoder = Encoder(loaded)
    example = asked[0]
    encoding = encoder.encode_prompt(example)
    inputs = {name: value[None] if name in encoding.per_token else value for name, value in encoding.extra.items()}
    ids, total, steps = encoding.input_ids, 0.0, 0
    with torch.no_grad():
        while steps < SETTINGS.max_new_tokens:
            longer = dict(inputs)
            for name in encoding.per_token:
                longer[name] = torch.nn.functional.pad(inputs[name], (0, len(ids) - len(encoding.input_ids)))
            logits = loaded.model(input_ids=ids[None], pixel_values=encoding.pixel_values, **longer).logits[0, -1]
            token = int(logits.argmax())
            total, steps = total + float(logits.log_softmax(-1)[token]), steps + 1
            ids = torch.cat([ids, torch.tensor([token])])
            if token in encoder.end_ids:
                break
    text = encoder.tokenizer.decode(ids[encoding.prompt_length :], skip_special_tokens=True).strip()
    answer = predictor(loaded).predict([example])[0][0]
    assert (answer.text, answer.tokens) == (text, steps)
    assert answer.logprob == pytest.approx(total / steps, abs=1e-4)


def test_further_samples_are_drawn_and_the_same_again_whatever_else_is_asked(loaded, asked):
    first = predictor(loaded).predict(asked[:3], samples=4)
    assert predictor(loaded).predict(asked[:3], samples=4)[2] != []
    again = predictor(loaded, batch_size=2).predict(asked[2:3], samples=4)
    assert [answer.text for answer in again[0]] == [answer.text for answer in first[2]]
    assert len({answer.text for answer in first[0]}) > 1
    assert first[0][0].text == predictor(loaded).predict(asked[:1])[0][0].text
    drawn = [answer.logprob for answer in first[0][1:]]
    assert drawn == sorted(drawn, reverse=True)


def test_answers_end_at_the_end_token_or_at_the_limit(loaded, asked):
    for row in predictor(loaded, max_new_tokens=5).predict(asked, samples=3):
        for answer in row:
            assert answer.finish in ("stop", "length")
            assert answer.tokens == 5 if answer.finish == "length" else answer.tokens <= 5
            assert "</s>" not in answer.text


def test_an_end_token_stops_the_answer(loaded, asked):
    """Whatever is the likeliest first token is declared an end token: every answer is then that token alone."""
    asking = predictor(loaded)
    first = asking.encoder.tokenizer(asking.predict(asked[:1])[0][0].text, add_special_tokens=False)["input_ids"]
    if not first:
        pytest.skip("this model's first token is no text")
    asking.encoder.end_ids = [*asking.encoder.end_ids, *range(len(asking.encoder.tokenizer))]
    answer = asking.predict(asked[:1])[0][0]
    assert (answer.finish, answer.tokens) == ("stop", 1)


def test_the_model_and_all_random_states_are_left_as_they_were(loaded, asked):
    model = loaded.model
    model.train()
    frozen = next(module for module in model.modules() if isinstance(module, torch.nn.Embedding))
    frozen.eval()
    before = [module.training for module in model.modules()]
    states = (torch.random.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    asking = predictor(loaded)
    asking.predict(asked, samples=3)
    asking.answer_losses(asked)
    assert [module.training for module in model.modules()] == before
    assert torch.equal(states[0], torch.random.get_rng_state())
    assert states[1] == random.getstate()
    assert states[2] == np.random.get_state()[1].tolist()
    assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in model.parameters())
    model.eval()


def test_the_model_can_be_trained_on_after_answering(loaded, asked):
    """Nothing that inference caches may break the next backward pass."""
    asking = predictor(loaded)
    asking.predict(asked[:2])
    from redraft.models.collate import collate
    from redraft.models.loss import summed_loss

    batch = collate([asking.encoder.encode(example) for example in asked[:2]], asking.encoder.pad_id)
    summed_loss(loaded.model, batch).backward()
    assert any(parameter.grad is not None for parameter in loaded.model.parameters())
    loaded.model.zero_grad(set_to_none=True)


def test_losses_do_not_depend_on_the_batch(loaded, asked):
    together = predictor(loaded).answer_losses(asked)
    alone = [predictor(loaded).answer_losses([example])[0] for example in asked]
    assert [loss for loss, _ in together] == pytest.approx([loss for loss, _ in alone], rel=1e-4)
    assert [count for _, count in together] == [count for _, count in alone]


def test_temperature_decides_how_far_samples_stray(loaded, asked):
    cold = LocalPredictor(loaded, Encoder(loaded), SETTINGS, temperature=1e-4).predict(asked[:2], samples=3)
    assert all(len({answer.text for answer in row}) == 1 for row in cold)


def test_draws_follow_the_models_own_probabilities(loaded, asked):
    """At temperature 1, the share of each first token is its softmax, within five standard errors."""
    encoder = Encoder(loaded)
    asking = LocalPredictor(loaded, encoder, SETTINGS.model_copy(update={"max_new_tokens": 1}), temperature=1.0)
    row = asking.predict(asked[:1], samples=401)[0][1:]
    counts: dict[float, int] = {}
    for answer in row:
        counts[round(answer.logprob, 4)] = counts.get(round(answer.logprob, 4), 0) + 1
    logprob, count = max(counts.items())
    expected = float(np.exp(logprob))
    assert count / 400 == pytest.approx(expected, abs=5 * (expected * (1 - expected) / 400) ** 0.5 + 1e-9)


def test_a_broken_picture_is_one_clear_error(loaded, asked):
    broken = asked[0].with_images((replace(asked[0].images[0], bytes=b"no picture"), *asked[0].images[1:]))
    with pytest.raises(InputError, match=asked[0].id):
        predictor(loaded).predict([asked[1], broken])


def test_an_answer_ends_where_the_models_positions_do(loaded, asked):
    """Each row at its own place, whatever is in its batch; a prompt that fills all positions is refused."""
    able = predictor(loaded)
    free = [row[0] for row in able.predict(asked)]
    lengths = [able.prompt_tokens(example) for example in asked]
    config = loaded.model.config.get_text_config()
    before = config.max_position_embeddings
    try:
        config.max_position_embeddings = max(lengths) + 3
        short = [row[0] for row in able.predict(asked)]
        config.max_position_embeddings = max(lengths)
        work = Silent()
        without_answers = [replace(example, messages=example.messages[:1]) for example in asked]
        left = those_that_fit(without_answers, [able], work)
        assert len(left) == sum(length < max(lengths) for length in lengths) > 0
        assert [name for name, _ in work.omissions] == [e.id for e in asked if e.id not in {e.id for e in left}]
        assert "tokens with its pictures leave no room" in work.omissions[0][1]
        with pytest.raises(InputError, match=f"{max(lengths)} tokens with its pictures leave no room") as caught:
            able.predict(asked)
    finally:
        config.max_position_embeddings = before
    assert caught.value.where == asked[lengths.index(max(lengths))].id
    for answer, whole, length in zip(short, free, lengths, strict=True):
        assert answer.tokens == min(whole.tokens, max(lengths) + 3 - length)
        assert whole.text.startswith(answer.text)
        if answer.tokens < whole.tokens:
            assert answer.finish == "length"
