"""Evaluating between two steps leaves the training bit by bit as it would have been."""

from __future__ import annotations

import torch

from redraft.core.recipe import Evaluate, Model
from redraft.core.work import Silent
from redraft.inference.evaluation import evaluate
from redraft.inference.predictor import LocalPredictor
from redraft.models.collate import collate
from redraft.models.encode import Encoder
from redraft.models.load import load_model
from redraft.models.loss import summed_loss

SPEC = Model(
    freeze=(),
    options={"picture": 32, "channels": (8, 16), "depths": (1, 1), "width": 24, "heads": 2, "dropout": 0.3},
)
SETTINGS = Evaluate(split="test", batch_size=4, max_new_tokens=6, samples=3)


def trained(plates, evaluated: bool) -> tuple[list[float], dict[str, torch.Tensor], torch.Tensor]:
    """Six steps with dropout: losses, weights, and what torch would draw next."""
    examples = list(plates.generate(6, 1, {}, None))
    loaded = load_model(SPEC, texts=[example.answer for example in examples], seed=3)
    encoder, optimiser = Encoder(loaded), torch.optim.AdamW(loaded.model.parameters(), 1e-3)
    predictor = LocalPredictor(loaded, encoder, SETTINGS)
    torch.manual_seed(7)
    loaded.model.train()
    losses = []
    for step in range(6):
        batch = collate([encoder.encode(example) for example in examples], encoder.pad_id)
        loss = summed_loss(loaded.model, batch) / batch.supervised
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
        if evaluated and step % 2:
            evaluate(predictor, plates, examples, SETTINGS, Silent())
    return losses, loaded.model.state_dict(), torch.rand(4)


def test_evaluation_changes_nothing(plates) -> None:
    losses, weights, drawn = trained(plates, evaluated=False)
    with_losses, with_weights, with_drawn = trained(plates, evaluated=True)
    assert with_losses == losses
    assert torch.equal(with_drawn, drawn)
    assert all(torch.equal(with_weights[name], tensor) for name, tensor in weights.items())
    assert len(set(losses)) == 6
