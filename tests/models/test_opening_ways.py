"""What is opened as a model and how it is to run; what is refused, and why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from redraft.core.errors import InputError, RecipeError
from redraft.core.recipe import Adapter, Model
from redraft.models import small
from redraft.models.attention import attention_code
from redraft.models.load import load_checkpoint, load_model, open_folder
from redraft.models.opening import open_processor


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build("qwen2_5_vl", tmp_path_factory.mktemp("base") / "qwen")


@pytest.fixture
def copy(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "copy"))


def change(path: Path, **keys: Any) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(data | keys), encoding="utf-8")


def test_a_language_model_alone_is_refused(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no vision encoder") as caught:
        load_model(Model(base=str(tmp_path)))
    assert "'llama'" in caught.value.what and caught.value.where and caught.value.remedy


def test_a_type_that_nobody_knows_is_refused(copy: Path) -> None:
    change(copy / "config.json", model_type="marvel")
    with pytest.raises(InputError, match="knows no model of type 'marvel'"):
        load_model(Model(base=str(copy)))


def test_code_of_a_repository_is_refused(copy: Path) -> None:
    change(copy / "config.json", model_type="marvel", auto_map={"AutoModel": "modeling_marvel.Marvel"})
    (copy / "modeling_marvel.py").write_text("raise SystemExit('run')\n", encoding="utf-8")
    with pytest.raises(InputError, match="code"):
        load_model(Model(base=str(copy)))


def test_a_special_token_that_is_taken_apart_is_refused(copy: Path) -> None:
    data = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] != "<|vision_start|>"]
    (copy / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError, match=r"takes the special token <\|vision_start\|> apart"):
        load_model(Model(base=str(copy)))


def test_an_image_token_of_another_model_is_refused(copy: Path) -> None:
    change(copy / "config.json", image_token_id=5)
    with pytest.raises(InputError, match="the model waits for 5"):
        load_model(Model(base=str(copy)))


@pytest.mark.parametrize("kind", ["eager", "sdpa"])
def test_attention_by_name(base: Path, kind: Any) -> None:
    spec = Model(base=str(base), freeze=(), attention=kind)
    model = load_model(spec).model
    assert model.config.text_config._attn_implementation == kind
    assert load_checkpoint(base, spec=spec).model.config.text_config._attn_implementation == kind
    assert model.model.visual.config._attn_implementation == kind
    tiny = load_model(Model(base="tiny", freeze=(), attention=kind), texts=["box 1 2 3"]).model
    assert tiny.model.language_model.config._attn_implementation == kind


@pytest.mark.parametrize(
    ("device", "compute", "says"),
    [("cpu", torch.bfloat16, "CUDA"), ("cuda", torch.float32, "bf16 or fp16")],
)
def test_flash_attention_by_name_where_it_cannot_run(device: str, compute: torch.dtype, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as caught:
        attention_code("flash", device, compute)
    assert caught.value.where == "model.attention" and "auto" in caught.value.remedy
    assert attention_code("auto", device, compute) is None


def test_four_bits_where_they_cannot_be_held(base: Path) -> None:
    spec = Model(base=str(base), adapter=Adapter(), quantise="nf4")
    with pytest.raises(RecipeError, match="CUDA") as caught:
        load_model(spec)
    assert caught.value.where == "model.quantise" and caught.value.remedy


def test_video_settings_stay_where_they_cannot_be_read(base: Path, tmp_path: Path) -> None:
    """Published folders hold them in a file of their own or inside processor_config.json."""
    own = json.loads((base / "video_preprocessor_config.json").read_text(encoding="utf-8"))
    joint = Path(shutil.copytree(base, tmp_path / "joint"))
    (joint / "video_preprocessor_config.json").unlink()
    change(joint / "processor_config.json", video_processor=own)
    for place, folder in enumerate((base, joint)):
        processor = open_processor(folder, "qwen2_5_vl")
        processor.save_pretrained(tmp_path / str(place))
        written = (tmp_path / str(place) / "video_preprocessor_config.json").read_text(encoding="utf-8")
        assert json.loads(written) == own
        config = json.loads((tmp_path / str(place) / "processor_config.json").read_text(encoding="utf-8"))
        assert config["processor_class"] == "Qwen2_5_VLProcessor"


def test_small_instances_depend_on_their_seed_alone(tmp_path: Path, base: Path) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    again = small.build("qwen2_5_vl", tmp_path / "again")
    other = small.build("qwen2_5_vl", tmp_path / "other", seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    weights = [(folder / "model.safetensors").read_bytes() for folder in (base, again, other)]
    assert weights[0] == weights[1] != weights[2]
    with pytest.raises(TypeError, match="there is no size 'hight'"):
        small.build("qwen2_5_vl", tmp_path / "odd", hight=2)


@pytest.mark.parametrize(
    ("family", "sizes", "tokens"),
    [
        ("qwen2_5_vl", {"picture": 1024, "patch": 32}, 256),
        pytest.param("qwen3_vl", {"picture": 1024, "patch": 32}, 256, marks=pytest.mark.slow),
        pytest.param(
            "smolvlm", {"picture": 1024, "tile": 512, "patch": 16, "merge": 4}, 320, marks=pytest.mark.slow
        ),
        pytest.param("llava", {"picture": 1024, "patch": 64}, 256, marks=pytest.mark.slow),
    ],
)
def test_a_page_of_1024_pixels_takes_a_few_hundred_tokens(
    tmp_path: Path, family: str, sizes: dict[str, int], tokens: int
) -> None:
    from drawn_examples import drawn_example
    from redraft.models.encode import Encoder

    loaded = open_folder(small.build(family, tmp_path, vocabulary=32_000, **sizes), torch.float32)
    encoder = Encoder(loaded)
    assert loaded.model.get_input_embeddings().weight.shape[0] == 32_000
    ids = encoder.encode(drawn_example(0, [(1024, 1024)])).input_ids
    assert int((ids == encoder.family.image_token(loaded.model)).sum()) == tokens
