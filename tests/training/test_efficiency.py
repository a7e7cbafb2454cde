"""Switches for speed and memory leave the loss, the gradients and the names of weights as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from redraft.core.recipe import Adapter, Model, Train
from redraft.models import small
from redraft.models.collate import Batch, collate
from redraft.models.encode import Encoder
from redraft.models.load import Loaded, load_model
from redraft.models.loss import summed_loss
from redraft.models.packing import enable_packing, pack
from redraft.models.saving import same_weights, save_model
from redraft.training.efficiency import apply_switches, training_mode
from redraft.training.offload import Offload
from toy_parts import toy_examples

FAMILIES = ("granite_docling", "deepseek_ocr2", "unlimited_ocr", "idefics3", "llava", "qwen3_vl", "paligemma")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("qwen")
    small.build("qwen2_5_vl", made)
    return made


def opened(folder: Path, **more: Any) -> Loaded:
    return load_model(Model(base=str(folder), **more))


def batch_of(loaded: Loaded) -> Batch:
    encoder = Encoder(loaded)
    return collate([encoder.encode(example) for example in toy_examples(3)], encoder.pad_id)


def gradients(loaded: Loaded, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    loaded.model.zero_grad()
    loss = summed_loss(loaded.model, batch)
    loss.backward()
    return loss.detach(), {n: p.grad.clone() for n, p in loaded.model.named_parameters() if p.grad is not None}


class Saved:
    """Bytes that the graph of the way back holds."""

    def __init__(self) -> None:
        self.bytes = 0

    def __enter__(self) -> Saved:
        def pack_hook(tensor: torch.Tensor) -> torch.Tensor:
            self.bytes += tensor.nbytes
            return tensor

        self.hooks = torch.autograd.graph.saved_tensors_hooks(pack_hook, lambda tensor: tensor)
        self.hooks.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.hooks.__exit__(*error)


@pytest.mark.parametrize("name", ["qwen2_5_vl", *(pytest.param(n, marks=pytest.mark.slow) for n in FAMILIES)])
@pytest.mark.parametrize("how", ["frozen", "adapter"])
def test_checkpointed_activations_give_the_same_bits(name: str, how: str, tmp_path: Path) -> None:
    small.build(name, tmp_path)
    adapter = Adapter(r=2, dropout=0.1, targets=("all-linear",)) if how == "adapter" else None
    loaded = opened(tmp_path, adapter=adapter)
    batch = batch_of(loaded)
    training_mode(loaded.model)
    found = []
    for _ in range(2):
        with Saved() as saved:
            torch.manual_seed(5)
            found.append((*gradients(loaded, batch), saved.bytes))
        apply_switches(loaded.model, Train(gradient_checkpointing=True))
    (plain, theirs, most), (loss, mine, least) = found
    assert torch.equal(plain, loss)
    assert mine.keys() == theirs.keys() and mine
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert least < most


def test_a_packed_row_can_be_checkpointed(folder: Path) -> None:
    loaded = opened(folder)
    encoder = Encoder(loaded)
    examples = [encoder.encode(example) for example in toy_examples(3)]
    enable_packing(loaded.model, examples[:2], encoder.pad_id)
    batch = pack(loaded.model, examples)
    loaded.model.train()
    plain, theirs = gradients(loaded, batch)
    apply_switches(loaded.model, Train(gradient_checkpointing=True))
    loss, mine = gradients(loaded, batch)
    assert torch.equal(plain, loss) and all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.slow
def test_a_compiled_model_trains_the_same_and_saves_the_same_names(folder: Path, tmp_path: Path) -> None:
    loaded = opened(folder)
    batch = batch_of(loaded)
    names = list(loaded.model.state_dict())
    plain, theirs = gradients(loaded, batch)
    apply_switches(loaded.model, Train(compile=True))
    loss, mine = gradients(loaded, batch)
    assert torch.allclose(plain, loss, rtol=1e-5)
    scale = max(float(g.abs().max()) for g in theirs.values())
    assert mine.keys() == theirs.keys()
    assert all(float((mine[key] - theirs[key]).abs().max()) < 1e-4 * scale for key in mine)
    assert list(loaded.model.state_dict()) == names
    save_model(loaded, tmp_path)
    same_weights(loaded, tmp_path)
    again, _ = gradients(loaded, batch)
    assert torch.equal(again, loss)


@pytest.mark.slow
def test_packed_rows_of_any_lengths_go_through_a_compiled_model(folder: Path) -> None:
    loaded = opened(folder)
    encoder = Encoder(loaded)
    examples = [encoder.encode(example) for example in toy_examples(4)]
    enable_packing(loaded.model, examples[:2], encoder.pad_id)
    batches = [pack(loaded.model, examples), pack(loaded.model, examples[1:3])]
    plain = [summed_loss(loaded.model, batch).detach() for batch in batches]
    apply_switches(loaded.model, Train(compile=True))
    for batch, expected in zip(batches, plain, strict=True):
        assert torch.allclose(gradients(loaded, batch)[0], expected, rtol=1e-5)


def test_a_frozen_vision_side_has_no_dropout_while_the_rest_trains(folder: Path) -> None:
    loaded = opened(folder)
    training_mode(loaded.model)
    core = loaded.model.model
    assert not core.visual.training and not any(block.training for block in core.visual.blocks)
    assert core.visual.merger.training and core.language_model.training
    whole = opened(folder, freeze=())
    training_mode(whole.model)
    assert whole.model.model.visual.training


def test_offload_leaves_a_model_on_the_cpu_alone(folder: Path) -> None:
    loaded = opened(folder)
    before = {name: p.data_ptr() for name, p in loaded.model.named_parameters()}
    moved = Offload(loaded.model)
    moved.leave()
    assert not moved.away
    assert {name: p.data_ptr() for name, p in loaded.model.named_parameters()} == before


def test_offload_moves_the_vision_side_and_not_the_projector_inside_it(folder: Path) -> None:
    """On the device without storage that every machine has: what has left it is elsewhere."""
    loaded = opened(folder)
    loaded.model.to("meta")
    moved = Offload(loaded.model)
    moved._move(torch.device("meta"))
    assert moved.device.type == "meta"
    names = {name for name, module in loaded.model.named_modules() if any(module is m for m in moved._modules)}
    assert "model.visual.blocks.0" in names and not any("merger" in name for name in names)
    both = Offload(loaded.model, projector_too=True)
    assert any(module is loaded.model.model.visual.merger for module in both._modules)
