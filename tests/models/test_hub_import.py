"""`models import`: TinyLLaVA's folders become stock LLaVA with equal logits, and what does not fit is refused."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import load_file, save_file

from redraft.core.errors import InputError, OutputError, RedraftError
from redraft.core.recipe import Model
from redraft.core.work import Silent
from redraft.models import small
from redraft.models.importing import import_model
from redraft.models.load import load_model
from redraft.models.unpickling import unpickle
from redraft.walls import landlock, seccomp
from tinyllava_folders import END, QUESTION, SIDE, SYSTEM, WIDTH, Published, publish


def picture(seed: int = 0) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8))


def asked(processor: Any) -> str:
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}
    return str(processor.apply_chat_template([turn], tokenize=False, add_generation_prompt=True))


@pytest.mark.parametrize(
    ("text", "vision", "whole", "room"),
    [
        ("phi", "siglip", False, 8),  # OpenECAD 3.1B's shape
        ("gemma", "siglip", True, 8),  # OpenECAD 2.4B's, as finished trainings are saved
        ("llama", "clip", True, 0),  # TinyLlama's: no free row for the image token
        pytest.param("qwen2", "clip", False, 8, marks=pytest.mark.slow),
    ],
)
def test_an_imported_model_computes_what_its_parts_do(
    tmp_path: Path, text: str, vision: str, whole: bool, room: int
) -> None:
    published = publish(tmp_path / "published", text, vision, whole, room)
    value = import_model(published.folder, tmp_path / "imported", Silent())
    loaded = load_model(Model(base=str(tmp_path / "imported"), freeze=()))
    assert type(loaded.model).__name__ == "LlavaForConditionalGeneration"
    given = loaded.processor(text=[asked(loaded.processor)], images=[[picture()]], return_tensors="pt",
                             add_special_tokens=False)  # fmt: skip
    loaded.model.eval()
    with torch.no_grad():
        mine = loaded.model(**given).logits[0]
    theirs = published.logits(picture())
    assert mine.shape[0] == theirs.shape[0] and mine.shape[1] >= theirs.shape[1]
    assert theirs.std() > 0.1
    torch.testing.assert_close(mine[:, : theirs.shape[1]], theirs, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        other = loaded.processor(text=[asked(loaded.processor)], images=[[picture(1)]], return_tensors="pt",
                                 add_special_tokens=False)  # fmt: skip
        assert (loaded.model(**other).logits[0] - mine).abs().max() > 1e-2
        answer = loaded.model.generate(**given, max_new_tokens=12, do_sample=False)[
            0, given["input_ids"].shape[1] :
        ]
    assert len(answer) > 0 and not set(answer.tolist()) & set(loaded.model.generation_config.suppress_tokens)
    assert (
        value["tensors"] == len(list(published.text.parameters())) + len(list(published.vision.parameters())) + 4
    )
    assert not list((tmp_path / "imported").rglob("*.bin"))


def test_the_conversation_is_tinyllavas(tmp_path: Path) -> None:
    import_model(publish(tmp_path / "published", whole=True).folder, tmp_path / "imported", Silent())
    processor = load_model(Model(base=str(tmp_path / "imported"), freeze=())).processor
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "What is it? "}, {"type": "image"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A box."}]},
        {"role": "user", "content": "How wide?"},
    ]
    text = processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == f"{SYSTEM}USER: <image>\nWhat is it? ASSISTANT: A box.{END}USER: How wide? ASSISTANT:"
    told = processor.apply_chat_template([{"role": "system", "content": "Be brief."}, *turns[:1]], tokenize=False)
    assert told == "Be brief. USER: <image>\nWhat is it? "


def faults(published: Published, out: Path) -> RedraftError:
    with pytest.raises(RedraftError) as refused:
        import_model(published.folder, out, Silent())
    assert not out.exists() and {p.name for p in out.parent.iterdir()} <= {published.folder.name, "secret"}
    return refused.value


def test_weights_that_do_not_fit_are_refused_with_the_list(tmp_path: Path) -> None:
    published = publish(tmp_path / "published", whole=True)
    file = published.folder / "model.safetensors"
    state = load_file(file)
    state["language_model.model.layers.0.extra"] = torch.zeros(2)
    del state["language_model.model.layers.1.mlp.fc1.weight"]
    state["language_model.model.final_layernorm.bias"] = torch.zeros(WIDTH + 1)
    save_file(state, file)
    what = faults(published, tmp_path / "out").what
    assert "1 without a place in the target: language_model.model.layers.0.extra" in what
    assert "1 missing: model.language_model.layers.1.mlp.fc1.weight" in what
    assert "1 of another shape: language_model.model.final_layernorm.bias (33,)" in what
    assert "lm_head" not in what


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"connector_type": "qformer"}, "connector is 'qformer'"),
        ({"text_config": {"model_type": "openelm"}}, "'openelm', which is not part of transformers"),
        ({"image_aspect_ratio": "anyres"}, "cut by 'anyres'"),
        ({"vision_feature_select_strategy": "half"}, "neither patch nor cls_patch"),
    ],
)
def test_what_stock_classes_cannot_stand_for_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    published = publish(tmp_path / "published", whole=True)
    path = published.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert says in faults(published, tmp_path / "out").what


class Hostile:
    """What a hostile checkpoint holds: opening it the trusting way runs a program."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (os.system, (f"echo broken in > {self.mark}",))


def test_a_pickle_with_code_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    published = publish(tmp_path / "published")
    mark = tmp_path / "secret"
    file = published.folder / "connector" / "pytorch_model.bin"
    torch.save({"_connector.0.weight": Hostile(mark)}, file)
    refused = faults(published, tmp_path / "out")
    assert isinstance(refused, InputError) and "system" in refused.what and refused.where == str(file)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pickle.dumps(Hostile(Path("mark"))), "not weights alone"),
        ({"w": torch.zeros(1), "step": 3}, "'step' lies a int"),
    ],
    ids=["bare", "mixed"],
)
def test_a_file_that_is_more_than_tensors_is_refused(tmp_path: Path, content: Any, says: str) -> None:
    file, work = tmp_path / "weights.bin", tmp_path / "work"
    work.mkdir()
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(InputError, match=says):
        unpickle([file], work)
    assert not list(tmp_path.rglob("mark")) and not list(work.rglob("*.safetensors"))


@pytest.mark.skipif(landlock.abi() == 0 or not seccomp.available(), reason="this system lacks the walls")
def test_the_walls_hold_even_where_the_reader_runs_code(tmp_path: Path) -> None:
    """The child with a reader that trusts everything: the program of the pickle starts and reaches nothing."""
    own, mark = tmp_path / "own", tmp_path / "mark"
    own.mkdir()
    torch.save({"a": Hostile(mark)}, tmp_path / "weights.bin")
    code = (
        "import torch, redraft.models.unpickling as u\n"
        "u.serve(lambda path: torch.load(path, weights_only=False))\n"
    )
    request = {
        "own": str(own),
        "files": [str(tmp_path / "weights.bin")],
        "limits": {"memory_mb": 4096, "cpu_seconds": 60, "file_mb": 64, "folder_mb": 64, "open_files": 256},
    }
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(request).encode(), capture_output=True,
                          timeout=120, check=False)  # fmt: skip
    answer = json.loads(done.stdout.splitlines()[-1])
    assert "fault" in answer and all(
        held for name, held in answer["walls"]["held"].items() if "secret" not in name
    )
    assert not mark.exists() and list(own.iterdir()) == []


def test_a_stock_folder_with_pickled_weights_becomes_safetensors(tmp_path: Path) -> None:
    folder = small.build("llava", tmp_path / "published")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    value = import_model(folder, tmp_path / "imported", Silent())
    assert value["layout"] == "stock" and value["tensors"] == len(weights)
    made = load_file(tmp_path / "imported" / "model.safetensors")
    assert made.keys() == weights.keys() and all(torch.equal(made[name], weights[name]) for name in weights)
    with pytest.raises(InputError, match="nothing to import"):
        import_model(tmp_path / "imported", tmp_path / "again", Silent())
    with pytest.raises(OutputError, match="exists already"):
        import_model(folder, tmp_path / "imported", Silent())
