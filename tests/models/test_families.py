"""What every model family must do, on its small instance: see, be frozen, trained, cached, packed and saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from drawn_examples import MIXED, drawn_example, mixed_examples
from redraft.core.recipe import Adapter, Evaluate, Model
from redraft.inference.predictor import LocalPredictor
from redraft.models import small
from redraft.models.collate import Batch, collate, forward, with_features
from redraft.models.encode import Encoder, Encoding
from redraft.models.freeze import validate_vision_model
from redraft.models.load import Loaded, load_checkpoint, load_model
from redraft.models.loss import loss_per_example, summed_loss
from redraft.models.packing import enable_packing, pack
from redraft.models.parts import parameters_of
from redraft.models.saving import same_weights, save_model
from redraft.models.validation import image_features

DEFAULT = "qwen2_5_vl"
"""The family of the default test run; `make test-all` takes all."""
FAMILIES = [n if n == DEFAULT else pytest.param(n, marks=pytest.mark.slow) for n in small.names()]
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build(request.param, tmp_path_factory.mktemp(request.param) / "base", seed=1)


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    """Of a model whose vision encoder alone is frozen; tests leave its weights as they are."""
    loaded = load_model(Model(base=str(folder), freeze=("vision",)))
    loaded.model.eval()
    return Encoder(loaded)


def batch_of(encoder: Encoder, examples: list[Any]) -> Batch:
    return collate([encoder.encode(example) for example in examples], encoder.pad_id)


def logits_of(loaded: Loaded, batch: Batch) -> torch.Tensor:
    loaded.model.eval()
    with torch.no_grad():
        found: torch.Tensor = forward(loaded.model, batch).logits
    return found


def gradients(model: Any) -> dict[str, torch.Tensor]:
    """A copy of all gradients, which are taken away."""
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def test_its_special_tokens_are_one_id_each(encoder: Encoder) -> None:
    assert encoder.family.model_types and encoder.loaded.family in encoder.family.model_types
    for token in encoder.family.special_tokens:
        assert len(encoder.tokenizer(token, add_special_tokens=False)["input_ids"]) == 1


def test_the_encoder_gets_no_gradient_and_the_decoder_does(encoder: Encoder) -> None:
    model = encoder.loaded.model
    summed_loss(model, batch_of(encoder, mixed_examples())).backward()
    assert all(p.grad is None and not p.requires_grad for _, p in parameters_of(model, "vision"))
    for part in ("projector", "embeddings", "head"):
        trained = [p for _, p in parameters_of(model, part) if p.grad is not None]
        assert any(p.grad.abs().max() > 0 for p in trained), part
    missing = [name for name, p in parameters_of(model, "language") if p.grad is None]
    assert not missing
    model.zero_grad()


def test_image_tokens_equal_the_encoders_output_for_every_example(encoder: Encoder) -> None:
    model = encoder.loaded.model
    token = encoder.family.image_token(model)
    counts = []
    for example in mixed_examples():
        encoding = encoder.encode(example)
        counts.append(int((encoding.input_ids == token).sum()))
        if example.images:
            assert counts[-1] == image_features(model, collate([encoding], encoder.pad_id).inputs)
    assert [bool(count) for count in counts] == [bool(sizes) for sizes in MIXED]


def test_other_pixels_give_other_logits(encoder: Encoder) -> None:
    first, second = (batch_of(encoder, [drawn_example(1, MIXED[1], other)]) for other in (0, 1))
    assert torch.equal(first.inputs["input_ids"], second.inputs["input_ids"])
    mine, others = (logits_of(encoder.loaded, batch)[:, -4:] for batch in (first, second))
    assert (mine - others).abs().max() > 1e-3 * mine.abs().max()
    report = validate_vision_model(encoder.loaded)
    assert report.image_tokens == report.features > 0 and report.difference > 0


def test_a_batch_with_mixed_numbers_of_pictures_is_its_examples(encoder: Encoder) -> None:
    """One of the examples is text alone, and its place in the batch changes nothing either."""
    examples = mixed_examples()
    with torch.no_grad():
        together, counts = loss_per_example(encoder.loaded.model, batch_of(encoder, examples))
        turned, _ = loss_per_example(encoder.loaded.model, batch_of(encoder, examples[::-1]))
        alone = [loss_per_example(encoder.loaded.model, batch_of(encoder, [e]))[0] for e in examples]
    assert (counts > 0).all()
    torch.testing.assert_close(together, torch.cat(alone), **CLOSE)
    torch.testing.assert_close(together, turned.flip(0), **CLOSE)


def test_it_generates(encoder: Encoder) -> None:
    settings = Evaluate(batch_size=4, max_new_tokens=5)
    predictor = LocalPredictor(encoder.loaded, encoder, settings)
    together = predictor.predict(mixed_examples())
    assert len(together) == len(MIXED) and all(isinstance(answers[0].text, str) for answers in together)
    again = [predictor.predict([example])[0][0].text for example in mixed_examples()]
    assert again == [answers[0].text for answers in together]


def test_it_is_saved_and_opened_again(encoder: Encoder, tmp_path: Path) -> None:
    save_model(encoder.loaded, tmp_path)
    same_weights(encoder.loaded, tmp_path)
    again = load_checkpoint(tmp_path)
    tokenizer = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert tokenizer.get("backend") in (None, "tokenizers")
    examples = mixed_examples()
    before, after = batch_of(encoder, examples), batch_of(Encoder(again), examples)
    assert before.inputs.keys() == after.inputs.keys()
    assert all(torch.equal(value, after.inputs[name]) for name, value in before.inputs.items())
    torch.testing.assert_close(logits_of(again, after), logits_of(encoder.loaded, before), rtol=0, atol=0)


def test_an_adapter_is_saved_opened_and_merged(folder: Path, encoder: Encoder, tmp_path: Path) -> None:
    loaded = load_model(Model(base=str(folder), adapter=Adapter(r=4, targets=("all-linear",))), seed=3)
    trained = [name for name, p in loaded.model.named_parameters() if p.requires_grad]
    assert trained and all("lora_" in name for name in trained)
    assert not any(p.requires_grad for _, p in parameters_of(loaded.model, "vision"))
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    batch = batch_of(encoder, mixed_examples())
    plain, adapted = logits_of(encoder.loaded, batch), logits_of(loaded, batch)
    assert (plain - adapted).abs().max() > 1e-2
    save_model(loaded, tmp_path / "adapter")
    same_weights(loaded, tmp_path / "adapter")
    assert torch.equal(logits_of(load_checkpoint(tmp_path / "adapter"), batch), adapted)
    merged = load_model(Model(base=str(tmp_path / "adapter"), freeze=()))
    assert not merged.adapter
    torch.testing.assert_close(logits_of(merged, batch), adapted, **CLOSE)


@pytest.mark.parametrize("level", ["projector", "encoder"])
def test_cached_features_give_the_loss_and_the_gradients_of_pixels(encoder: Encoder, level: Any) -> None:
    model, family = encoder.loaded.model, encoder.family
    if not family.caches:
        pytest.fail(f"{family.name} keeps no features")
    encodings = [encoder.encode(example) for example in mixed_examples()]

    def cached(encoding: Encoding) -> Encoding:
        if encoding.pixel_values is None:
            return with_features(encoding, None, family)
        kept = family.features(model, collate([encoding], encoder.pad_id).inputs, level)
        assert all(not tensor.requires_grad for tensor in kept.values())
        return with_features(encoding, kept, family)

    pixels = collate(encodings, encoder.pad_id)
    features = collate([cached(encoding) for encoding in encodings], encoder.pad_id)
    assert not set(family.pixel_inputs) & set(features.inputs)
    losses = []
    found = []
    for batch in (pixels, features):
        loss = summed_loss(model, batch)
        loss.backward()
        losses.append(loss.detach())
        found.append(gradients(model))
    torch.testing.assert_close(losses[0], losses[1], **CLOSE)
    projector = {name for name, _ in parameters_of(model, "projector")}
    assert found[0].keys() >= found[1].keys()
    assert found[0].keys() - found[1].keys() <= (projector if level == "projector" else set())
    for name, gradient in found[1].items():
        torch.testing.assert_close(gradient, found[0][name], rtol=1e-3, atol=1e-3, msg=name)


def test_half_precision_without_autocast(folder: Path) -> None:
    """As an adapter's base is held, and as it answers: cached features are of the same type and give the same."""
    encoder = Encoder(load_model(Model(base=str(folder)), dtype=torch.bfloat16))
    model, family = encoder.loaded.model, encoder.family
    model.eval()
    encoding = encoder.encode(mixed_examples()[1])
    kept = family.features(model, collate([encoding], encoder.pad_id).inputs, "projector")
    floating = [tensor.dtype for tensor in kept.values() if tensor.is_floating_point()]
    assert floating and all(dtype == torch.bfloat16 for dtype in floating)
    with torch.no_grad():
        losses = [
            float(summed_loss(model, collate([each], encoder.pad_id)))
            for each in (encoding, with_features(encoding, kept, family))
        ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
    assert LocalPredictor(encoder.loaded, encoder, Evaluate(max_new_tokens=2)).predict([mixed_examples()[0]])


def test_a_packed_row_is_its_examples(folder: Path) -> None:
    encoder = Encoder(load_model(Model(base=str(folder), freeze=())))
    model, family = encoder.loaded.model, encoder.family
    if not family.packs:
        pytest.skip(f"{family.name} says that its examples cannot share a row")
    model.eval()
    encodings = [encoder.encode(example) for example in mixed_examples()]
    apart = collate(encodings, encoder.pad_id)
    losses, counts = loss_per_example(model, apart)
    losses.sum().backward()
    before = gradients(model)
    enable_packing(model, encodings[:2], encoder.pad_id)
    row, row_counts = loss_per_example(model, pack(model, encodings))
    row.sum().backward()
    torch.testing.assert_close(row, losses, **CLOSE)
    assert torch.equal(row_counts, counts)
    after = gradients(model)
    assert after.keys() == before.keys()
    for name, gradient in after.items():
        torch.testing.assert_close(gradient, before[name], rtol=1e-3, atol=1e-3, msg=name)
