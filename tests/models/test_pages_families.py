"""Documents of one to five drawn pages in the families that read them: batches, answers, ends, sizes, pixels."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from redraft.core.errors import RecipeError
from redraft.core.example import Example
from redraft.core.recipe import Evaluate, Model
from redraft.inference.predictor import LocalPredictor
from redraft.models import small
from redraft.models.collate import collate
from redraft.models.encode import IGNORE, Encoder
from redraft.models.load import load_checkpoint, load_model
from redraft.models.loss import loss_per_example
from redraft.models.saving import save_model
from redraft.models.sight import sight_of
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.drawing import draw_pages
from redraft.tasks.summary.options import complete
from redraft.tasks.summary.truth import truth_of

FAMILIES: dict[str, Any] = {
    "deepseek_ocr2": {"size": {"height": 96, "width": 96}, "tile_size": 96, "crop_to_patches": False},
    "unlimited_ocr": {"max_patches": 6},
    "granite_docling": {"max_patches": 4},
    "qwen2_5_vl": {"size": {"shortest_edge": 784, "longest_edge": 168 * 168}},
    "paligemma": None,  # the tiny model
}
"""Pages of 128 pixels cost few tokens under these settings, so that five of them fit into a small instance."""
LONG = 17_000
"""Characters of a long document."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def text(characters: int) -> str:
    lines, number = [], 0
    while sum(map(len, lines)) + 2 * len(lines) < characters:
        number += 1
        lines.append(
            f"Part {number} was measured on day {number * 7 % 30}, and {number * 13 % 97} of 97 held. " * 4
        )
    return "\n\n".join(lines)[:characters]


def document(characters: int, summary: str = "All parts held but two.", most: int = 200, **style: Any) -> Example:
    """A drawn document as a dataset's reader gives it; its first pages where it has more than `most`."""
    options = complete({"style": style, "max_pages": most, "long": "cut"})
    truth = truth_of(text(characters), summary)
    pages = draw_pages(truth, 0, options).images
    return Example(f"document-{characters}", pages, conversation(summary, options, len(pages)), truth)


@cache
def documents() -> tuple[Example, ...]:
    """Of one, two, three and five small pages, with summaries of different lengths."""
    wanted, found = (
        {1: "Held.", 2: "Two did not hold. " * 3, 3: "All held but two.", 5: "It was measured. " * 6},
        {},
    )
    for characters in range(20, 3000, 40):
        pages = document(characters, width=128, height=128, font_size=8)
        if len(pages.images) in wanted and len(pages.images) not in found:
            summary = wanted[len(pages.images)]
            found[len(pages.images)] = document(characters, summary, width=128, height=128, font_size=8)
    assert sorted(found) == sorted(wanted)
    return tuple(found[count] for count in (2, 5, 1, 3))


@pytest.fixture(scope="module", params=list(FAMILIES))
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = small.build(request.param, tmp_path_factory.mktemp(request.param))
    loaded = load_model(Model(base=str(folder), freeze=("vision",), pictures=FAMILIES[request.param]))
    loaded.model.eval()
    return Encoder(loaded)


def test_a_batch_of_one_to_five_pages_is_its_documents(encoder: Encoder) -> None:
    encodings = [encoder.encode(example) for example in documents()]
    model = encoder.loaded.model
    with torch.no_grad():
        together, counts = loss_per_example(model, collate(encodings, encoder.pad_id))
        alone = [loss_per_example(model, collate([one], encoder.pad_id))[0] for one in encodings]
    assert counts.tolist() == [encoding.supervised for encoding in encodings] and len(set(counts.tolist())) > 2
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-3)


def test_pages_cost_what_the_sight_says_and_only_the_summary_and_its_end_carry_loss(encoder: Encoder) -> None:
    sight = sight_of(encoder.loaded.source.folder, FAMILIES[encoder.loaded.family])
    one_page, *more = sorted(documents(), key=lambda example: len(example.images))
    token = encoder.family.image_token(encoder.loaded.model)
    alone = len(encoder.encode_prompt(one_page))
    for example in more:
        encoding = encoder.encode(example)
        pages = len(example.images)
        assert encoding.prompt_length - alone == (pages - 1) * sight.picture(128, 128).tokens
        labels = encoding.labels
        assert (labels[: encoding.prompt_length] == IGNORE).all()
        assert (labels[encoding.input_ids == token] == IGNORE).all()
        assert int(labels[-1]) in encoder.end_ids
        told = encoder.tokenizer.decode(labels[encoding.prompt_length : -1])
        assert told.strip() == example.answer.strip()


def test_a_batch_of_answers_is_the_answers_alone(encoder: Encoder) -> None:
    predictor = LocalPredictor(encoder.loaded, encoder, Evaluate(batch_size=4, max_new_tokens=12))
    together = predictor.predict(documents())
    for example, answers in zip(documents(), together, strict=True):
        alone = predictor.predict([example])[0][0]
        assert (alone.text, alone.finish, alone.tokens) == (answers[0].text, answers[0].finish, answers[0].tokens)
        assert alone.logprob == pytest.approx(answers[0].logprob, abs=1e-4)


def test_other_pages_are_other_answers(encoder: Encoder) -> None:
    """The last page reaches the logits as the first does."""
    model = encoder.loaded.model
    first = documents()[3]
    pages = document(3 * len(first.truth["text"]), width=128, height=128, font_size=8).images[3:6]
    losses = []
    for images in (first.images, (pages[0], *first.images[1:]), (*first.images[:-1], pages[2])):
        with torch.no_grad():
            encoding = encoder.encode(first.with_images(images))
            losses.append(float(loss_per_example(model, collate([encoding], encoder.pad_id))[0]))
    assert min(abs(a - b) for a, b in itertools.combinations(losses, 2)) > 2e-4, losses


GEOMETRY: dict[str, dict[str, Any]] = {
    "deepseek_ocr2": {"picture": 1024},
    "unlimited_ocr": {"picture": 1024, "patch": 16},
    "granite_docling": {"picture": 512},
    "qwen2_5_vl": {"picture": 4096},
}
"""Small instances with the published models' own sizes of pictures, patches and tiles."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = small.build(name, tmp_path_factory.mktemp(name), **GEOMETRY[name])
        return made[name]

    return folder


def open_as(folder: Path, pictures: Any) -> Encoder:
    return Encoder(load_model(Model(base=str(folder), freeze=(), pictures=pictures)))


@pytest.mark.parametrize(
    ("name", "mode", "size", "tokens"),
    [
        ("unlimited_ocr", "tiny", {"size": "tiny"}, 73),
        pytest.param("unlimited_ocr", "small", {"size": "small"}, 111, marks=pytest.mark.slow),
        ("unlimited_ocr", "base", {"size": "base"}, 273),
        pytest.param("unlimited_ocr", "large", {"size": "large"}, 421, marks=pytest.mark.slow),
        ("unlimited_ocr", "gundam", {"size": "gundam"}, 693),
        pytest.param("deepseek_ocr2", "small", {"width": 768, "height": 768}, 145, marks=pytest.mark.slow),
        ("deepseek_ocr2", "base", {"size": "base"}, 257),
        pytest.param("deepseek_ocr2", "gundam", {"width": 1536, "height": 1536}, 833, marks=pytest.mark.slow),
        pytest.param("granite_docling", None, {"size": "tiny"}, 67, marks=pytest.mark.slow),
        ("granite_docling", None, {"size": "base"}, 333),
        ("qwen2_5_vl", None, {"width": 1008, "height": 1008}, 36 * 36 + 2),
    ],
)
def test_a_page_of_a_familys_own_size_reaches_the_encoder_unchanged(
    published: Any, name: str, mode: str | None, size: dict[str, Any], tokens: int
) -> None:
    """Every pixel: nothing is resized between the page engine and the vision encoder."""
    encoder = open_as(published(name), mode)
    example = document(2500, most=1, **size)
    page = np.asarray(PIL.Image.open(io.BytesIO(example.images[0].bytes)).convert("RGB"), dtype=np.float32)
    seen = sight_of(published(name), mode).picture(page.shape[1], page.shape[0])
    around = 1 if "ocr" in name else 0  # the newline of the small instances' template
    assert seen.scale == 1.0 and (seen.width, seen.height) == (page.shape[1], page.shape[0])
    assert abs(seen.tokens - around - tokens) <= (2 if name == "granite_docling" else 0)

    pictures = encoder.processor.image_processor
    mean, std = (np.array(value, dtype=np.float32) for value in (pictures.image_mean, pictures.image_std))
    want = (page / np.float32(255) - mean) / std
    found = unscaled_view(encoder, example, page.shape[0])
    np.testing.assert_allclose(found, want, atol=1e-5)


def unscaled_view(encoder: Encoder, example: Example, side: int) -> np.ndarray:
    """The page of an example as the encoder gets it, put together from its tiles or patches: [side, side, 3]."""
    encoding = encoder.encode_prompt(example)
    assert encoding.pixel_values is not None
    pixels = encoding.pixel_values.numpy()
    if "image_grid_thw" in encoding.extra:
        patch, merge = encoder.processor.image_processor.patch_size, encoder.processor.image_processor.merge_size
        count = side // patch // merge
        parts = pixels.reshape(count, count, merge, merge, 3, 2, patch, patch)[:, :, :, :, :, 0]
        return parts.transpose(0, 2, 5, 1, 3, 6, 4).reshape(side, side, 3)
    if "pixel_values_local" in encoding.extra:
        pixels = encoding.extra["pixel_values_local"].numpy()
    tiles = pixels.reshape(-1, *pixels.shape[-3:])
    count = side // tiles.shape[-1]
    return (
        tiles[: count * count]
        .reshape(count, count, *tiles.shape[1:])
        .transpose(0, 3, 1, 4, 2)
        .reshape(side, side, 3)
    )


@pytest.mark.parametrize(
    ("name", "mode", "size"),
    [
        ("unlimited_ocr", "base", {"size": "base"}),
        pytest.param("deepseek_ocr2", "base", {"size": "base"}, marks=pytest.mark.slow),
        ("granite_docling", None, {"size": "base"}),
        pytest.param("qwen2_5_vl", None, {"width": 1008, "height": 1008}, marks=pytest.mark.slow),
    ],
)
def test_a_document_of_17000_characters_is_some_pages_and_none_is_squeezed(
    published: Any, name: str, mode: str | None, size: dict[str, Any]
) -> None:
    encoder = open_as(published(name), mode)
    example = document(LONG, font_size=14, **size)
    sight = sight_of(published(name), mode)
    page = sight.picture(1008, 1008) if name == "qwen2_5_vl" else sight.picture(1024, 1024)
    encoding = encoder.encode(example)
    pages = len(example.images)
    assert 3 <= pages <= 8 and page.scale == 1.0
    written = int((encoding.input_ids == encoder.family.image_token(encoder.loaded.model)).sum())
    assert 0 < pages * page.tokens - written <= pages * 16  # what is written between and about the pictures
    assert int(encoding.labels[-1]) in encoder.end_ids


@pytest.mark.parametrize("name", ["unlimited_ocr", "deepseek_ocr2"])
def test_a_checkpoint_keeps_how_its_model_sees(tmp_path: Path, name: str) -> None:
    """The recipe's pictures are in the saved processor: who opens it has the same ids and pixels."""
    folder = small.build(name, tmp_path / "base")
    side = 96
    pictures = {"size": {"height": side, "width": side}, "tile_size": side, "crop_to_patches": False}
    loaded = load_model(Model(base=str(folder), freeze=(), pictures=pictures))
    save_model(loaded, tmp_path / "saved")
    example = documents()[1]
    trained, served = (
        Encoder(loaded).encode(example),
        Encoder(load_checkpoint(tmp_path / "saved")).encode_prompt(example),
    )
    plain = Encoder(load_checkpoint(folder)).encode_prompt(example)
    assert torch.equal(trained.input_ids[: trained.prompt_length], served.input_ids)
    assert trained.pixel_values is not None and served.pixel_values is not None and plain.pixel_values is not None
    assert torch.equal(trained.pixel_values, served.pixel_values)
    assert plain.pixel_values.shape != served.pixel_values.shape


@pytest.mark.parametrize(
    ("pictures", "says"),
    [
        ("huge", "no way of seeing called 'huge'"),
        ({"tilesize": 96}, "no setting 'tilesize'"),
        ({"size": "wide"}, "refuses these settings"),
        ({"tile_size": 64}, "features where the prompt has"),
    ],
)
def test_ways_of_seeing_that_cannot_be_are_refused(tmp_path: Path, pictures: Any, says: str) -> None:
    folder = small.build("deepseek_ocr2", tmp_path)
    with pytest.raises(RecipeError, match=says) as caught:
        load_model(Model(base=str(folder), freeze=(), pictures=pictures))
    assert caught.value.where == "model.pictures"


def test_the_tiny_model_has_its_own_size() -> None:
    with pytest.raises(RecipeError, match="of one size"):
        load_model(Model(freeze=(), pictures="base"), texts=["a"])
