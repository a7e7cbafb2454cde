"""Pictures of an evaluation are packed where they were only stored, and stay the same pictures."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pictures

from redraft.core.discovery import load_task
from redraft.core.example import Example, Image
from redraft.inference.held import SMALLEST, held, packed


def png(pixels: np.ndarray, level: int, **chunks) -> bytes:
    data = io.BytesIO()
    Pictures.fromarray(pixels).save(data, "PNG", compress_level=level, **chunks)
    return data.getvalue()


def text_like(seed: int, size: int = 300) -> np.ndarray:
    source = np.random.default_rng(seed)
    return np.where(source.random((size, size)) < 0.05, source.integers(0, 200, (size, size)), 255).astype(
        np.uint8
    )


def test_stored_pages_shrink_and_keep_pixels_and_size_in_the_world() -> None:
    pixels = text_like(1)
    data = png(pixels, 0, dpi=(300, 300))
    small = packed(data)
    assert len(small) < len(data) / 3
    with Pictures.open(io.BytesIO(small)) as picture:
        picture.verify()
    with Pictures.open(io.BytesIO(small)) as picture:
        assert (np.asarray(picture) == pixels).all()
        assert round(picture.info["dpi"][0]) == 300
    assert packed(small) == small


def test_other_data_stays_as_it_is() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    stored = png(text_like(2), 0)
    for data in (b"", b"x" * 2 * SMALLEST, png(noise, 6), png(text_like(2), 9), stored[: len(stored) // 2]):
        assert packed(data) == data


@given(st.integers(0, 90_000), st.integers(0, 255))
@settings(max_examples=60)
def test_a_spoilt_file_is_never_made_readable(place: int, value: int) -> None:
    stored = bytearray(png(text_like(3), 0))
    stored[place] = value
    data = packed(bytes(stored))
    if data != bytes(stored):
        assert pixels_of(data) == pixels_of(bytes(stored)) or pixels_of(bytes(stored)) is None


def pixels_of(data: bytes) -> bytes | None:
    try:
        with Pictures.open(io.BytesIO(data)) as picture:
            return picture.tobytes()
    except Exception:
        return None


def test_pages_of_a_document_are_held_packed() -> None:
    task = load_task("summary")
    options = task.options({})
    truth = {"text": "A page of some words. " * 60, "format": "text", "summary": "Words."}
    example = Example("d", task.draw(truth, 0, options), task.messages(truth, options), truth)
    assert sum(len(image.bytes) for image in example.images) > 1_000_000
    kept = next(held(iter([example])))
    assert sum(len(image.bytes) for image in kept.images) < 200_000
    assert [pixels_of(image.bytes) for image in kept.images] == [
        pixels_of(image.bytes) for image in example.images
    ]
    assert kept.messages == example.messages and kept.images[0].path == "page-001.png"
    photograph = Example("e", (Image("a.jpg", b"\xff\xd8" * SMALLEST),), (), {})
    assert list(held([photograph])) == [photograph]
