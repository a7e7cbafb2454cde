from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_families import small

from redraft.core.errors import InputError, UsageError
from redraft.core.recipe import Adapter, Evaluate, Model
from redraft.inference.openai_server import OpenAIServer
from redraft.inference.opening import open_predictor, open_untrained
from redraft.inference.predictor import LocalPredictor
from redraft.models.encode import Encoder
from redraft.models.load import load_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A stock model as its makers save it, without anything of ours."""
    found = small("llava")
    place = tmp_path_factory.mktemp("models") / "small-llava"
    found.model.save_pretrained(place)
    found.processor.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def examples(plates):
    return list(plates.generate(3, 4, {}, None))


def test_a_plain_model_folder_answers_as_the_model_in_memory(folder, examples):
    opened = open_predictor(folder, batch_size=2, max_new_tokens=8)
    loaded = small("llava")
    memory = LocalPredictor(loaded, Encoder(loaded), Evaluate(max_new_tokens=8))
    assert opened.name == "small-llava"
    assert (opened.settings.batch_size, opened.settings.max_new_tokens) == (2, 8)
    texts = [[answer.text for answer in row] for row in opened.predict(examples, samples=2)]
    assert texts == [[answer.text for answer in row] for row in memory.predict(examples, samples=2)]


def test_from_checkpoint_is_the_same(folder, examples):
    one = LocalPredictor.from_checkpoint(folder, max_new_tokens=4)
    other = open_predictor(folder, max_new_tokens=4)
    assert one.predict(examples)[0][0].text == other.predict(examples)[0][0].text


def test_a_generation_file_of_the_model_does_not_change_its_answers(folder, examples, tmp_path):
    """Some models ship a temperature and a repetition penalty; an evaluation is plain and greedy."""
    loaded = small("llava")
    config = loaded.model.generation_config
    config.do_sample, config.temperature, config.repetition_penalty, config.top_k = True, 1.9, 3.0, 3
    changed = LocalPredictor(loaded, Encoder(loaded), Evaluate(max_new_tokens=8)).predict(examples)
    plain = open_predictor(folder, max_new_tokens=8).predict(examples)
    assert [row[0].text for row in changed] == [row[0].text for row in plain]


def test_an_adapter_answers_with_its_own_weights(folder, examples):
    spec = Model(
        base=str(folder), freeze=("vision",), adapter=Adapter(r=4, dropout=0.0, targets=("q_proj", "v_proj"))
    )
    loaded = load_model(spec, seed=2)
    torch.manual_seed(0)
    for name, weight in loaded.model.named_parameters():
        if "lora_" in name:
            weight.data.normal_(0, 0.5)
    adapted = LocalPredictor(loaded, Encoder(loaded), Evaluate(max_new_tokens=8))
    answers = [row[0].text for row in adapted.predict(examples)]
    losses = [loss for loss, _ in adapted.answer_losses(examples)]
    merged = LocalPredictor(small("llava"), adapted.encoder, Evaluate(max_new_tokens=8))
    merged.loaded.model.load_state_dict(loaded.model.merge_and_unload().state_dict())
    assert [row[0].text for row in merged.predict(examples)] == answers
    assert [loss for loss, _ in merged.answer_losses(examples)] == pytest.approx(losses, rel=1e-4)
    assert [row[0].text for row in open_predictor(folder, max_new_tokens=8).predict(examples)] != answers


def test_a_model_that_says_nothing_of_its_training_has_no_untrained_self(folder):
    with pytest.raises(UsageError, match="--against FOLDER"):
        open_untrained(folder)


def test_a_server_is_named_by_its_address():
    opened = open_predictor("http://localhost:8000/v1#big", batch_size=3, temperature=0.5)
    assert isinstance(opened, OpenAIServer)
    assert (opened.url, opened.model, opened.settings.batch_size) == ("http://localhost:8000/v1", "big", 3)
    assert opened.temperature == 0.5


def test_what_is_no_model_is_refused(tmp_path, folder):
    with pytest.raises(InputError, match="neither a checkpoint nor a model"):
        open_predictor(tmp_path)
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no device 'cuda'"):
            open_predictor(folder, device="cuda")
