"""A sight's figures are those that the model's own processor makes of real pictures and texts."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_examples import drawn_example
from hub_machine import Machine
from hub_server import Hub
from redraft.core.errors import InputError, RecipeError, UsageError
from redraft.core.example import Image
from redraft.core.recipe import Adapter, Model
from redraft.core.sight import Seen
from redraft.models import small
from redraft.models.encode import Encoder, Encoding
from redraft.models.load import load_model
from redraft.models.published import FAMILIES
from redraft.models.saving import save_model
from redraft.models.sight import sight_of
from redraft.models.text_estimate import estimated_tokens
from redraft.worker.context import lend_sight

SIDES = st.integers(24, 420)
NAMES = [
    "deepseek_ocr2",
    "unlimited_ocr",
    "granite_docling",
    "idefics3",
    "llava",
    "qwen2_5_vl",
    "qwen3_vl",
    "paligemma:tiny",
    "paligemma:siglip",
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            family, _, kind = name.partition(":")
            made[name] = small.build(family, tmp_path_factory.mktemp(family), **({"kind": kind} if kind else {}))
        return made[name]

    return folder


@pytest.fixture(scope="module")
def encoders(folders: Any) -> Any:
    made: dict[str, Encoder] = {}

    def encoder(name: str) -> Encoder:
        if name not in made:
            made[name] = Encoder(load_model(Model(base=str(folders(name)), freeze=())))
        return made[name]

    return encoder


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_takes_the_tokens_and_the_pixels_that_the_encoder_makes(
    folders: Any, encoders: Any, name: str
) -> None:
    sight, encoder = sight_of(folders(name)), encoders(name)

    @settings(max_examples=10, deadline=None, database=None)
    @given(SIDES, SIDES, SIDES, SIDES)
    def check(width: int, height: int, wide: int, tall: int) -> None:
        both = drawn_example(0, [(width, height), (wide, tall)])
        one, two = encoder.encode_prompt(drawn_example(0, [(width, height)])), encoder.encode_prompt(both)
        assert len(two) - len(one) == sight.picture(wide, tall).tokens
        seen = sight.picture(width, height)
        marked = replace(both, images=(band(width, height),), messages=drawn_example(0, [(24, 24)]).messages)
        view = finest(encoder.encode_prompt(marked), seen, encoder.processor)
        assert view.shape == (seen.height, seen.width)
        if max(width, height) > 4 * min(width, height):
            return  # Idefics3 makes such a strip small before it makes it large, and its edges are lost
        dark = view.min() + (view.max() - view.min()) / 4  # darker than what is padded with
        found = np.flatnonzero(view[:, seen.width // 2] < dark)
        assert abs(len(found) - seen.scale * (height // 2)) <= 2 + seen.scale

    check()


def band(width: int, height: int) -> Image:
    """A white picture with a black band over the middle half of its height."""
    picture = PIL.Image.new("RGB", (width, height), "white")
    top = height // 4
    PIL.ImageDraw.Draw(picture).rectangle((0, top, width, top + height // 2 - 1), fill="black")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return Image("band.png", file.getvalue())


def finest(encoding: Encoding, seen: Seen, processor: Any) -> np.ndarray:
    """One channel of the view that a sight speaks of, put together from tiles or patches: [height, width]."""
    assert encoding.pixel_values is not None
    pixels = encoding.pixel_values.numpy()
    if "image_grid_thw" in encoding.extra:
        _, rows, columns = encoding.extra["image_grid_thw"][0].tolist()
        side, merge = processor.image_processor.patch_size, processor.image_processor.merge_size
        parts = pixels.reshape(rows // merge, columns // merge, merge, merge, 3, 2, side, side)[:, :, :, :, 0, 0]
        return parts.transpose(0, 2, 4, 1, 3, 5).reshape(rows * side, columns * side)
    local = encoding.extra.get("pixel_values_local")
    if local is not None and (seen.width, seen.height) != pixels.shape[-2:]:
        pixels = local.numpy()
    tiles = pixels.reshape(-1, 3, *pixels.shape[-2:])[:, 0]
    rows, columns = seen.height // tiles.shape[1], seen.width // tiles.shape[2]
    grid = tiles[: rows * columns].reshape(rows, columns, *tiles.shape[1:])
    return grid.transpose(0, 2, 1, 3).reshape(seen.height, seen.width)


@pytest.mark.parametrize("name", ["unlimited_ocr", "qwen2_5_vl"])
def test_texts_are_counted_by_the_models_own_tokenizer(folders: Any, encoders: Any, name: str) -> None:
    sight = sight_of(folders(name))
    text = "The quick brown fox, 1,234 times.\n\n日本語 עברית"
    assert sight.exact and sight.text_tokens("") == 0
    assert sight.text_tokens(text) == len(encoders(name).tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("name", NAMES)
def test_positions_are_those_of_the_loaded_model(folders: Any, encoders: Any, name: str) -> None:
    assert sight_of(folders(name)).positions == encoders(name).positions


def test_checkpoints_and_adapters_see_as_their_model(folders: Any, tmp_path: Path) -> None:
    base = folders("unlimited_ocr")
    mode = {"size": {"height": 64, "width": 64}, "crop_to_patches": False}
    adapter = Adapter(dropout=0.0)
    save_model(load_model(Model(base=str(base), freeze=(), pictures=mode)), tmp_path / "whole")
    save_model(load_model(Model(base=str(base), adapter=adapter, pictures=mode)), tmp_path / "adapter")
    want = Seen(4 * 5 + 1 + 1, 0.5, 64, 64)  # the template writes a newline
    for place in (tmp_path / "whole", tmp_path / "adapter"):
        assert lend_sight(str(place)).picture(128, 128) == want
    assert sight_of(base, mode).picture(128, 128) == want != sight_of(base).picture(128, 128)


def test_the_default_model_of_a_task_has_a_sight(
    folders: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    chosen = tmp_path / "models" / "default" / "summary"
    shutil.copytree(folders("llava"), chosen / "model")
    (chosen / "manifest.json").write_text('{"format": 1, "files": {}}')
    assert lend_sight("default/summary").picture(90, 60) == sight_of(folders("llava")).picture(90, 60)
    with pytest.raises(UsageError, match="no model for the task 'nothing'"):
        lend_sight("default/nothing")


@pytest.mark.parametrize(
    ("name", "side", "tokens"),
    [
        ("deepseek_ocr", 512, 73),
        ("deepseek_ocr", 640, 111),
        ("deepseek_ocr", 1024, 273),
        ("deepseek_ocr", 1280, 421),
        ("deepseek_ocr:gundam", 1280, 273 + 20 * 21),
        ("unlimited_ocr", 1024, 273),
        ("deepseek_ocr2", 768, 145),
        ("deepseek_ocr2", 1024, 257),
        ("deepseek_ocr2:gundam", 1536, 257 + 4 * 144),
        ("granite_docling", 512, 64 + 3),
        ("granite_docling", 1024, 4 * 66 + 2 + 64 + 3),
        ("qwen2_5_vl", 1036, 37 * 37 + 2),
        ("qwen3_vl", 1024, 32 * 32 + 2),
        ("smolvlm", 2048, 16 * 66 + 5 + 64 + 2),
        ("idefics3", 1456, 16 * 171 + 5 + 169 + 2),
        ("llava", 336, 576),
        ("tiny", 128, 17),
    ],
)
def test_a_familys_own_page_is_not_resized_and_takes_its_published_tokens(
    name: str, side: int, tokens: int
) -> None:
    sight = sight_of(name)
    assert not sight.exact
    assert sight.picture(side, side) == Seen(tokens, 1.0, side, side)
    assert side in sight.unscaled()


def test_a_published_family_sees_as_a_folder_with_its_sizes(tmp_path: Path) -> None:
    """Two ways to the same figures: published settings, and a model folder of those sizes with its tokenizer."""
    sizes = {
        "deepseek_ocr2": {"picture": 1024},
        "unlimited_ocr": {"picture": 1024, "patch": 16},
        "granite_docling": {"picture": 512},
        "qwen3_vl": {"picture": 4096},
    }
    for name, chosen in sizes.items():
        mode = {"deepseek_ocr2": "gundam", "unlimited_ocr": "gundam"}.get(name)
        folder = sight_of(small.build(name, tmp_path / name, **chosen))
        family = sight_of(f"{name}:{mode}" if mode else name)
        around = 1 if mode else 0  # the newline of the small instances' template
        for width, height in ((512, 512), (1024, 1448), (1280, 1280), (700, 3000), (2400, 300)):
            found, want = folder.picture(width, height), family.picture(width, height)
            apart = 2 if name == "granite_docling" else 0  # its empty line may be one token or two
            assert abs(found.tokens - around - want.tokens) <= apart, (name, width, height)
            assert (found.scale, found.width, found.height) == (want.scale, want.width, want.height)


def test_a_page_takes_the_smallest_mode_that_it_fits_into() -> None:
    sight = sight_of("deepseek_ocr")
    assert [sight.picture(*size).tokens for size in ((500, 300), (512, 513), (1024, 700))] == [73, 111, 273]
    assert sight.picture(1024, 1448).tokens > 421  # tiles


def test_names_of_servers_tell_the_family_or_the_sight_says_what_it_assumes() -> None:
    told = sight_of("http://127.0.0.1:8000/v1#deepseek-ai/DeepSeek-OCR-2")
    assert told.picture(1024, 1024).tokens == 257 and not told.exact
    assert sight_of("http://127.0.0.1:8000/v1#deepseek-ai/DeepSeek-OCR").picture(1024, 1024).tokens == 273
    unknown = sight_of("http://127.0.0.1:8000/v1#gpt-x")
    assert "unknown" in unknown.name and "Qwen2.5-VL" in unknown.name
    assert unknown.picture(28 * 20, 28 * 20).tokens == 402


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


def test_of_a_hub_model_only_the_small_files_are_fetched(folders: Any, hub: Hub, tmp_path: Path) -> None:
    hub.add("alice/reader", folders("llava"))
    with Machine(tmp_path, hub).here():
        sight = sight_of("hf:alice/reader")
    assert sight.picture(300, 200) == sight_of(folders("llava")).picture(300, 200)
    fetched = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert "tokenizer.json" in fetched and not any(name.endswith(".safetensors") for name in fetched)


def test_what_is_no_model_is_refused(tmp_path: Path, folders: Any) -> None:
    with pytest.raises(UsageError, match="nor a family"):
        sight_of(tmp_path / "nowhere")
    with pytest.raises(InputError, match="neither a checkpoint nor a model"):
        sight_of(tmp_path)
    with pytest.raises(RecipeError, match="no way of seeing called 'huge'"):
        sight_of("deepseek_ocr2:huge")
    with pytest.raises(RecipeError, match="no setting 'max_patch'"):
        sight_of(folders("granite_docling"), {"max_patch": 4})
    with pytest.raises(InputError, match="0 x 5 pixels"):
        sight_of("qwen2_5_vl").picture(0, 5)
    with pytest.raises(InputError, match="aspect ratio"):
        sight_of("qwen2_5_vl").picture(20, 6000)


def test_estimates_grow_with_the_text_and_know_its_script() -> None:
    assert estimated_tokens("") == 0
    assert estimated_tokens("word " * 3400) == 4080  # 17,000 characters are some 4,000 tokens
    assert estimated_tokens("汉字" * 50) == 60
    for text in ("Ελλάδα", "Россия", "שלום", "العربية", "हिन्दी", "ไทย", "日本の", "한국어", "\U0001f600"):
        assert estimated_tokens(text * 100) > estimated_tokens("a" * len(text) * 100)
    assert all(sight_of(name).text_tokens("a" * 1000) == 240 for name in FAMILIES)


@pytest.mark.slow
def test_the_latin_rate_is_that_of_a_tokenizer_of_its_kind(shared_data: Path) -> None:
    """A byte-level BPE trained on one half of the PEPs, counted on the other."""
    import json

    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    lines = (shared_data / "documents" / "peps.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts[::2], trainers.BpeTrainer(vocab_size=16_000, initial_alphabet=alphabet, show_progress=False)
    )
    counted = sum(len(tokenizer.encode(text).ids) for text in texts[1::2])
    assert counted == pytest.approx(sum(map(estimated_tokens, texts[1::2])), rel=0.1)


def test_the_page_about_models_for_summaries_has_these_figures() -> None:
    """docs/summary-models.md: mode, side of the page, tokens."""
    page = (Path(__file__).parents[2] / "docs" / "summary-models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9_:]+)` \|.*\((\d+)\) \| ([\d,]+) \|$", page, flags=re.M)
    assert len(rows) == 13
    for name, side, tokens in rows:
        seen = sight_of(name).picture(int(side), int(side))
        assert (seen.tokens, seen.scale) == (int(tokens.replace(",", "")), 1.0), name
