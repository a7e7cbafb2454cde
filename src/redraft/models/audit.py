"""peft loads an adapter non-strictly: what does not fit stays as it was drawn, with a warning at most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from redraft.core.errors import InputError
from redraft.models.tensor_file import layout_of

ADAPTER = "adapter_model.safetensors"


def find_adapter(folder: Path) -> None:
    """An InputError where the adapter's weights are not there as safetensors; peft would open a pickle instead."""
    if not (folder / ADAPTER).is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        raise InputError(
            "this adapter is a pickle, whose reading can run code" if pickled else f"{ADAPTER} is missing",
            where=str(folder),
            remedy="Import it with `redraft models import`" if pickled else "Take the whole folder",
        )


def check_adapter(model: Any, folder: Path) -> None:
    """An InputError unless the folder's adapter has exactly the names and shapes of the model's."""
    from peft import get_peft_model_state_dict

    saved = {name: shape for name, (_, shape) in layout_of(folder / ADAPTER).items()}
    mine = {name: tuple(tensor.shape) for name, tensor in get_peft_model_state_dict(model).items()}
    odd = sorted(name for name in saved.keys() | mine.keys() if saved.get(name) != mine.get(name))
    if odd:
        missing = sum(name not in saved for name in odd)
        unexpected = sum(name not in mine for name in odd)
        raise InputError(
            f"the adapter does not fit its base model: {missing} weights missing, {unexpected} unexpected, "
            f"{len(odd) - missing - unexpected} of another shape, such as {odd[0]}",
            where=str(folder),
            remedy="Take the adapter, its adapter_config.json and the base model that it was trained on",
        )


def check_adapter_values(model: Any, folder: Path) -> None:
    """An InputError unless the model holds every saved tensor of the folder's adapter, bit by bit."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    mine = get_peft_model_state_dict(model)
    # the model may hold an adapter in another type than it was saved in
    odd = [
        name for name, t in load_file(folder / ADAPTER).items() if not torch.equal(t.to(mine[name]), mine[name])
    ]
    if odd:
        raise InputError(
            f"{len(odd)} weights of the adapter did not reach the model, such as {odd[0]}",
            where=str(folder),
            remedy="Report this model family; its adapters cannot be used",
        )
