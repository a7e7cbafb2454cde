"""Encodings kept small in memory, without losing a bit.

A drawing's pixels have few different values: one byte a pixel and a table of the values hold them exactly, a
sixteenth of three float channels that are all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from redraft.models.encode import Encoding

WORTH = 4096
"""Elements below which packing saves too little."""


@dataclass(frozen=True, slots=True)
class Palette:
    """A float tensor as indices into its different values; channels are those that the last step repeats."""

    values: Tensor
    indices: Tensor
    shape: tuple[int, ...]
    grey: bool

    def unpack(self) -> Tensor:
        found = self.values[self.indices.to(torch.int32)]
        return found.expand(self.shape) if self.grey else found

    @property
    def bytes(self) -> int:
        return self.indices.nbytes + self.values.nbytes


@dataclass(frozen=True, slots=True)
class Packed:
    """An encoding whose pixels are packed."""

    encoding: Encoding
    pixels: Palette | Tensor | None

    def unpack(self) -> Encoding:
        pixels = self.pixels.unpack() if isinstance(self.pixels, Palette) else self.pixels
        return replace(self.encoding, pixel_values=pixels)

    @property
    def bytes(self) -> int:
        rest = [self.encoding.input_ids, self.encoding.labels, *self.encoding.extra.values()]
        return sum(tensor.nbytes for tensor in rest) + (0 if self.pixels is None else _bytes(self.pixels))


def pack(encoding: Encoding) -> Packed:
    pixels = encoding.pixel_values
    return Packed(replace(encoding, pixel_values=None), None if pixels is None else _pack(pixels))


def _bytes(pixels: Palette | Tensor) -> int:
    return pixels.bytes if isinstance(pixels, Palette) else pixels.nbytes


def _pack(tensor: Tensor) -> Palette | Tensor:
    if not tensor.is_floating_point() or tensor.numel() < WORTH:
        return tensor
    shape, source = tuple(tensor.shape), tensor
    grey = tensor.ndim >= 3 and shape[-3] == 3 and torch.equal(tensor, tensor[..., :1, :, :].expand(shape))
    if grey:
        source = tensor[..., :1, :, :].contiguous()
    values, indices = torch.unique(source, return_inverse=True)
    if len(values) > 256:
        return tensor
    palette = Palette(values, indices.to(torch.uint8), shape, grey)
    return palette if torch.equal(palette.unpack(), tensor) else tensor
