"""Writes safetensors files that are hashed on their way to the disk, one tensor in memory at a time.

The library's own writer wants every tensor on the CPU at once, and a second reading for the hash. Reading stays
with the library. Format: https://huggingface.co/docs/safetensors: eight bytes with the length of the header
(little endian), the header as JSON padded with spaces to a multiple of eight, the tensors' bytes without gaps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from redraft.core.atomic import HashedFile

# fmt: off
TYPES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.uint16: "U16",
    torch.int32: "I32", torch.uint32: "U32", torch.int64: "I64", torch.uint64: "U64",
    torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.complex64: "C64",
}
# fmt: on
"""The format's names of torch's types."""

Layout = dict[str, tuple[str, tuple[int, ...]]]
"""Of a file: each tensor's type, in the format's words, and shape."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a manifest says of a file, and the tensors in it."""

    bytes: int
    sha256: str
    layout: Layout

    @property
    def facts(self) -> dict[str, int | str]:
        return {"bytes": self.bytes, "sha256": self.sha256}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> Written:
    """Writes a new file, durable when this returns. An OSError is the system's; a half-written file stays."""
    # The largest elements first, so that each tensor begins at a multiple of its element's size.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    layout: Layout = {}
    start = 0
    for name in names:
        tensor = tensors[name]
        layout[name] = (TYPES[tensor.dtype], tuple(tensor.shape))
        stop = start + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with HashedFile(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            file.write(_bytes(tensors[name]))
    return Written(file.bytes, file.sha256, layout)


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


def layout_of(path: Path) -> Layout:
    """Names, types and shapes by the file's header alone; no tensor is read."""
    with safe_open(path, framework="pt") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}
