"""Freezing and adapters by module, and where base models may come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraft.core.errors import InputError, RecipeError
from redraft.core.recipe import Adapter, Model
from redraft.models.collate import collate
from redraft.models.encode import Encoder
from redraft.models.freeze import freeze
from redraft.models.layout import find_checkpoint
from redraft.models.load import Loaded, load_checkpoint, load_model
from redraft.models.loss import summed_loss
from redraft.models.saving import same_weights, save_model
from redraft.models.source import find_source
from toy_parts import SMALL, toy_example, toy_examples


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved model, as a base for fine-tuning."""
    folder = tmp_path_factory.mktemp("base")
    texts = [example.answer for example in toy_examples(32)]
    save_model(load_model(Model(base="tiny", freeze=(), options=SMALL), texts=texts), folder)
    return folder


def test_a_frozen_part_gets_no_gradient(base: Path) -> None:
    loaded = load_model(Model(base=str(base), freeze=("vision", "projector")))
    trained = {name for name, p in loaded.model.named_parameters() if p.requires_grad}
    assert trained and not any("vision_tower" in name or "projector" in name for name in trained)
    counts = loaded.counts
    assert counts.frozen + counts.trainable == sum(p.numel() for p in loaded.model.parameters())
    assert f"FROZEN {counts.frozen:,} TRAINABLE {counts.trainable:,}" in str(counts)
    encoder = Encoder(loaded)
    summed_loss(loaded.model, collate([encoder.encode(toy_example(1))], encoder.pad_id)).backward()
    assert all((p.grad is not None) == p.requires_grad for p in loaded.model.parameters())


def test_frozen_embeddings(base: Path) -> None:
    model = load_model(Model(base=str(base), freeze=("embeddings",))).model
    assert not model.get_input_embeddings().weight.requires_grad


def test_a_freeze_that_matches_nothing_is_an_error(base: Path) -> None:
    model = load_model(Model(base=str(base), freeze=())).model
    with pytest.raises(RecipeError, match="nothing in this model matches"):
        freeze(model.model.language_model, ["projector"])


@pytest.mark.parametrize("targets", [("c_attn",), ("all-linear",)])
def test_an_adapter_sits_on_the_language_model_alone(base: Path, targets: tuple[str, ...], tmp_path: Path) -> None:
    loaded = load_model(Model(base=str(base), adapter=Adapter(r=4, targets=targets)), seed=3)
    trained = [name for name, p in loaded.model.named_parameters() if p.requires_grad]
    assert trained and all(".language_model." in name and "lora_" in name for name in trained)
    save_model(loaded, tmp_path / "adapter")
    same_weights(loaded, tmp_path / "adapter")
    size = (tmp_path / "adapter" / "adapter_model.safetensors").stat().st_size
    assert size < (base / "model.safetensors").stat().st_size / 2
    again = load_checkpoint(tmp_path / "adapter")
    assert again.adapter
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {name: p.requires_grad for name, p in again.model.named_parameters()} == {
        name: p.requires_grad for name, p in loaded.model.named_parameters()
    }
    assert len(saved) == len(trained)


def test_an_adapter_can_be_a_base_merged_into_its_own(base: Path, tmp_path: Path) -> None:
    loaded = load_model(Model(base=str(base), adapter=Adapter(r=4, targets=("c_attn",))), seed=3)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.02)
    save_model(loaded, tmp_path)
    merged = load_model(Model(base=str(tmp_path), freeze=()))
    encoder = Encoder(merged)
    batch = collate([encoder.encode(example) for example in toy_examples(3)], encoder.pad_id)
    loaded.model.eval()
    with torch.no_grad():
        assert float(summed_loss(merged.model, batch)) == pytest.approx(
            float(summed_loss(loaded.model, batch)), rel=1e-5
        )


def test_an_unknown_target_names_the_nearest(base: Path) -> None:
    with pytest.raises(RecipeError, match="c_attn") as caught:
        load_model(Model(base=str(base), adapter=Adapter(targets=("c_atn",))))
    assert "c_atn" in caught.value.what


def test_weights_that_can_carry_code_are_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((base / "config.json").read_text())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin, which can carry code"):
        find_source(str(tmp_path))


def test_code_of_a_repository_is_never_run(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    config = {"model_type": "strange", "auto_map": {"AutoModel": "evil.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(InputError, match="never run"):
        find_source(str(tmp_path))


def test_a_missing_weight_is_named(base: Path, tmp_path: Path) -> None:
    for path in base.iterdir():
        if path.name != "model.safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    tensors = load_file(base / "model.safetensors")
    dropped = next(name for name in tensors if "vision" in name)
    save_file({k: v for k, v in tensors.items() if k != dropped}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="missing keys"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["nowhere/at/all", "hf:///"])
def test_a_base_that_is_not_there(name: str) -> None:
    with pytest.raises((RecipeError, InputError)) as caught:
        find_source(name)
    assert caught.value.remedy


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a checkpoint nor a model"):
        find_checkpoint(tmp_path)


def test_the_device_of_a_loaded_model(base: Path) -> None:
    loaded: Loaded = load_checkpoint(base)
    assert loaded.device.type == "cpu"
