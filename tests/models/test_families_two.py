"""What is special to the families that cut large pictures into tiles: sizes, grids, paths, separators, experts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from drawn_examples import drawn_example
from redraft.core.errors import InputError
from redraft.core.recipe import Model
from redraft.models import small
from redraft.models.collate import Batch, collate, forward, with_features
from redraft.models.encode import Encoder
from redraft.models.load import load_model
from redraft.models.loss import loss_per_example, summed_loss
from redraft.models.ocr_pictures import UnlimitedOcrImageProcessorPil
from redraft.models.packing import enable_packing, pack

FAMILIES = [
    "unlimited_ocr",
    *(pytest.param(n, marks=pytest.mark.slow) for n in ("granite_docling", "deepseek_ocr2")),
]
SIZES = (((300, 90), (60, 60)), ((150, 420),), ((128, 128),))
"""Pictures of three examples: a wide one beside one that is not cut, a tall one, one of the size of a view."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The small instance of a family by name, built once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = small.build(name, tmp_path_factory.mktemp(name))
        return made[name]

    return folder


def open_encoder(folder: Path) -> Encoder:
    loaded = load_model(Model(base=str(folder), freeze=("vision",)))
    loaded.model.eval()
    return Encoder(loaded)


def batches(encoder: Encoder, level: Any) -> tuple[Batch, Batch]:
    """The examples by their pixels and by their kept features."""
    encodings = [encoder.encode(drawn_example(index, sizes)) for index, sizes in enumerate(SIZES)]
    kept = [
        encoder.family.features(encoder.loaded.model, collate([e], encoder.pad_id).inputs, level)
        for e in encodings
    ]
    known = [with_features(e, k, encoder.family) for e, k in zip(encodings, kept, strict=True)]
    return collate(encodings, encoder.pad_id), collate(known, encoder.pad_id)


@pytest.mark.parametrize("level", ["projector", "encoder"])
@pytest.mark.parametrize("name", FAMILIES)
def test_features_of_tiles_are_those_of_pixels(folders: Any, name: str, level: Any) -> None:
    encoder = open_encoder(folders(name))
    pixels, features = batches(encoder, level)
    with torch.no_grad():
        want = forward(encoder.loaded.model, pixels)
        found = forward(encoder.loaded.model, features)
    torch.testing.assert_close(found.logits, want.logits, rtol=1e-4, atol=1e-4)
    if getattr(want, "router_logits", None) is not None and name == "granite_docling":
        torch.testing.assert_close(found.router_logits, want.router_logits)


@pytest.mark.parametrize("name", FAMILIES)
def test_beams_and_samples_see_the_pictures_of_their_example(folders: Any, name: str) -> None:
    encoder = open_encoder(folders(name))
    model = encoder.loaded.model
    prompts = [encoder.encode_prompt(drawn_example(index, sizes)) for index, sizes in enumerate(SIZES)]
    together = collate(prompts, encoder.pad_id, side="left")
    settings = {"max_new_tokens": 4, "do_sample": False, "num_beams": 2}
    found = model.generate(**together.inputs, **settings)[:, together.inputs["input_ids"].shape[1] :]
    for row, prompt in zip(found, prompts, strict=True):
        alone = collate([prompt], encoder.pad_id, side="left")
        want = model.generate(**alone.inputs, **settings)[0, alone.inputs["input_ids"].shape[1] :]
        assert row[: len(want)].tolist() == want.tolist()
    several = model.generate(**together.inputs, max_new_tokens=2, do_sample=True, num_return_sequences=2)
    assert len(several) == 2 * len(SIZES)


@pytest.mark.parametrize("name", ["unlimited_ocr", pytest.param("deepseek_ocr2", marks=pytest.mark.slow)])
def test_separators_are_trained_over_kept_features(folders: Any, name: str) -> None:
    """They lie behind the projector, so features are kept without them."""
    encoder = open_encoder(folders(name))
    core = encoder.loaded.model.model
    pixels, features = batches(encoder, "projector")
    learned = [core.view_separator] + ([core.image_newline] if name == "unlimited_ocr" else [])
    grads = []
    for batch in (pixels, features):
        summed_loss(encoder.loaded.model, batch).backward()
        grads.append([parameter.grad.clone() for parameter in learned])
        encoder.loaded.model.zero_grad()
    for mine, other in zip(*grads, strict=True):
        assert mine.abs().max() > 0
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["unlimited_ocr", pytest.param("deepseek_ocr2", marks=pytest.mark.slow)])
def test_tokens_go_to_different_experts(folders: Any, name: str) -> None:
    """An instance whose router sent every token the same way (to two experts) would test no routing."""
    encoder = open_encoder(folders(name))
    pixels, _ = batches(encoder, "projector")
    router = encoder.loaded.model.model.language_model.layers[1].mlp.gate
    chosen: list[torch.Tensor] = []
    router.register_forward_hook(lambda module, given, found: chosen.append(found[2]))
    with torch.no_grad():
        forward(encoder.loaded.model, pixels)
    token = encoder.family.image_token(encoder.loaded.model)
    for kind in (True, False):
        of_kind = (pixels.inputs["input_ids"] == token).flatten() == kind
        assert len(chosen[0][of_kind].unique()) >= 4


@pytest.mark.slow
def test_the_fine_path_has_four_times_the_tokens_and_is_not_mixed(folders: Any) -> None:
    encoder = open_encoder(folders("granite_docling"))
    model, family = encoder.loaded.model, encoder.family
    coarse = encoder.encode(drawn_example(0, SIZES[0]))
    encoder.processor.image_processor.fine_route = True
    fine = encoder.encode(drawn_example(0, SIZES[0]))
    token = family.image_token(model)
    assert (fine.input_ids == token).sum() == 4 * (coarse.input_ids == token).sum()
    inputs = collate([fine], encoder.pad_id)
    kept = {
        name: [
            family.features(model, collate([e], encoder.pad_id).inputs, "encoder")[name] for e in (fine, coarse)
        ]
        for name in ("tiles", "fine", "last", "tap_0", "tap_1", "router_logits")
    }
    known = with_features(fine, {name: values[0] for name, values in kept.items()}, family)
    with torch.no_grad():
        want = forward(model, inputs).logits
        torch.testing.assert_close(forward(model, collate([known], encoder.pad_id)).logits, want)
    with pytest.raises(ValueError, match="fine and of the coarse path"):
        family.from_features(model, {name: torch.cat(values) for name, values in kept.items()}, {})


def test_a_view_is_centred_on_grey_and_tiles_follow_the_shape() -> None:
    page = PIL.Image.fromarray(np.full((600, 300, 3), 255, dtype=np.uint8))
    found = UnlimitedOcrImageProcessorPil()([page], return_tensors="pt")
    view = found["pixel_values"][0]
    assert view.shape == (3, 1024, 1024) and found["num_local_patches"] == [0]
    grey, white = 127 / 127.5 - 1, 1.0
    assert torch.allclose(view[:, :, :256], torch.tensor(grey)) and torch.allclose(
        view[:, :, 768:], torch.tensor(grey)
    )
    assert torch.allclose(view[:, :, 256:768], torch.tensor(white))

    wide = PIL.Image.fromarray(np.zeros((640, 1280, 3), dtype=np.uint8))
    found = UnlimitedOcrImageProcessorPil()([page, wide], return_tensors="pt")
    assert found["patches_grid"] == [[1, 1], [2, 1]] and found["num_local_patches"] == [0, 2]
    assert found["pixel_values_local"].shape == (2, 3, 640, 640)
    stretched = UnlimitedOcrImageProcessorPil(size={"height": 512, "width": 512}, crop_to_patches=False)
    assert stretched([page], return_tensors="pt")["pixel_values"].amin() == white  # nothing is padded


@pytest.mark.parametrize(
    ("name", "tile", "counts"),
    [
        # 16 x 16 features with a newline a row, the separator; 2 x 3 tiles of 10 x 10 in rows of 20 and a newline
        ("UnlimitedOcr", 640, (16 * 17 + 1, 30 * 21)),
        # 256 queries and the separator; 2 x 3 tiles of 144 queries
        ("DeepseekOcr2", 768, (256 + 1, 6 * 144)),
    ],
)
def test_published_sizes_give_as_many_features_as_tokens(folders: Any, name: str, tile: int, counts: Any) -> None:
    """With the published widths and picture sizes, one layer each, on no device at all."""
    import transformers

    library: Any = transformers
    config = getattr(library, f"{name}Config")(
        vision_config={
            "sam_config": {"num_hidden_layers": 1, "global_attn_indexes": [0]},
            "encoder_config": {"num_hidden_layers": 1} | ({"hidden_size": 896} if tile == 768 else {}),
        },
        text_config={"num_hidden_layers": 1, "mlp_layer_types": ["dense"], "hidden_size": 1280, "vocab_size": 8}
        | ({"num_attention_heads": 10} if tile == 768 else {}),
        image_token_id=1,
    )
    with torch.device("meta"):
        model = getattr(library, f"{name}ForConditionalGeneration")(config)
        views, tiles = torch.empty(2, 3, 1024, 1024), torch.empty(6, 3, tile, tile)
    more = {"patches_grid": [[2, 3], [1, 1]]} if name == "UnlimitedOcr" else {}
    found = model.get_image_features(
        views, tiles, num_local_patches=[6, 0], return_dict=True, **more
    ).pooler_output
    assert [len(features) for features in found] == [sum(counts), counts[0]]

    family = "unlimited_ocr" if name == "UnlimitedOcr" else "deepseek_ocr2"
    processor = open_encoder(folders(family)).processor
    processor.patch_size = 16
    pictures = processor.image_processor
    pictures.size, pictures.tile_size = {"height": 1024, "width": 1024}, tile
    inputs = {"num_local_patches": [6, 0], "patches_grid": [[2, 3], [1, 1]]}
    text = [processor.replace_image_token(inputs, at, size=None, tile_size=None) for at in range(2)]
    assert [len(t) // len(processor.image_token) for t in text] == [sum(counts), counts[0]]


@pytest.mark.parametrize("window", [3, 128])
def test_an_answer_longer_than_the_window_is_read_as_it_is_written(folders: Any, window: int) -> None:
    """Unlimited-OCR sees only the last tokens of its answer, in training as while it answers."""
    encoder = open_encoder(folders("unlimited_ocr"))
    model = encoder.loaded.model
    model.model.language_model.config.sliding_window = window
    prompts = [encoder.encode_prompt(drawn_example(index, sizes)) for index, sizes in enumerate(SIZES)]
    for prompt in prompts:
        inputs = collate([prompt], encoder.pad_id, side="left").inputs
        told = model.generate(
            **inputs,
            max_new_tokens=12,
            min_new_tokens=12,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        written = torch.stack(told.logits, dim=1)
        whole = inputs | {"input_ids": told.sequences, "attention_mask": torch.ones_like(told.sequences)}
        with torch.no_grad():
            read = model(**whole, use_cache=False).logits[:, -13:-1]
            blind = model(**whole | {"prompt_lengths": None}, use_cache=False).logits[:, -13:-1]
        torch.testing.assert_close(read, written, rtol=1e-4, atol=1e-4)
        assert torch.allclose(blind, written, atol=1e-2) == (window == 128)


def test_a_batch_of_answers_longer_than_the_window_is_its_examples(folders: Any) -> None:
    encoder = open_encoder(folders("unlimited_ocr"))
    model = encoder.loaded.model
    model.model.language_model.config.sliding_window = 4
    encodings = [encoder.encode(drawn_example(index, sizes)) for index, sizes in enumerate(SIZES)]
    with torch.no_grad():
        together, _ = loss_per_example(model, collate(encodings, encoder.pad_id))
        alone = [loss_per_example(model, collate([e], encoder.pad_id))[0] for e in encodings]
        torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-4)
        with pytest.raises(InputError, match="longer than the 4 that this model sees") as caught:
            enable_packing(model, encodings[:2], encoder.pad_id)
            loss_per_example(model, pack(model, encodings))
    assert caught.value.where == "train.pack"
