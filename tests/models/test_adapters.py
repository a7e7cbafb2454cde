"""Adapters of every kind on a small decoder with experts: where they sit, that they train, and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from redraft.core.errors import InputError, RecipeError
from redraft.core.recipe import Adapter, Model
from redraft.models import small
from redraft.models.adapter import adapter_parameters, expert_names
from redraft.models.collate import collate
from redraft.models.encode import Encoder
from redraft.models.load import Loaded, load_checkpoint, load_model
from redraft.models.loss import summed_loss
from redraft.models.merge import merge
from redraft.models.saving import same_weights, save_model
from toy_parts import toy_examples

KINDS = {
    "lora": {"kind": "lora"},
    "dora": {"kind": "dora"},
    "rslora": {"kind": "rslora"},
    "every linear layer": {"targets": ("all-linear",)},
    "experts": {"experts": True, "dropout": 0.0},
    "experts alone, rank-stabilised": {"kind": "rslora", "experts": True, "dropout": 0.0, "targets": ()},
}

QUICK = ("lora", "dora", "experts")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads, and lose much where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build("unlimited_ocr", tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build("granite_docling", tmp_path_factory.mktemp("dense"))


def load(base: Path, **adapter) -> Loaded:
    return load_model(Model(base=str(base), adapter=Adapter(r=4, alpha=8, **adapter)), seed=1)


def train(loaded: Loaded, steps: int = 3) -> list[float]:
    """The losses of a few steps on two examples."""
    encoder = Encoder(loaded)
    batch = collate([encoder.encode(example) for example in toy_examples(2)], encoder.pad_id)
    trained = [p for p in loaded.model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=5e-3)
    losses = []
    for _ in range(steps):
        loss = summed_loss(loaded.model, batch) / batch.supervised
        loss.backward()
        assert all(p.grad is not None for p in trained)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return losses


def logits(loaded: Loaded) -> torch.Tensor:
    encoder = Encoder(loaded)
    batch = collate([encoder.encode(example) for example in toy_examples(2)], encoder.pad_id)
    loaded.model.eval()
    with torch.no_grad():
        return loaded.model(**batch.inputs).logits


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_an_adapter_trains_is_saved_opened_and_merged(base: Path, kind: str, tmp_path: Path) -> None:
    loaded = load(base, **KINDS[kind])
    trained = [name for name, p in loaded.model.named_parameters() if p.requires_grad]
    assert trained == [name for name, _ in adapter_parameters(loaded.model)]
    assert all(".language_model." in name for name in trained)
    assert any(".experts." in name for name in trained) == ("experts" in kind)
    before = {name: p.clone() for name, p in loaded.model.named_parameters() if not p.requires_grad}
    losses = train(loaded)
    assert losses[-1] < losses[0]
    assert all(torch.equal(p, before[name]) for name, p in loaded.model.named_parameters() if name in before)

    save_model(loaded, tmp_path)
    same_weights(loaded, tmp_path)
    again = load_checkpoint(tmp_path)
    want = logits(loaded)
    assert torch.equal(logits(again), want)
    merged, proof = merge(again, toy_examples(2))
    assert proof.changed == proof.adapted > 0 and not proof.drawn
    assert torch.allclose(logits(merged), want, atol=proof.tolerance)
    plain = load_model(Model(base=str(base), freeze=()))
    assert merged.model.state_dict().keys() == plain.model.state_dict().keys()
    assert not torch.allclose(logits(plain), want, atol=10 * proof.tolerance)


def test_experts_are_found_by_name_in_the_decoder_alone(base: Path, dense: Path) -> None:
    model = load_model(Model(base=str(base), freeze=())).model
    assert expert_names(model) == [
        "model.language_model.layers.1.mlp.experts.gate_up_proj",
        "model.language_model.layers.1.mlp.experts.down_proj",
    ]
    assert expert_names(load_model(Model(base=str(dense), freeze=())).model) == []


def test_the_vision_side_is_never_adapted(base: Path) -> None:
    """CLIP inside has projections of the same names."""
    loaded = load(base, targets=("q_proj", "k_proj", "v_proj"))
    clip = [name for name, _ in loaded.model.named_modules() if "vision_tower" in name and name.endswith("q_proj")]
    assert clip
    assert len([name for name, _ in loaded.model.named_modules() if name.endswith(".lora_A")]) == 3 * 2
    assert not any("vision_tower" in name for name, _ in adapter_parameters(loaded.model))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"experts": True, "kind": "dora", "dropout": 0.0}, "DoRA"),
        ({"experts": True, "dropout": 0.1}, "dropout"),
        ({"targets": ()}, "nothing to adapt"),
    ],
)
def test_what_an_adapter_cannot_do_is_refused(base: Path, settings: dict, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        load(base, **settings)
    assert caught.value.where.startswith("model.adapter") and caught.value.remedy


def test_experts_of_a_dense_decoder_are_refused(dense: Path) -> None:
    with pytest.raises(RecipeError, match="no fused experts"):
        load(dense, experts=True, dropout=0.0)


def test_gradients_stay_with_checkpointing(base: Path) -> None:
    """Recomputed activations give the same gradients, though nothing before the adapters is trained."""
    grads = []
    for checkpointing in (False, True):
        loaded = load(base, experts=True, dropout=0.0)
        if checkpointing:
            loaded.model.gradient_checkpointing_enable({"use_reentrant": False})
        loaded.model.train()
        encoder = Encoder(loaded)
        batch = collate([encoder.encode(example) for example in toy_examples(2)], encoder.pad_id)
        summed_loss(loaded.model, batch).backward()
        grads.append({name: p.grad for name, p in adapter_parameters(loaded.model)})
    assert grads[0].keys() == grads[1].keys()
    assert all(torch.allclose(grads[0][name], grads[1][name], rtol=1e-5, atol=1e-6) for name in grads[0])


def test_16_bit_weights_get_adapters_in_32(base: Path) -> None:
    spec = Model(base=str(base), adapter=Adapter(experts=True, dropout=0.0))
    model = load_model(spec, dtype=torch.bfloat16).model
    assert {p.dtype for _, p in adapter_parameters(model)} == {torch.float32}
    assert {p.dtype for p in model.parameters() if not p.requires_grad} == {torch.bfloat16}


def test_an_untrained_adapter_is_not_merged(base: Path) -> None:
    with pytest.raises(InputError, match="the merge changes nothing: all 8 adapted tensors"):
        merge(load(base, dropout=0.0))


def test_an_adapter_that_rounding_swallows_is_not_merged(base: Path) -> None:
    loaded = load_model(Model(base=str(base), adapter=Adapter(r=1, dropout=0.0)), dtype=torch.bfloat16)
    with torch.no_grad():
        for name, parameter in adapter_parameters(loaded.model):
            if "lora_B" in name:
                parameter.fill_(1e-6)
    with pytest.raises(InputError, match=r"changes nothing|loses what the adapter does"):
        merge(loaded)


def test_an_adapter_with_nan_is_not_merged(base: Path) -> None:
    loaded = load(base, dropout=0.0)
    with torch.no_grad():
        next(p for _, p in adapter_parameters(loaded.model)).fill_(float("nan"))
    with pytest.raises(InputError, match="NaN"):
        merge(loaded)


def test_a_merge_that_touches_more_than_it_may_is_refused(base: Path) -> None:
    loaded = load(base, dropout=0.0)
    train(loaded, 1)
    stock = loaded.model.merge_and_unload

    def careless(**settings):
        model = stock(**settings)
        with torch.no_grad():
            model.model.language_model.norm.weight.mul_(2)
        return model

    loaded.model.merge_and_unload = careless
    with pytest.raises(InputError, match=r"changed 1 tensors that the adapter does not act on.*norm\.weight"):
        merge(loaded)


def test_a_model_without_an_adapter_is_not_merged(base: Path) -> None:
    with pytest.raises(InputError, match="no adapter"):
        merge(load_model(Model(base=str(base), freeze=())))


def test_a_copy_of_a_model_uses_its_own_weights(base: Path) -> None:
    """Its class is changed when it is opened, so that it takes tensors; a copy must not look at the original."""
    first = load_model(Model(base=str(base), freeze=()))
    second = copy.deepcopy(first.model)
    with torch.no_grad():
        second.model.image_newline.add_(1)
    assert not torch.equal(logits(first), logits(Loaded(second, first.processor, first.family, first.source)))
