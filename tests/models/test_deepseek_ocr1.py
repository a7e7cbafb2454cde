"""DeepSeek-OCR v1 by its published tensor names: what fits is opened, everything else is refused.

The names and shapes below are written from the published architecture, not from the map under test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import load_file, save_file

from redraft.core.errors import InputError
from redraft.core.recipe import Adapter, Model
from redraft.core.sight import Seen
from redraft.models import small
from redraft.models.families import family_of
from redraft.models.families._deepseek_ocr1_keys import audit
from redraft.models.families.deepseek_ocr1 import is_v1, native_config
from redraft.models.load import load_checkpoint, load_model, open_folder
from redraft.models.saving import same_weights, save_model
from redraft.models.sight import sight_of
from redraft.models.source import check_files

PUBLISHED = {
    "architectures": ["DeepseekOCRForCausalLM"],
    "auto_map": {
        "AutoConfig": "modeling_deepseekocr.DeepseekOCRConfig",
        "AutoModel": "modeling_deepseekocr.DeepseekOCRForCausalLM",
    },
    "candidate_resolutions": [[1024, 1024]],
    "global_view_pos": "head",
    "language_config": {
        "architectures": ["DeepseekOCRForCausalLM"],
        "bos_token_id": 0,
        "eos_token_id": 1,
        "first_k_dense_replace": 1,
        "hidden_size": 1280,
        "intermediate_size": 6848,
        "kv_lora_rank": None,
        "lm_head": True,
        "max_position_embeddings": 8192,
        "moe_intermediate_size": 896,
        "n_group": 1,
        "n_routed_experts": 64,
        "n_shared_experts": 2,
        "num_attention_heads": 10,
        "num_experts_per_tok": 6,
        "num_hidden_layers": 12,
        "num_key_value_heads": 10,
        "q_lora_rank": None,
        "qk_nope_head_dim": 0,
        "qk_rope_head_dim": 0,
        "rm_head": False,
        "topk_group": 1,
        "topk_method": "greedy",
        "torch_dtype": "bfloat16",
        "use_mla": False,
        "v_head_dim": 0,
        "vocab_size": 129280,
    },
    "model_type": "deepseek_vl_v2",
    "projector_config": {
        "input_dim": 2048,
        "model_type": "mlp_projector",
        "n_embed": 1280,
        "projector_type": "linear",
    },
    "tile_tag": "2D",
    "torch_dtype": "bfloat16",
    "vision_config": {
        "image_size": 1024,
        "mlp_ratio": 3.7362,
        "model_name": "deeplip_b_l",
        "model_type": "vision",
        "width": {
            "clip-l-14-224": {"heads": 16, "image_size": 224, "layers": 24, "patch_size": 14, "width": 1024},
            "sam_vit_b": {
                "downsample_channels": [512, 1024],
                "global_attn_indexes": [2, 5, 8, 11],
                "heads": 12,
                "layers": 12,
                "width": 768,
            },
        },
    },
}


def scaled(vocabulary: int) -> dict:
    """The published configuration with small sizes."""
    config = json.loads(json.dumps(PUBLISHED))
    config["language_config"] |= {
        "hidden_size": 32,
        "intermediate_size": 64,
        "moe_intermediate_size": 16,
        "n_routed_experts": 6,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "num_experts_per_tok": 3,
        "num_hidden_layers": 3,
        "vocab_size": vocabulary,
    }
    config["vision_config"]["width"] = {
        "clip-l-14-224": {"heads": 2, "image_size": 224, "layers": 2, "patch_size": 14, "width": 24},
        "sam_vit_b": {
            "downsample_channels": [12, 24],
            "global_attn_indexes": [],
            "heads": 2,
            "layers": 1,
            "width": 16,
        },
    }
    config["projector_config"] |= {"input_dim": 48, "n_embed": 32}
    return config


def published_shapes(config: dict) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Tensors of a v1 checkpoint: SAM, CLIP, projector, DeepSeek-V2's decoder without latent attention."""
    text, vision = config["language_config"], config["vision_config"]["width"]
    sam, clip = vision["sam_vit_b"], vision["clip-l-14-224"]
    wide, deep, mid = text["hidden_size"], text["moe_intermediate_size"], text["intermediate_size"]
    yield "model.embed_tokens.weight", (text["vocab_size"], wide)
    for layer in range(text["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield at + name + ".weight", (wide,)
        for name in "qkvo":
            yield f"{at}self_attn.{name}_proj.weight", (wide, wide)
        blocks = [("mlp.", mid)]
        if layer >= text["first_k_dense_replace"]:
            blocks = [(f"mlp.experts.{expert}.", deep) for expert in range(text["n_routed_experts"])]
            blocks += [("mlp.shared_experts.", deep * text["n_shared_experts"])]
            yield at + "mlp.gate.weight", (text["n_routed_experts"], wide)
        for name, inner in blocks:
            yield f"{at}{name}gate_proj.weight", (inner, wide)
            yield f"{at}{name}up_proj.weight", (inner, wide)
            yield f"{at}{name}down_proj.weight", (wide, inner)
    yield "model.norm.weight", (wide,)
    yield "lm_head.weight", (text["vocab_size"], wide)
    yield "model.image_newline", (wide,)
    yield "model.view_seperator", (wide,)
    yield "model.projector.layers.weight", (wide, config["projector_config"]["input_dim"])
    yield "model.projector.layers.bias", (wide,)

    width, at = sam["width"], "model.sam_model."
    yield at + "pos_embed", (1, 64, 64, width)
    yield at + "patch_embed.proj.weight", (width, 3, 16, 16)
    yield at + "patch_embed.proj.bias", (width,)
    for layer in range(sam["layers"]):
        block = f"{at}blocks.{layer}."
        reach = 127 if layer in sam["global_attn_indexes"] else 27
        yield block + "attn.rel_pos_h", (reach, width // sam["heads"])
        yield block + "attn.rel_pos_w", (reach, width // sam["heads"])
        yield from linear(block + "attn.qkv", 3 * width, width)
        yield from linear(block + "attn.proj", width, width)
        yield from linear(block + "mlp.lin1", 4 * width, width)
        yield from linear(block + "mlp.lin2", width, 4 * width)
        yield from norm(block + "norm1", width)
        yield from norm(block + "norm2", width)
    first, second = sam["downsample_channels"]
    yield at + "neck.0.weight", (256, width, 1, 1)
    yield from norm(at + "neck.1", 256)
    yield at + "neck.2.weight", (256, 256, 3, 3)
    yield from norm(at + "neck.3", 256)
    yield at + "net_2.weight", (first, 256, 3, 3)
    yield at + "net_3.weight", (second, first, 3, 3)

    width, at = clip["width"], "model.vision_model."
    yield at + "embeddings.class_embedding", (width,)
    yield at + "embeddings.patch_embedding.weight", (width, 3, 14, 14)
    yield at + "embeddings.position_embedding.weight", (257, width)
    yield from norm(at + "pre_layrnorm", width)
    for layer in range(clip["layers"]):
        block = f"{at}transformer.layers.{layer}."
        yield from linear(block + "self_attn.qkv_proj", 3 * width, width)
        yield from linear(block + "self_attn.out_proj", width, width)
        yield from linear(block + "mlp.fc1", 4 * width, width)
        yield from linear(block + "mlp.fc2", width, 4 * width)
        yield from norm(block + "layer_norm1", width)
        yield from norm(block + "layer_norm2", width)


def linear(name: str, out: int, into: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield name + ".weight", (out, into)
    yield name + ".bias", (out,)


def norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield name + ".weight", (width,)
    yield name + ".bias", (width,)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small v1 folder in two weight files, with the tokenizer of the small Unlimited-OCR."""
    place = tmp_path_factory.mktemp("v1")
    donor = small.build("unlimited_ocr", tmp_path_factory.mktemp("donor"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (place / name).write_bytes((donor / name).read_bytes())
    rows = json.loads((donor / "config.json").read_text())["text_config"]["vocab_size"]
    config = scaled(rows)
    (place / "config.json").write_text(json.dumps(config))
    draw = torch.Generator().manual_seed(3)
    state = {name: 0.2 * torch.randn(shape, generator=draw) for name, shape in published_shapes(config)}
    for name in state:
        if "norm" in name and name.endswith("weight"):
            state[name] = state[name] + 1
    write(place, state)
    return place


def write(place: Path, state: dict[str, torch.Tensor]) -> None:
    names, index = sorted(state), {}
    for part, chosen in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-{part:05}-of-00002.safetensors"
        save_file({name: state[name].contiguous() for name in chosen}, place / file)
        index |= dict.fromkeys(chosen, file)
    (place / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        state |= load_file(file)
    return state


def changed(folder: Path, to: Path, state: dict[str, torch.Tensor]) -> Path:
    for file in folder.iterdir():
        if file.suffix != ".safetensors":
            (to / file.name).write_bytes(file.read_bytes())
    write(to, state)
    return to


def prompt(loaded):
    picture = PIL.Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 60, 3), dtype=np.uint8))
    said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Free OCR."}]}]
    text = loaded.processor.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    return family_of(loaded.family).process(loaded.processor, text, [picture])


def test_the_published_model_fits_tensor_by_tensor():
    from transformers import UnlimitedOcrForConditionalGeneration

    config = native_config(PUBLISHED, 128815)
    with torch.device("meta"):
        native = UnlimitedOcrForConditionalGeneration(config).state_dict()
    found = dict(published_shapes(PUBLISHED))
    parts = audit(found, {name: tuple(value.shape) for name, value in native.items()}, "meta")
    assert sum(part.numbers for part in parts) == sum(value.numel() for value in native.values())
    # The unread patch embedding alone is left over.
    assert {part.source for part in parts} == found.keys() - {
        "model.vision_model.embeddings.patch_embedding.weight"
    }
    assert config.text_config.layer_types == ["full_attention"] * 12
    assert config.text_config.mlp_layer_types == ["dense"] + ["sparse"] * 11


def test_every_tensor_arrives_where_transformers_puts_it(folder: Path):
    """transformers has a map of its own from these names; both must make the same model."""
    from transformers import UnlimitedOcrForConditionalGeneration

    check_files(folder)
    ours = open_folder(folder, torch.float32)
    assert ours.family == "unlimited_ocr"
    theirs, told = UnlimitedOcrForConditionalGeneration.from_pretrained(
        folder, config=ours.model.config, output_loading_info=True, local_files_only=True
    )
    assert not told["missing_keys"]
    mine, other = ours.model.state_dict(), theirs.state_dict()
    assert mine.keys() == other.keys()
    assert all(torch.equal(mine[name], other[name]) for name in mine)
    for (name, buffer), (_, same) in zip(ours.model.named_buffers(), theirs.named_buffers(), strict=True):
        assert torch.equal(buffer, same), name


def test_it_reads_trains_answers_and_is_saved_as_a_native_folder(folder: Path, tmp_path: Path):
    adapter = Adapter(r=2, dropout=0.0, targets=("q_proj",), experts=True)
    trained = load_model(Model(base=str(folder), adapter=adapter))
    inputs = prompt(trained)
    tokens = int((inputs["input_ids"] == trained.model.config.image_token_id).sum())
    assert tokens == 16 * 17 + 1  # 16 rows of 16 features and a newline, and the separator
    trained.model(**inputs, labels=inputs["input_ids"]).loss.backward()
    assert all(p.grad is not None for p in trained.model.parameters() if p.requires_grad)

    loaded = load_checkpoint(folder)
    answer = loaded.model.generate(**inputs, max_new_tokens=3, do_sample=False)
    assert answer.shape[1] == inputs["input_ids"].shape[1] + 3
    save_model(loaded, tmp_path / "saved")
    same_weights(loaded, tmp_path / "saved")
    again = load_checkpoint(tmp_path / "saved")
    with torch.no_grad():
        assert torch.equal(again.model(**inputs).logits, loaded.model(**inputs).logits)
    assert again.processor.image_processor.max_patches == 9


def test_its_pages_and_positions_are_known_without_its_weights(folder: Path):
    sight = sight_of(folder)
    newline = 1  # of the template, behind each picture
    assert sight.picture(1280, 1280) == Seen(273 + 20 * 21 + newline, 1.0, 1280, 1280)
    assert sight.picture(1920, 1920) == Seen(273 + 30 * 31 + newline, 1.0, 1920, 1920)  # nine tiles and no more
    assert sight.picture(2560, 2560).scale == 0.75
    assert sight_of(folder, "base").picture(1024, 1024) == Seen(273 + newline, 1.0, 1024, 1024)
    assert sight.positions == 8192


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("model.layers.2.mlp.experts.4.up_proj.weight"), r"1 missing: .*experts\.4\.up_proj"),
        (lambda s: s.update({"model.layers.9.extra.weight": torch.zeros(2)}), r"1 without a place: .*extra"),
        (lambda s: s.update({"model.norm.weight": torch.ones(33)}), r"1 of another shape: .*33 for 32"),
        (
            lambda s: s.update({"model.view_separator": s.pop("model.view_seperator")}),
            r"1 missing.*1 without a place",
        ),
    ],
    ids=["missing", "extra", "misshapen", "renamed"],
)
def test_a_folder_with_other_tensors_is_refused(folder: Path, tmp_path: Path, change, said: str):
    state = state_of(folder)
    change(state)
    with pytest.raises(InputError, match=said):
        open_folder(changed(folder, tmp_path, state), torch.float32)


def test_positions_that_do_not_count_are_refused(folder: Path, tmp_path: Path):
    state = state_of(folder)
    name = "model.vision_model.embeddings.position_ids"
    state[name] = torch.arange(257)[None]
    assert open_folder(changed(folder, tmp_path, state), torch.float32).family == "unlimited_ocr"
    state[name] = torch.arange(257).flip(0)[None]
    with pytest.raises(InputError, match="does not count from 0"):
        open_folder(changed(folder, tmp_path, state), torch.float32)


def test_a_tensor_in_two_files_is_refused(folder: Path, tmp_path: Path):
    place = changed(folder, tmp_path, state_of(folder))
    save_file({"model.norm.weight": torch.ones(32)}, place / "model-x.safetensors")
    assert open_folder(place, torch.float32).family == "unlimited_ocr"  # the index does not name that file
    (place / "model.safetensors.index.json").unlink()
    with pytest.raises(InputError, match=r"model\.norm\.weight is in"):
        open_folder(place, torch.float32)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("language_config", "use_mla", True),
        ("language_config", "topk_method", "noaux_tc"),
        ("language_config", "norm_topk_prob", True),
        ("projector_config", "projector_type", "mlp_gelu"),
    ],
)
def test_a_setting_that_the_classes_cannot_follow_is_refused(part: str, name: str, value: object):
    config = json.loads(json.dumps(PUBLISHED))
    config[part][name] = value
    with pytest.raises(InputError, match=name):
        native_config(config, 128815)
    del config[part][name]
    if name == "use_mla":  # the published code would take latent attention where nothing is said
        with pytest.raises(InputError, match=name):
            native_config(config, 128815)


def test_other_models_of_that_type_are_not_taken_for_it():
    assert is_v1(PUBLISHED)
    assert not is_v1(PUBLISHED | {"architectures": ["DeepseekVLV2ForCausalLM"]})
    assert not is_v1(PUBLISHED | {"architectures": ["DeepseekOCR2ForCausalLM"]})
    assert not is_v1({"model_type": "unlimited_ocr"})
