"""Merging a checkpoint into a folder of its own: whole or not at all, in the base's type, with its proof."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraft.core.errors import InputError, OutputError
from redraft.core.recipe import Adapter, Model
from redraft.models import small
from redraft.models.collate import collate
from redraft.models.encode import Encoder
from redraft.models.load import Loaded, load_checkpoint, load_model
from redraft.models.merge import merge_checkpoint, stored_type
from redraft.models.saving import save_model
from toy_parts import toy_examples


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build("qwen2_5_vl", tmp_path_factory.mktemp(request.param), dtype=request.param)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint's adapter, far enough from its start to be seen."""
    loaded = load_model(Model(base=str(base), adapter=Adapter(r=4, dropout=0.0)))
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=draw))
    folder = tmp_path_factory.mktemp("adapter")
    save_model(loaded, folder)
    return folder


def logits(loaded: Loaded) -> torch.Tensor:
    encoder = Encoder(loaded)
    batch = collate([encoder.encode(example) for example in toy_examples(2)], encoder.pad_id)
    loaded.model.eval()
    with torch.no_grad():
        return loaded.model(**batch.inputs).logits


def test_the_result_answers_like_the_adapter_and_needs_no_peft(base: Path, adapter: Path, tmp_path: Path) -> None:
    report = merge_checkpoint(adapter, tmp_path / "merged", toy_examples(3))
    json.dumps(report)
    assert report["examples"] == 3 and not report["drawn"] and report["base"] == str(base)
    assert 0 < report["changed"] == report["adapted"] < report["tensors"]
    assert report["max_logit_difference"] <= report["tolerance"] < report["adapter_effect"]
    assert report["dtype"] == str(stored_type(base)).removeprefix("torch.")

    written = load_file(tmp_path / "merged" / "model.safetensors")
    there = load_file(base / "model.safetensors")
    assert {name: (t.shape, t.dtype) for name, t in written.items()} == {
        name: (t.shape, t.dtype) for name, t in there.items()
    }
    assert sum(not torch.equal(written[name], there[name]) for name in there) == report["changed"]
    assert report["bytes"] == sum(p.stat().st_size for p in (tmp_path / "merged").rglob("*") if p.is_file())

    merged = load_checkpoint(tmp_path / "merged")
    assert not merged.adapter
    torch.testing.assert_close(logits(merged), logits(load_checkpoint(adapter)), rtol=0, atol=report["tolerance"])


def test_without_examples_two_are_drawn(adapter: Path, tmp_path: Path) -> None:
    report = merge_checkpoint(adapter, tmp_path / "merged")
    assert report["drawn"] and report["examples"] == 2


def test_nothing_is_left_of_a_merge_that_fails(adapter: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    for file in adapter.iterdir():
        (spoilt / file.name).write_bytes(file.read_bytes())
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file(
        {name: torch.zeros_like(t) if "lora_B" in name else t for name, t in weights.items()},
        spoilt / "adapter_model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(InputError, match="the merge changes nothing") as caught:
        merge_checkpoint(spoilt, tmp_path / "out" / "merged")
    assert caught.value.remedy
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_is_there_is_not_written_over(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep")
    with pytest.raises(OutputError, match="exists already"):
        merge_checkpoint(adapter, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["note.txt"]


def test_a_whole_model_holds_nothing_to_merge(base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no adapter"):
        merge_checkpoint(base, tmp_path / "merged")
