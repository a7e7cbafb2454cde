"""The loss made in chunks is the plain loss, with the same gradients, whatever the head is like."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from redraft.core.recipe import Model
from redraft.models.collate import Batch, collate
from redraft.models.encode import IGNORE, Encoder
from redraft.models.head_loss import Finish, head_losses
from redraft.models.load import Loaded, load_model
from redraft.models.loss import loss_per_example, summed_loss
from toy_parts import SMALL, toy_examples


def plain(head: nn.Module, hidden: Tensor, targets: Tensor, finish: Finish) -> Tensor:
    return functional.cross_entropy(finish(head(hidden).float()), targets, reduction="sum")


def gradients(loss: Tensor, hidden: Tensor, head: nn.Module) -> list[Tensor]:
    wanted = [hidden, *(p for p in head.parameters() if p.requires_grad)]
    return list(torch.autograd.grad(loss, wanted))


def near(a: Tensor, b: Tensor, slack: float) -> bool:
    a, b = a.detach(), b.detach()
    return float((a - b).abs().max()) <= slack * max(float(b.abs().max()), 1e-12)


@given(
    tokens=st.integers(1, 40),
    width=st.integers(1, 24),
    vocabulary=st.integers(2, 90),
    chunk=st.integers(1, 50),
    bias=st.booleans(),
    frozen=st.booleans(),
    finish=st.sampled_from([Finish(), Finish(divisor=8.0), Finish(cap=3.0), Finish(2.0, 5.0)]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_chunks_give_the_plain_loss_and_its_gradients(
    tokens: int, width: int, vocabulary: int, chunk: int, bias: bool, frozen: bool, finish: Finish, seed: int
) -> None:
    torch.manual_seed(seed)
    head = nn.Linear(width, vocabulary, bias=bias).requires_grad_(not frozen)
    hidden = (3 * torch.randn(tokens, width)).requires_grad_()
    targets = torch.randint(0, vocabulary, (tokens,))
    expected = plain(head, hidden, targets, finish)
    for summed in (True, False):
        found = head_losses(head, head.forward, hidden, targets, chunk, finish, summed)
        assert found.dtype == torch.float32 and found.shape == ((1,) if summed else (tokens,))
        assert near(found.sum(), expected, 1e-6)
        mine = gradients(3 * found.sum(), hidden, head)
        theirs = gradients(3 * plain(head, hidden, targets, finish), hidden, head)
        assert all(near(a, b, 3e-6) for a, b in zip(mine, theirs, strict=True))
    with torch.no_grad():
        found = head_losses(head, head.forward, hidden, targets, chunk, finish, True)
        assert near(found.sum(), expected, 1e-6)


@pytest.mark.parametrize("trained", [True, False])
def test_chunks_under_half_precision_stay_as_near_as_half_precision_is(trained: bool) -> None:
    torch.manual_seed(1)
    head = nn.Linear(32, 500, bias=False).requires_grad_(trained)
    hidden = torch.randn(70, 32, requires_grad=True)
    targets = torch.randint(0, 500, (70,))
    exact = plain(head, hidden, targets, Finish())
    with torch.autocast("cpu", torch.bfloat16):
        theirs = functional.cross_entropy(head(hidden).float(), targets, reduction="sum")
        mine = head_losses(head, head.forward, hidden, targets, 16, Finish(), True)
    assert near(mine.sum(), theirs, 1e-6)
    true = gradients(exact, hidden, head)
    errors = [
        [float((g - t).abs().max()) for g, t in zip(gradients(loss, hidden, head), true, strict=True)]
        for loss in (mine.sum(), theirs)
    ]
    assert all(a <= 1.5 * b for a, b in zip(*errors, strict=True))


def test_a_tied_head_adds_to_the_gradient_of_the_embedding() -> None:
    torch.manual_seed(0)
    table = nn.Embedding(30, 8)
    head = nn.Linear(8, 30, bias=False)
    head.weight = table.weight
    ids, targets = torch.randint(0, 30, (20,)), torch.randint(0, 30, (20,))
    found = []
    for chunked in (True, False):
        table.zero_grad()
        hidden = torch.tanh(table(ids))
        if chunked:
            loss = head_losses(head, head.forward, hidden, targets, 7, Finish(), True).sum()
        else:
            loss = plain(head, hidden, targets, Finish())
        loss.backward()
        assert table.weight.grad is not None
        found.append(table.weight.grad.clone())
    assert near(*found, 1e-6)


def test_nothing_supervised_is_a_zero_with_zero_gradients() -> None:
    head = nn.Linear(4, 9)
    hidden = torch.randn(0, 4, requires_grad=True)
    for summed in (True, False):
        loss = head_losses(
            head, head.forward, hidden, torch.zeros(0, dtype=torch.int64), 8, Finish(), summed
        ).sum()
        loss.backward()
        assert float(loss.detach()) == 0.0


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load_model(Model(base="tiny", freeze=(), options=SMALL), texts=[e.answer for e in toy_examples(32)])


@pytest.fixture(scope="module")
def batch(loaded: Loaded) -> Batch:
    encoder = Encoder(loaded)
    return collate([encoder.encode(example) for example in toy_examples(5)], encoder.pad_id)


def through_all_logits(model: Any, batch: Batch) -> Tensor:
    """As transformers itself would, from all logits."""
    logits = model(**batch.inputs, use_cache=False).logits[:, :-1].float()
    return functional.cross_entropy(logits.flatten(0, 1), batch.labels[:, 1:].flatten(), reduction="sum")


def all_gradients(model: Any, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("chunk", [1, 7, 1024, 0])
def test_a_whole_model_has_the_loss_and_gradients_of_all_its_logits(
    loaded: Loaded, batch: Batch, chunk: int
) -> None:
    expected = through_all_logits(loaded.model, batch)
    theirs = all_gradients(loaded.model, expected)
    for _ in range(2):  # the first call proves the head, the second one trusts it
        found = summed_loss(loaded.model, batch, chunk=chunk)
        assert found.shape == () and near(found, expected, 1e-6)
        mine = all_gradients(loaded.model, found)
        assert mine.keys() == theirs.keys()
        assert all(near(mine[name], theirs[name], 2e-5) for name in mine)


def test_the_same_bits_come_out_again(loaded: Loaded, batch: Batch) -> None:
    first, second = (all_gradients(loaded.model, summed_loss(loaded.model, batch, chunk=8)) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_every_example_has_its_own_loss_and_gradient(loaded: Loaded, batch: Batch) -> None:
    losses, counts = loss_per_example(loaded.model, batch, chunk=6)
    assert counts.tolist() == (batch.labels[:, 1:] != IGNORE).sum(1).tolist()
    assert near(losses.sum(), through_all_logits(loaded.model, batch), 1e-6)
    encoder = Encoder(loaded)
    for place in (0, 3):
        alone = collate([encoder.encode(toy_examples(5)[place])], encoder.pad_id)
        assert near(losses[place], through_all_logits(loaded.model, alone), 1e-5)
        mine = torch.autograd.grad(losses[place], loaded.model.lm_head.weight, retain_graph=True)[0]
        theirs = torch.autograd.grad(through_all_logits(loaded.model, alone), loaded.model.lm_head.weight)[0]
        assert near(mine, theirs, 1e-5)


@pytest.mark.parametrize("key", ["final_logit_softcapping"])
def test_what_a_model_does_to_its_logits_is_kept(loaded: Loaded, batch: Batch, key: str) -> None:
    model = copy.deepcopy(loaded.model)
    setattr(model.config.get_text_config(), key, 2.0)
    expected = through_all_logits(model, batch)
    assert not near(expected, through_all_logits(loaded.model, batch), 1e-4)
    assert near(summed_loss(model, batch, chunk=5), expected, 1e-6)


def test_an_unknown_change_to_the_logits_is_found_and_said(
    loaded: Loaded, batch: Batch, caplog: pytest.LogCaptureFixture
) -> None:
    model = copy.deepcopy(loaded.model)

    def changed(module: Any, given: Any, output: Any) -> Any:
        output.logits = output.logits * 0.5
        return output

    model.register_forward_hook(changed)
    expected = through_all_logits(model, batch)
    for _ in range(2):
        assert near(summed_loss(model, batch, chunk=5), expected, 1e-6)
    assert sum("a way of its own" in record.message for record in caplog.records) == 1


def test_an_adapter_on_the_head_is_trained(loaded: Loaded, batch: Batch) -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = get_peft_model(
        copy.deepcopy(loaded.model), LoraConfig(r=2, target_modules=["lm_head"], init_lora_weights=False)
    )
    expected = through_all_logits(model, batch)
    theirs = all_gradients(model, expected)
    found = summed_loss(model, batch, chunk=9)
    assert near(found, expected, 1e-6)
    mine = all_gradients(model, found)
    assert mine.keys() == theirs.keys() and any("lora" in name for name in mine)
    assert all(near(mine[name], theirs[name], 2e-5) for name in mine)


def test_the_head_is_itself_again_after_an_error(loaded: Loaded, batch: Batch) -> None:
    broken = Batch({**batch.inputs, "pixel_values": batch.inputs["pixel_values"][:1]}, batch.labels, batch.ids)
    with pytest.raises(Exception, match="Image features"):
        summed_loss(loaded.model, broken, chunk=4)
    assert "forward" not in vars(loaded.model.lm_head)


def test_the_logits_of_a_large_vocabulary_are_never_held_at_once() -> None:
    """Counts the largest tensor of floats that is made, which the plain way cannot avoid."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        size = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            for tensor in made if isinstance(made, tuple | list) else (made,):
                if isinstance(tensor, Tensor) and tensor.is_floating_point():
                    self.size = max(self.size, tensor.numel())
            return made

    head = nn.Linear(8, 5000, bias=False)
    hidden, targets = torch.randn(400, 8, requires_grad=True), torch.randint(0, 5000, (400,))
    for summed in (True, False):
        with Largest() as seen:
            head_losses(head, head.forward, hidden, targets, 32, Finish(), summed).sum().backward()
        assert seen.size == 32 * 5000
