"""`models import`: a published checkpoint folder as one safetensors folder of transformers' own classes.

Every tensor of the source is used once and every weight of the target is filled, with equal shapes, or nothing is
written. What the stock class computes in another way is made up for, exactly, and said (`notes` of the result).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from redraft.core.atomic import new_folder
from redraft.core.errors import InputError, RedraftError
from redraft.core.recipe import Model
from redraft.core.work import Work
from redraft.models.head_bias import MORE, can_fold, fold
from redraft.models.imported_processor import make_processor
from redraft.models.load import load_model, quiet_library
from redraft.models.source import PICKLES, check_code, read_config
from redraft.models.tinyllava import (
    COMPUTED,
    NOT_CONFIG,
    STRATEGIES,
    Layout,
    is_tinyllava,
    read_layout,
    target_of,
    weight_files_of,
)
from redraft.models.unpickling import unpickle

SHOWN = 8
"""Names listed in an error; the rest are counted."""


@dataclass(slots=True)
class Audit:
    """Which source tensor became which target weight. computed: source buffers that newer releases compute."""

    used: dict[str, str] = field(default_factory=dict)
    computed: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    head_bias: Tensor | None = None
    """Of the language model's head, where it has one that says something."""

    def check(self, where: Path) -> None:
        """An InputError with the lists unless everything fits."""
        faults = {
            "of another shape": self.shapes,
            "without a place in the target": self.unused,
            "given twice": self.twice,
            "missing": self.missing,
        }
        found = [f"{len(names)} {what}: {_listed(names)}" for what, names in faults.items() if names]
        if found:
            raise InputError(
                f"the weights do not fit transformers' LLaVA ({'; '.join(found)})",
                where=str(where),
                remedy="Take config.json and all parts from the same checkpoint",
            )


def import_model(source: Path, out: Path, work: Work) -> dict[str, Any]:
    """Turns a TinyLLaVA folder, or a folder of a stock class with pickled weights, into `out`.

    Returns the counts of the audit, notes on what was made up for, and which walls stood around the pickles'
    reading. An InputError says what is wrong with the source; nothing is left of `out` then.
    """
    config = read_config(source)
    with new_folder(out) as folder, tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        if is_tinyllava(config):
            value = _from_tinyllava(read_layout(source), source, folder, Path(scratch), work)
        else:
            check_code(source)
            value = _from_stock(source, folder, Path(scratch), work)
        work.progress("opening what was written", 0, 1)
        _opens(folder, source)
        work.progress("opening what was written", 1, 1)
    sizes = [path.stat().st_size for path in out.glob("*.safetensors")]
    return {"output": str(out), "source": str(source), "bytes": sum(sizes), **value}


def _from_tinyllava(layout: Layout, source: Path, folder: Path, scratch: Path, work: Work) -> dict[str, Any]:
    from transformers import LlavaForConditionalGeneration

    with _tensors(layout.weights, scratch, work) as (tensors, walls):
        notes: list[str] = []
        rows = _rows(tensors, layout)
        made = make_processor(source, layout, rows)
        notes += made.notes
        config = _config(layout, source, made.image_id, made.image_tokens)
        with torch.device("meta"), quiet_library():
            model: Any = LlavaForConditionalGeneration(config)
        targets = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        state, audit = _mapped(tensors, targets, config, notes)
        audit.check(source)
        _scale_features(state, layout, notes)
        if audit.head_bias is not None:
            state, wider = fold(state, layout.text, audit.head_bias)
            config = _config(replace(layout, text=wider), source, made.image_id, made.image_tokens)
            with torch.device("meta"), quiet_library():
                model = LlavaForConditionalGeneration(config)
            notes.append(
                f"the bias of the language model's head, which LLaVA's head lacks, is kept exactly in {MORE} more "
                "channels (docs/hub.md)"
            )
        if made.rows > rows:
            _more_rows(model, state, made.rows, made.filler, notes)
        work.progress("writing safetensors", 0, 1)
        model.load_state_dict(state, strict=not config.tie_word_embeddings, assign=True)
        model.tie_weights()
        model.generation_config.update(**made.generation)
        with quiet_library():
            model.save_pretrained(folder)
            made.processor.save_pretrained(folder)
        work.progress("writing safetensors", 1, 1)
    return {
        "family": "llava",
        "layout": "tinyllava",
        "tensors": len(audit.used),
        "computed": audit.computed,
        "parameters": sum(value.numel() for value in state.values()),
        "notes": notes,
        "walls": walls,
    }


@contextmanager
def _tensors(
    weights: dict[str, list[Path]], scratch: Path, work: Work
) -> Iterator[tuple[dict[tuple[str, str], Tensor], dict[str, Any] | None]]:
    """All tensors by (part, name), and the walls' report where pickles were read. They stay on disk until used."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    pickles = [file for files in weights.values() for file in files if file.suffix != ".safetensors"]
    walls: dict[str, Any] | None = None
    safe: dict[Path, Path] = {}
    if pickles:
        work.progress("reading pickled weights behind walls", 0, len(pickles))
        made, walls = unpickle(pickles, scratch)
        safe = dict(zip(pickles, made, strict=True))
        work.progress("reading pickled weights behind walls", len(pickles), len(pickles))
    found: dict[tuple[str, str], Tensor] = {}
    for part, files in weights.items():
        for file in files:
            try:
                loaded = load_file(safe.get(file, file))
            except (SafetensorError, OSError) as error:
                raise InputError(
                    f"this file cannot be read as safetensors ({error})", where=str(file), remedy="Copy it again"
                ) from None
            found |= {(part, name): tensor for name, tensor in loaded.items()}
    yield found, walls


def _rows(tensors: dict[tuple[str, str], Tensor], layout: Layout) -> int:
    """Rows of the embedding, as the weights have it."""
    for (_, name), tensor in tensors.items():
        if name.endswith("embed_tokens.weight"):
            return tensor.shape[0]
    return int(layout.text.get("vocab_size") or 0)


def _config(layout: Layout, source: Path, image_id: int, image_tokens: int) -> Any:
    from transformers import LlavaConfig

    inner = [{k: v for k, v in part.items() if k not in NOT_CONFIG} for part in (layout.text, layout.vision)]
    layer = layout.config.get("vision_feature_layer", -2)
    strategy: Any = STRATEGIES[layout.config.get("vision_feature_select_strategy", "patch")]
    try:
        with quiet_library():
            return LlavaConfig(
                text_config=inner[0],
                vision_config=inner[1],
                image_token_index=image_id,
                image_seq_length=image_tokens,
                projector_hidden_act="gelu",
                vision_feature_layer=layer,
                vision_feature_select_strategy=strategy,
            )
    except Exception as error:  # the configurations check themselves, with errors of several kinds
        raise InputError(
            f"transformers refuses the settings of this model ({str(error).strip().splitlines()[0][:200]})",
            where=str(source / "config.json"),
            remedy="Copy config.json from where the weights came",
        ) from None


def _mapped(
    tensors: dict[tuple[str, str], Tensor], targets: dict[str, tuple[int, ...]], config: Any, notes: list[str]
) -> tuple[dict[str, Tensor], Audit]:
    """Each source tensor under its target's name, and the audit."""
    audit, state = Audit(), dict[str, Tensor]()
    known = frozenset(targets)
    for (part, name), tensor in sorted(tensors.items()):
        shown = f"{part}/{name}" if part else name
        target = target_of(part, name, known)
        if target is None and name.rpartition(".")[2] in COMPUTED:
            audit.computed.append(shown)
        elif target is None and name.endswith("lm_head.bias") and not tensor.any():
            notes.append("the language model's head has a bias of zeros, which LLaVA's head lacks: left out")
            audit.used[shown] = "nothing: all zeros"
        elif target is None and name.endswith("lm_head.bias") and can_fold(config.text_config.to_dict()):
            audit.head_bias = tensor
            audit.used[shown] = "lm_head.weight"
        elif target is None:
            audit.unused.append(shown)
        elif target in state:
            audit.twice.append(shown)
        elif tuple(tensor.shape) != targets[target]:
            audit.shapes.append(f"{shown} {tuple(tensor.shape)} for {targets[target]}")
            state[target] = tensor
        else:
            audit.used[shown] = target
            state[target] = tensor
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    audit.missing = sorted(set(targets) - set(state) - tied)
    return state, audit


def _scale_features(state: dict[str, Tensor], layout: Layout, notes: list[str]) -> None:
    """Gemma scales what goes into its first layer by the root of its width. When these models were trained that
    met the pictures' features too; transformers now scales words alone, so the projector's last layer does it."""
    if layout.text.get("model_type") != "gemma":
        return
    scale = float(state["model.language_model.embed_tokens.weight"].shape[1]) ** 0.5
    for name in ("weight", "bias"):
        key = f"model.multi_modal_projector.linear_2.{name}"
        state[key] = state[key].float() * scale
    notes.append(f"Gemma's scale of {scale:.3f} for picture features is in the projector's last layer, in float32")


def _more_rows(model: Any, state: dict[str, Tensor], rows: int, filler: int, notes: list[str]) -> None:
    """Adds rows for the image token to embedding and head: copies of the unknown token's, never generated."""
    keys = [key for key in ("model.language_model.embed_tokens.weight", "lm_head.weight") if key in state]
    for key in keys:
        old = state[key]
        state[key] = torch.cat([old, old[filler : filler + 1].expand(rows - old.shape[0], -1)])
    with torch.device("meta"):
        model.resize_token_embeddings(rows, mean_resizing=False)
    notes.append(f"the vocabulary had no room for the image token: {rows} rows, the new ones are never generated")


def _from_stock(source: Path, folder: Path, scratch: Path, work: Work) -> dict[str, Any]:
    """A folder of a class that transformers knows, whose weights are pickles: the same names as safetensors."""
    from safetensors.torch import load_file, save_file

    files = weight_files_of(source)
    if not files or files[0].suffix == ".safetensors":
        raise InputError(
            "there is nothing to import: this folder holds no pickled weights",
            where=str(source),
            remedy="Give it to model.base or --model as it is",
        )
    work.progress("reading pickled weights behind walls", 0, len(files))
    made, walls = unpickle(files, scratch)
    work.progress("reading pickled weights behind walls", len(files), len(files))
    names: dict[str, Tensor] = {}
    for path in made:
        names |= load_file(path)
    save_file(names, folder / "model.safetensors", metadata={"format": "pt"})
    for path in sorted(p for p in source.iterdir() if p.is_file()):
        if not path.name.endswith((*PICKLES, ".safetensors", ".index.json", ".py")):
            shutil.copyfile(path, folder / path.name)
    return {
        "family": str(read_config(source).get("model_type")),
        "layout": "stock",
        "tensors": len(names),
        "computed": [],
        "parameters": sum(value.numel() for value in names.values()),
        "notes": [],
        "walls": walls,
    }


def _opens(folder: Path, source: Path) -> None:
    """Opens the result as any other model, strictly, and throws it away."""
    try:
        load_model(Model(base=str(folder), freeze=()))
    except RedraftError as error:
        raise InputError(
            f"what was made of it does not open ({error.what})", where=str(source), remedy=error.remedy
        ) from None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
