"""The built-in model: stock classes that open anywhere, pictures that count, weights that come from the seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from redraft.core.errors import RecipeError
from redraft.core.recipe import Adapter, Model
from redraft.models.collate import Batch, collate
from redraft.models.encode import Encoder
from redraft.models.load import Loaded, load_checkpoint, load_model
from redraft.models.loss import loss_per_example, summed_loss
from redraft.models.saving import same_weights, save_model
from toy_parts import SMALL, toy_example, toy_examples

SPEC = Model(base="tiny", freeze=(), options=SMALL)
TEXTS = [example.answer for example in toy_examples(32)]


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load_model(SPEC, texts=TEXTS)


@pytest.fixture(scope="module")
def batch(loaded: Loaded) -> Batch:
    encoder = Encoder(loaded)
    return collate([encoder.encode(example) for example in toy_examples(4)], encoder.pad_id)


def test_a_saved_model_opens_with_transformers_alone(loaded: Loaded, tmp_path: Path) -> None:
    save_model(loaded, tmp_path)
    same_weights(loaded, tmp_path)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path)
    processor = AutoProcessor.from_pretrained(tmp_path)
    assert {k: v.tolist() for k, v in model.state_dict().items()} == {
        k: v.tolist() for k, v in loaded.model.state_dict().items()
    }
    again, example = Encoder(replace(loaded, model=model, processor=processor)), toy_example(7)
    a, b = again.encode(example), Encoder(loaded).encode(example)
    assert torch.equal(a.input_ids, b.input_ids) and torch.equal(a.pixel_values, b.pixel_values)


def test_the_cache_of_generation_changes_nothing(loaded: Loaded) -> None:
    encoder = Encoder(loaded)
    prompts = collate([encoder.encode_prompt(example) for example in toy_examples(3)], encoder.pad_id, "left")
    loaded.model.eval()
    with_cache, without = (
        loaded.model.generate(**prompts.inputs, max_new_tokens=12, do_sample=False, use_cache=cache)
        for cache in (True, False)
    )
    loaded.model.train()
    assert torch.equal(with_cache, without)


def test_the_seed_decides_the_weights() -> None:
    a, b, c = (load_model(SPEC, texts=TEXTS, seed=seed).model.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def test_views_are_told_apart_by_their_place(loaded: Loaded) -> None:
    encoder, example = Encoder(loaded), toy_example(9)
    front, top, right = example.images
    swapped = example.with_images((top, front, right))
    losses = []
    with torch.no_grad():
        for one in (example, swapped):
            losses.append(float(summed_loss(loaded.model, collate([encoder.encode(one)], encoder.pad_id))))
    assert abs(losses[0] - losses[1]) > 1e-5


def test_what_differs_between_drawings_reaches_the_decoder() -> None:
    """Thin lines on white paper; normalised like photographs, less than a thousandth came through."""
    model, drawn = load_model(Model(base="tiny", freeze=()), texts=TEXTS), toy_examples(6, size=512)
    encoder = Encoder(model)
    pixels = torch.cat([encoder.encode_prompt(example).pixel_values for example in drawn])
    with torch.no_grad():
        features = model.model.get_image_features(pixels).pooler_output.view(6, 3, -1)
    assert float(features.std(0).mean() / features.pow(2).mean().sqrt()) > 0.2


def test_blank_paper_does_not_blow_up_the_gradient(loaded: Loaded, batch: Batch) -> None:
    """With white at zero, layer norms behind the first convolution multiplied gradients by a million."""
    model = load_model(SPEC, texts=TEXTS).model
    (summed_loss(model, batch) / batch.supervised).backward()
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    assert 0.1 < float(norm) < 100


def test_the_loss_is_the_models_own(loaded: Loaded, batch: Batch) -> None:
    with torch.no_grad():
        ours = float(summed_loss(loaded.model, batch)) / batch.supervised
        theirs = float(loaded.model(**batch.inputs, labels=batch.labels).loss)
        each, counts = loss_per_example(loaded.model, batch)
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert counts.sum() == batch.supervised
    assert float(each.sum()) == pytest.approx(ours * batch.supervised, rel=1e-5)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"options": {"picture": 100}}, "no multiple of 32"),
        ({"options": {"depths": [1]}}, "differ in length"),
        ({"options": {**SMALL, "width": 33}}, "no multiple of the 2 heads"),
        ({"options": {"colour": 1}}, "model.options.colour"),
        ({"options": {"layers": 0}}, "model.options.layers"),
        ({"freeze": ("vision",)}, "never see"),
        ({"adapter": Adapter()}, "train on noise"),
    ],
)
def test_sizes_that_cannot_work_are_refused(spec: dict, says: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(RecipeError) as caught:
        load_model(Model(**{"base": "tiny", "freeze": (), **spec}), texts=TEXTS)
    assert says in str(caught.value) and caught.value.remedy


def test_a_plain_folder_is_a_checkpoint_too(loaded: Loaded, tmp_path: Path) -> None:
    save_model(loaded, tmp_path)
    opened = load_checkpoint(tmp_path)
    assert opened.family == "paligemma" and not opened.adapter
