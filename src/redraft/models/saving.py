"""Saves a model so that transformers and peft open it on their own, and proves that it is the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from redraft.core.errors import OutputError
from redraft.models.load import Loaded, open_folder, quiet_library


def save_model(loaded: Loaded, folder: Path) -> None:
    """Weights (or the adapter alone) as safetensors, configuration and processor into one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with quiet_library():
        loaded.model.save_pretrained(folder)
        loaded.processor.save_pretrained(folder)
    readme = folder / "README.md"  # peft writes an empty model card
    readme.unlink(missing_ok=True)


def same_weights(loaded: Loaded, folder: Path) -> None:
    """Reads the folder back as a stranger would and compares every tensor; a difference is an OutputError."""
    if loaded.adapter:
        from peft import get_peft_model_state_dict
        from safetensors.torch import load_file

        mine: dict[str, Tensor] = get_peft_model_state_dict(loaded.model)
        theirs = load_file(folder / "adapter_model.safetensors")
    else:
        mine = loaded.model.state_dict()
        dtype = next(loaded.model.parameters()).dtype
        theirs = open_folder(folder, dtype).model.state_dict()
    odd = sorted(mine.keys() ^ theirs.keys())
    odd += [name for name in mine if name in theirs and not _equal(mine[name], theirs[name])]
    if odd:
        raise OutputError(
            f"the saved weights are not the model's: {len(odd)} tensors differ, such as {odd[0]}",
            where=str(folder),
            remedy="Report this model family; its checkpoints would not resume",
        )


def _equal(a: Tensor, b: Any) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a.detach().cpu(), b.detach().cpu())
