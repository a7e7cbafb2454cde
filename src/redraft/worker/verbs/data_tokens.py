"""What a model makes of examples: how many tokens, which of them carry loss, and the loss itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.core.example import Example
from redraft.worker.model_names import resolve_model


def token_counter(model: str) -> Callable[[Example], int]:
    """Counts the tokens of an example, images included, as training sees them; a misfit is an InputError."""
    encoder = _encoder(model)

    def count(example: Example) -> int:
        return len(encoder.encode(example))

    return count


def describe_tokens(model: str, example: Example) -> dict[str, Any]:
    """tokens (id, text, trained), shapes of every tensor, length, and the loss a supervised token in nats."""
    import torch

    from redraft.models.collate import collate
    from redraft.models.encode import IGNORE
    from redraft.models.loss import summed_loss

    encoder = _encoder(model)
    encoding = encoder.encode(example)
    ids, labels = encoding.input_ids.tolist(), encoding.labels.tolist()
    batch = collate([encoding], encoder.pad_id)
    network = encoder.loaded.model.eval()
    with torch.inference_mode():
        total = float(summed_loss(network, batch.to(encoder.loaded.device)))
    shapes = {name: list(value.shape) for name, value in batch.inputs.items()} | {
        "labels": list(batch.labels.shape)
    }
    return {
        "length": len(ids),
        "trained": batch.supervised,
        "loss": total / max(1, batch.supervised),
        "shapes": shapes,
        "tokens": [
            {"id": id, "text": encoder.tokenizer.decode([id]), "trained": label != IGNORE}
            for id, label in zip(ids, labels, strict=True)
        ],
    }


def _encoder(model: str) -> Any:
    from redraft.models.encode import Encoder
    from redraft.models.load import load_checkpoint

    folder = Path(model)
    plain = (folder / "config.json").is_file() and not (folder / "manifest.json").is_file()
    return Encoder(load_checkpoint(folder if plain else resolve_model(model)))
