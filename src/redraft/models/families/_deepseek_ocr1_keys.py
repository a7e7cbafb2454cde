"""Which tensors of a DeepSeek-OCR v1 checkpoint make which tensors of transformers' UnlimitedOcr classes.

The published names are those of the checkpoint's own code: SAM under model.sam_model, CLIP under
model.vision_model with one matrix for queries, keys and values, the decoder directly under model with matrices for
each expert.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from redraft.core.errors import InputError

Shape = tuple[int, ...]
CLIP = "model.vision_model.embeddings."
POSITION_IDS = CLIP + "position_ids"
UNREAD = {
    CLIP + "patch_embedding.weight": "CLIP reads SAM's map in place of patches of its own",
    POSITION_IDS: "0, 1, 2, ... in every checkpoint",
}
"""Tensors of a checkpoint that its own code never computes with, and why. They may be there or not."""

RENAMED = (
    (r"model\.view_separator", "model.view_seperator"),
    (r"model\.multi_modal_projector\.", "model.projector.layers."),
    (r"model\.language_model\.", "model."),
    (r"model\.vision_tower\.vision_encoder\.encoder\.", "model.vision_model.transformer."),
    (r"model\.vision_tower\.vision_encoder\.", "model.vision_model."),
    (r"model\.vision_tower\.sam_encoder\.layers\.(\d+)\.layer_norm([12])\.", r"model.sam_model.blocks.\1.norm\2."),
    (r"model\.vision_tower\.sam_encoder\.layers\.", "model.sam_model.blocks."),
    (r"model\.vision_tower\.sam_encoder\.patch_embed\.projection\.", "model.sam_model.patch_embed.proj."),
    (r"model\.vision_tower\.sam_encoder\.neck\.conv1\.", "model.sam_model.neck.0."),
    (r"model\.vision_tower\.sam_encoder\.neck\.layer_norm1\.", "model.sam_model.neck.1."),
    (r"model\.vision_tower\.sam_encoder\.neck\.conv2\.", "model.sam_model.neck.2."),
    (r"model\.vision_tower\.sam_encoder\.neck\.layer_norm2\.", "model.sam_model.neck.3."),
    (r"model\.vision_tower\.sam_encoder\.proj\.conv1\.", "model.sam_model.net_2."),
    (r"model\.vision_tower\.sam_encoder\.proj\.conv2\.", "model.sam_model.net_3."),
    (r"model\.vision_tower\.sam_encoder\.", "model.sam_model."),
)
"""Beginnings of native names and of the published ones; the first that fits."""


@dataclass(frozen=True, slots=True)
class Part:
    """A source tensor, or rows of it, and where they go: target[expert, begin:end] or all of target."""

    source: str
    source_shape: Shape
    target: str
    rows: tuple[int, int] | None = None
    expert: int | None = None
    place: tuple[int, int] | None = None

    @property
    def numbers(self) -> int:
        begin, end = self.rows or (0, self.source_shape[0])
        return (end - begin) * prod(self.source_shape[1:])


def published_name(target: str) -> str:
    for pattern, name in RENAMED:
        renamed, count = re.subn("^" + pattern, name, target)
        if count:
            return renamed
    return target


def parts_of(target: str, shape: Shape) -> Iterator[Part]:
    """The parts of source tensors that fill a native tensor of this shape."""
    name = published_name(target)
    if name.endswith("mlp.experts.gate_up_proj"):
        inner = shape[1] // 2
        for expert in range(shape[0]):
            for at, half in enumerate(("gate_proj", "up_proj")):
                source = f"{name.removesuffix('gate_up_proj')}{expert}.{half}.weight"
                yield Part(source, (inner, shape[2]), target, None, expert, (at * inner, (at + 1) * inner))
    elif name.endswith("mlp.experts.down_proj"):
        for expert in range(shape[0]):
            source = f"{name.removesuffix('down_proj')}{expert}.down_proj.weight"
            yield Part(source, shape[1:], target, None, expert, (0, shape[1]))
    elif fused := re.fullmatch(r"(model\.vision_model\..*self_attn\.)([qkv])(_proj\..*)", name):
        at, rows = "qkv".index(fused[2]), shape[0]
        source = f"{fused[1]}qkv{fused[3]}"
        yield Part(source, (3 * rows, *shape[1:]), target, (at * rows, (at + 1) * rows))
    else:
        yield Part(name, shape, target)


def audit(found: Mapping[str, Shape], native: Mapping[str, Shape], where: str) -> list[Part]:
    """What to copy where, proved: every source tensor is read once and wholly, every native tensor is filled,
    every shape is equal. found, native: names and shapes of the checkpoint and of the model.

    Anything else is an InputError that lists what does not fit.
    """
    parts = [part for target, shape in native.items() for part in parts_of(target, shape)]
    needed = {part.source: part.source_shape for part in parts}
    faults = {
        "missing": sorted(needed.keys() - found.keys()),
        "without a place": sorted(found.keys() - needed.keys() - UNREAD.keys()),
        "of another shape": [
            f"{name} ({_text(found[name])} for {_text(shape)})"
            for name, shape in sorted(needed.items())
            if name in found and found[name] != shape
        ],
    }
    read = _sums((part.source, part.numbers) for part in parts)
    filled = _sums((part.target, part.numbers) for part in parts)
    faults["not read exactly once"] = [
        name for name, shape in sorted(needed.items()) if name in found and read[name] != prod(shape)
    ]
    faults["not filled exactly once"] = [
        name for name, shape in sorted(native.items()) if filled.get(name, 0) != prod(shape)
    ]
    told = [f"{len(names)} {kind}: {_few(names)}" for kind, names in faults.items() if names]
    if told:
        raise InputError(
            f"the weights are not those of DeepSeek-OCR v1: {'; '.join(told)}",
            where=where,
            remedy="Take all weight files and config.json from the same revision of the model",
        )
    return parts


def _sums(counted: Iterator[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, count in counted:
        sums[name] = sums.get(name, 0) + count
    return sums


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _text(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "one number"
