"""Saves a model so that transformers and peft open it on their own, and proves that it is the same model."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from redraft.core.errors import OutputError
from redraft.models.layout import PICKLES
from redraft.models.load import Loaded, open_folder, quiet_library
from redraft.models.tensor_file import Layout, Written, layout_of, write_tensors

REMEDY = "Report this model family; its checkpoints would not resume"

_proved: WeakKeyDictionary[Any, dict[str, Layout]] = WeakKeyDictionary()
"""Of each model whose save was read back and found equal: what its files held."""


def save_model(loaded: Loaded, folder: Path) -> dict[str, Written]:
    """Weights (or the adapter alone) as safetensors, configuration and processor into one folder.

    Returns what was written of each file of tensors, by its name; those files are durable already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with quiet_library(), _own_writer() as written:
        loaded.model.save_pretrained(folder)
        loaded.processor.save_pretrained(folder)
    readme = folder / "README.md"  # peft writes an empty model card
    readme.unlink(missing_ok=True)
    return {path.relative_to(folder).as_posix(): found for path, found in written.items()}


@contextlib.contextmanager
def _own_writer() -> Iterator[dict[Path, Written]]:
    """Files of tensors that transformers and peft write inside are hashed on their way and durable.

    Neither takes a writer as an argument, and both name safetensors' function as a global of their module. Should
    a later version call it otherwise, its files are still whole: a checkpoint hashes what was not hashed here.
    """
    written: dict[Path, Written] = {}

    def save_file(tensors: Mapping[str, Tensor], filename: Any, metadata: Mapping[str, str] | None = None) -> None:
        path = Path(filename)
        path.unlink(missing_ok=True)  # as safetensors does
        written[path] = write_tensors(path, tensors, metadata)

    import transformers.modeling_utils

    modules: list[Any] = [transformers.modeling_utils]
    if (peft := sys.modules.get("peft.peft_model")) is not None:
        modules.append(peft)
    before = [module.safe_save_file for module in modules]
    try:
        for module in modules:
            module.safe_save_file = save_file
        yield written
    finally:
        for module, function in zip(modules, before, strict=True):
            module.safe_save_file = function


def check_saved(loaded: Loaded, folder: Path, written: Mapping[str, Written]) -> None:
    """Proves a save of this model; a difference is an OutputError.

    The first save of a model is read back as a stranger would and compared bit by bit. Every later one must hold
    exactly the same names, shapes and types, which the files' headers say.
    """
    pickles = sorted(path.name for path in folder.rglob("*") if path.suffix in PICKLES)
    if pickles:
        raise OutputError(f"the library wrote {pickles[0]}, which is a pickle", where=str(folder), remedy=REMEDY)
    layouts = {path.relative_to(folder).as_posix(): layout_of(path) for path in folder.rglob("*.safetensors")}
    for name, layout in layouts.items():
        _compare(written[name].layout if name in written else layout, layout, folder / name)
    known = _proved.get(loaded.model)
    if known is None:
        same_weights(loaded, folder)
        _proved[loaded.model] = layouts
        return
    if known.keys() != layouts.keys():
        odd = sorted(known.keys() ^ layouts.keys())
        raise OutputError(f"this save has other files than the first: {odd[0]}", where=str(folder), remedy=REMEDY)
    for name, layout in layouts.items():
        _compare(known[name], layout, folder / name)


def _compare(wanted: Layout, found: Layout, path: Path) -> None:
    odd = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if odd:
        raise OutputError(
            f"the save does not hold the model's tensors: {len(odd)} differ, such as {odd[0]}",
            where=str(path),
            remedy=REMEDY,
        )


def same_weights(loaded: Loaded, folder: Path) -> None:
    """Reads the folder back as a stranger would and compares every tensor; a difference is an OutputError."""
    if loaded.adapter:
        from peft import get_peft_model_state_dict
        from safetensors.torch import load_file

        mine: dict[str, Tensor] = get_peft_model_state_dict(loaded.model)
        theirs = load_file(folder / "adapter_model.safetensors")
        _holds_all_trained(loaded.model, mine, folder)
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
            remedy=REMEDY,
        )


def _holds_all_trained(model: Any, saved: Mapping[str, Tensor], folder: Path) -> None:
    """An adapter's file leaves the base out; whatever is trained must not be left out with it."""
    places = {tensor.data_ptr() for tensor in saved.values()}
    lost = [name for name, p in model.named_parameters() if p.requires_grad and p.data_ptr() not in places]
    if lost:
        raise OutputError(
            f"{len(lost)} trained parameters are not part of the adapter's file, such as {lost[0]}",
            where=str(folder),
            remedy="Report this model family; its checkpoints would lose what was trained",
        )


def _equal(a: Tensor, b: Any) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a.detach().cpu(), b.detach().cpu())
