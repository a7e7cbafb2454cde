"""Merges an adapter into its base, and proves it: the logits stay, the tensors are the base's, some have changed.

Adapter and base are added in fp32 and rounded once, to the base's type. Logits are compared in fp32, so that what
is seen is this rounding and not that of the computation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from redraft.core.atomic import new_folder
from redraft.core.errors import InputError, RecipeError
from redraft.core.example import Example
from redraft.core.work import Silent, Work
from redraft.models.adapter import expert_names
from redraft.models.collate import Batch, collate, forward
from redraft.models.encode import Encoder
from redraft.models.layout import MODEL, PICKLES, find_checkpoint
from redraft.models.load import Loaded, adapter_source, load_checkpoint
from redraft.models.merge_proof import Proof, audit, base_tensors, judge, tolerance
from redraft.models.probes import probe_examples
from redraft.models.saving import same_weights, save_model
from redraft.models.source import read_config

LAST = 64
"""Tokens at the end of an example whose logits are compared: the answer's."""


def merge(loaded: Loaded, examples: Sequence[Example] | None = None) -> tuple[Loaded, Proof]:
    """The model with its adapter merged into its weights, and the proof; `loaded` must not be used afterwards.

    examples: real ones, asked and answered; None takes two drawn ones. An InputError where the merge changes
    nothing, where the logits differ by more than rounding explains, and where a tensor is not the base's in name,
    shape and type, or changed without being adapted.
    """
    _check(loaded)
    batches = _batches(loaded, examples or probe_examples())
    before, adapted = base_tensors(loaded.model)
    model = loaded.model.eval().float()
    want = _logits(model, batches)
    with model.disable_adapter():
        effect = _distance(want, _logits(model, batches))
    try:
        model = model.merge_and_unload(safe_merge=True)
    except ValueError as error:  # raised for numbers that are none
        raise InputError(
            f"the adapter cannot be merged ({error})",
            where=loaded.source.name,
            remedy="Take an earlier checkpoint; this one holds NaN or infinite weights",
        ) from None
    types = {name: dtype for name, (_, dtype, _) in before.items()}
    _cast(model, types)
    changed = audit(model, before, adapted, loaded.source.name)
    dtype = next(model.parameters()).dtype
    found = _logits(model.float(), batches)
    _cast(model, types)
    largest = max(float(logits.abs().max()) for logits in want)
    proof = Proof(
        examples=len(want),
        drawn=not examples,
        max_logit_difference=_distance(want, found),
        tolerance=tolerance(dtype, bool(expert_names(model))) * largest,
        max_logit=largest,
        adapter_effect=effect,
        tensors=len(before),
        adapted=len(adapted),
        changed=changed,
    )
    judge(proof, loaded.source.name)
    return replace(loaded, model=model, adapter=False), proof


def _cast(model: Any, types: dict[str, torch.dtype]) -> None:
    """Gives every tensor of a model its own type back."""
    for name, tensor in model.state_dict(keep_vars=True).items():
        tensor.data = tensor.data.to(types.get(name, tensor.dtype))


def merge_checkpoint(
    checkpoint: Path, out: Path, examples: Sequence[Example] | None = None, work: Work | None = None
) -> dict[str, Any]:
    """Writes the merged model of an adapter's checkpoint (or of a run) to a new folder, whole or not at all.

    The base is taken in the type that it is stored in, and the result has that type. What was written is read back
    and compared bit by bit. Returns the proof with `model`, `base`, `family`, `dtype` and `bytes`.
    """
    work = work or Silent()
    found = find_checkpoint(checkpoint)
    inner = found / MODEL if (found / MODEL).is_dir() else found
    if not (inner / "adapter_config.json").is_file():
        raise InputError(
            "this holds no adapter, so there is nothing to merge",
            where=str(checkpoint),
            remedy="Use it as it is; `redraft models push` takes it too",
        )
    source = adapter_source(found, inner)
    assert source.folder is not None
    with new_folder(out) as folder:
        work.progress("merging", 0, 3, "reading the model")
        loaded = load_checkpoint(found, dtype=stored_type(source.folder))
        work.progress("merging", 1, 3, "comparing answers")
        merged, proof = merge(loaded, examples)
        work.progress("merging", 2, 3, "writing")
        save_model(merged, folder)
        same_weights(merged, folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        odd = sorted(path.name for path in files if path.suffix in PICKLES)
        if odd:
            raise InputError(f"the library wrote {odd[0]}, which is a pickle", where=str(out), remedy="Report it")
        size = sum(path.stat().st_size for path in files)
        work.permit.check()
    work.progress("merging", 3, 3)
    told = {"model": str(out), "base": source.name, "family": merged.family, "bytes": size}
    return told | {"dtype": str(next(merged.model.parameters()).dtype).removeprefix("torch.")} | asdict(proof)


def stored_type(folder: Path) -> torch.dtype:
    """The type of a model folder's weights, as its configuration says; float32 where it does not."""
    config = read_config(folder)
    inner = [value for value in config.values() if isinstance(value, dict)]
    for settings in [config, *inner]:
        named = getattr(torch, str(settings.get("dtype") or settings.get("torch_dtype")), None)
        if isinstance(named, torch.dtype) and named.is_floating_point:
            return named
    return torch.float32


def _check(loaded: Loaded) -> None:
    if not loaded.adapter:
        raise InputError(
            "this model has no adapter, so there is nothing to merge",
            where=loaded.source.name,
            remedy="Give a checkpoint that was trained with model.adapter",
        )
    if any(type(parameter).__name__ == "Params4bit" for parameter in loaded.model.parameters()):
        raise RecipeError(
            "an adapter cannot be merged into 4-bit weights without rounding it away",
            where="model.quantise",
            remedy="Merge the checkpoint with `redraft models merge`, which opens the base in its own type",
        )


def _batches(loaded: Loaded, examples: Sequence[Example]) -> list[Batch]:
    encoder = Encoder(loaded)
    return [collate([encoder.encode(example)], encoder.pad_id).to(loaded.device) for example in examples]


@torch.no_grad()
def _logits(model: Any, batches: Sequence[Batch]) -> list[Tensor]:
    return [forward(model, batch).logits[0, -LAST:].float().cpu() for batch in batches]


def _distance(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(some, others, strict=True))
