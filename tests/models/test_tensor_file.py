"""Our writer of safetensors: the library reads back what was given, and the hash is the file's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import load_file
from torch import Tensor

from redraft.models.tensor_file import TYPES, layout_of, write_tensors


def bits(tensor: Tensor) -> bytes:
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()) if tensor.numel() else b""


def random_tensor(dtype: torch.dtype, shape: list[int], seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    if dtype is torch.bool:
        return torch.rand(shape, generator=random) < 0.5
    size = torch.empty(0, dtype=dtype).element_size()
    return torch.randint(0, 256, (*shape, size), dtype=torch.uint8, generator=random).view(dtype).squeeze(-1)


shapes = st.lists(st.integers(0, 5), max_size=3)
tensors = st.dictionaries(
    st.text(min_size=1, max_size=12).filter(lambda name: name != "__metadata__"),
    st.builds(random_tensor, st.sampled_from(list(TYPES)), shapes, st.integers(0, 99)),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(tensors, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
def test_the_library_reads_back_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, given_tensors: dict[str, Tensor], metadata: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("t") / "x.safetensors"
    written = write_tensors(path, given_tensors, metadata)
    found = load_file(path)
    assert found.keys() == given_tensors.keys()
    for name, tensor in given_tensors.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        assert bits(found[name]) == bits(tensor)
    data = path.read_bytes()
    assert written.sha256 == hashlib.sha256(data).hexdigest() and written.bytes == len(data)
    assert layout_of(path) == written.layout


def test_views_and_large_pieces(tmp_path: Path) -> None:
    """A transposed view, and a tensor of more bytes than are written at once."""
    large = torch.arange(5_000_000, dtype=torch.int32)
    turned = torch.arange(12.0).reshape(3, 4).t()
    write_tensors(tmp_path / "x.safetensors", {"large": large, "turned": turned})
    found = load_file(tmp_path / "x.safetensors")
    assert torch.equal(found["large"], large) and torch.equal(found["turned"], turned)


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_tensors(tmp_path / "x", {})
    assert (tmp_path / "x").read_bytes() == b"mine"
