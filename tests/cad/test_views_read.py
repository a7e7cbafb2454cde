"""A person's pictures: what is accepted, how it is fitted, what is refused and how."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redraft.core.errors import InputError, RedraftError, UsageError
from redraft.tasks.cad.views.drawing import draw_views
from redraft.tasks.cad.views.lines import NAMES, Polyline, ViewLines
from redraft.tasks.cad.views.read import read_pictures, views_from
from redraft.tasks.cad.views.sheet import draw_sheet
from redraft.tasks.cad.views.style import ViewStyle

SIDES = (120.0, 80.0, 40.0)


def rectangle(wide: float, high: float, cut: float) -> list[Polyline]:
    corners = [(0, 0), (wide, 0), (wide, high), (cut, high), (0, high - cut), (0, 0)]
    return [np.array(corners, float)]


def part(style: ViewStyle | None = None, sides: tuple[float, float, float] = SIDES) -> dict[str, bytes]:
    w, d, h = sides
    lines = {
        "front": ViewLines(rectangle(w, h, 10)),
        "top": ViewLines(rectangle(w, d, 20)),
        "right": ViewLines(rectangle(d, h, 5), [np.array([(0.0, h / 2), (d, h / 2)])]),
    }
    return draw_views(lines, (0, 0, 0), sides, style or ViewStyle())[0]


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("L")


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def three(images: dict[str, bytes]) -> list[tuple[bytes, str]]:
    return [(images[name], f"{name}.png") for name in NAMES]


def difference(a: bytes, b: bytes) -> float:
    return float(np.abs(np.asarray(opened(a), float) - np.asarray(opened(b), float)).mean())


def test_own_pictures_come_through_unchanged_with_their_size() -> None:
    images = part()
    views = views_from(three(images))
    assert [image.bytes for image in views.images] == [images[name] for name in NAMES]
    assert [image.path for image in views.images] == ["front.png", "top.png", "right.png"]
    assert views.size_mm == pytest.approx(SIDES, abs=0.3)
    assert views.shares == pytest.approx((1.0, 2 / 3, 1 / 3), abs=0.003)
    assert views.notes == ()


def test_a_sheet_is_the_same_as_its_three_views(tmp_path: Path) -> None:
    images = part()
    assert views_from([(draw_sheet(images), "sheet.png")]) == views_from(three(images))
    (tmp_path / "anything.png").write_bytes(draw_sheet(images))
    assert read_pictures([tmp_path]) == views_from(three(images))


def test_a_folder_is_the_same_as_its_files(tmp_path: Path) -> None:
    images = part()
    for name, data in images.items():
        (tmp_path / f"{name.upper()}.png").write_bytes(data)
    (tmp_path / "notes.txt").write_text("not a picture")
    files = [tmp_path / f"{name.upper()}.png" for name in NAMES]
    assert read_pictures([tmp_path]) == read_pictures(files) == views_from(three(images))


@pytest.mark.parametrize(("zoom", "shape"), [(3.0, (1700, 1800)), (0.8, (500, 420)), (7.0, (3600, 3600))])
def test_pictures_of_another_size_are_fitted(zoom: float, shape: tuple[int, int]) -> None:
    images = part()
    other = {}
    for name, data in images.items():
        side = round(512 * zoom)
        page = Image.new("L", (max(shape[0], side), max(shape[1], side)), 255)
        page.paste(opened(data).resize((side, side), Image.Resampling.LANCZOS), (0, 0))
        other[name] = saved(page)
    views = views_from(three(other))
    for image, name in zip(views.images, NAMES, strict=True):
        assert opened(image.bytes).size == (512, 512)
        assert difference(image.bytes, images[name]) < 4
        assert abs(int(np.asarray(opened(image.bytes)).min())) < 60
    assert views.size_mm is None and views.mm_per_pixel is None
    assert views.shares == pytest.approx((1.0, 2 / 3, 1 / 3), abs=0.01)


def test_the_scale_follows_the_fitting() -> None:
    images = {name: opened(data).resize((1024, 1024), Image.Resampling.LANCZOS) for name, data in part().items()}
    # 120 mm were 448 pixels and are 896: 7467 pixels a metre, 189.65 an inch.
    big = {name: saved(image, dpi=(189.65, 189.65)) for name, image in images.items()}
    views = views_from(three(big))
    assert views.size_mm == pytest.approx(SIDES, abs=0.6)
    assert views.mm_per_pixel == pytest.approx(120 / 448, rel=0.01)
    screen = {name: saved(image, dpi=(96, 96)) for name, image in images.items()}
    views = views_from(three(screen))
    assert views.size_mm is None and any("screen" in note for note in views.notes)
    mixed = {**big, "top": saved(images["top"], dpi=(250, 250))}
    views = views_from(three(mixed))
    assert views.size_mm is None and any("different scales" in note for note in views.notes)


def test_views_of_different_scales_are_brought_to_one() -> None:
    images = {name: opened(data) for name, data in part().items()}
    images["top"] = images["top"].resize((800, 800), Image.Resampling.LANCZOS)
    views = views_from(three({name: saved(image) for name, image in images.items()}))
    assert any("brought to one" in note for note in views.notes)
    assert views.shares == pytest.approx((1.0, 2 / 3, 1 / 3), abs=0.01)
    assert difference(views.images[1].bytes, part()["top"]) < 4


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "I;16", "F", "L"])
def test_every_mode_reads_the_same(mode: str) -> None:
    images = part()
    made = {}
    for name, data in images.items():
        image = opened(data)
        if mode == "RGBA":
            image = Image.merge("RGBA", (*[Image.new("L", image.size, 0)] * 3, image.point(lambda v: 255 - v)))
        elif mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        elif mode == "1":
            image = image.convert("1", dither=Image.Dither.NONE)
        else:
            image = image.convert(mode)
        made[name] = saved(image, "TIFF" if mode in ("CMYK", "F") else "PNG")
    views = views_from(three(made))
    for image, name in zip(views.images, NAMES, strict=True):
        assert difference(image.bytes, images[name]) < 2


def test_white_on_black_and_jpeg_are_read() -> None:
    images = part()
    dark = {
        name: saved(opened(data).point(lambda v: 255 - v), "JPEG", quality=90) for name, data in images.items()
    }
    views = views_from(three(dark))
    assert all(difference(image.bytes, images[name]) < 3 for image, name in zip(views.images, NAMES, strict=True))


def test_a_foreign_sheet_is_split_in_the_white() -> None:
    images = {name: np.asarray(opened(data)) for name, data in part().items()}
    page = np.full((500, 900), 255, np.uint8)
    for name, (y, x) in {"top": (10, 20), "front": (340, 20), "right": (340, 520)}.items():
        ink = images[name] < 128
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        piece = images[name][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        page[y : y + piece.shape[0], x : x + piece.shape[1]] = piece
    views = views_from([(saved(Image.fromarray(page)), "mine.png")])
    for image, (_name, data) in zip(views.images, part().items(), strict=True):
        assert difference(image.bytes, data) < 4


def test_swapped_views_are_named_with_the_mending_order() -> None:
    images = part()
    swapped = [(images["top"], "a.png"), (images["front"], "b.png"), (images["right"], "c.png")]
    with pytest.raises(InputError) as caught:
        views_from(swapped)
    assert "depth is" in caught.value.what and "height is" in caught.value.what
    assert "b.png as front, a.png as top, c.png as right" in caught.value.remedy
    views = views_from(swapped, check=False)
    assert any("disagree" in note for note in views.notes)


def test_a_view_of_another_part_is_refused() -> None:
    images = part()
    images["right"] = part(sides=(100, 100, 100))["right"]
    with pytest.raises(InputError, match="disagree"):
        views_from(three(images))


WHITE = saved(Image.new("RGB", (512, 512), "white"))
BROKEN = {
    "empty": (b"", "empty"),
    "text": (b"front view of a bracket", "known format"),
    "cut": (part()["front"][:700], "broken or cut off"),
    "header": (part()["front"][:20], "known format|broken"),
    "garbled": (part()["front"][:300] + bytes(range(256)) + part()["front"][556:], "broken or cut off"),
    "white": (WHITE, "nothing"),
    "black": (saved(Image.new("L", (512, 512), 0)), "nothing"),
    "tiny": (saved(Image.new("L", (8, 8), 0)), "too few"),
    "bomb": (saved(Image.new("1", (30_000, 30_000))), "million pixels|too many"),
    "pages": (
        saved(Image.new("L", (64, 64)), "TIFF", save_all=True, append_images=[Image.new("L", (64, 64))]),
        "pages",
    ),
    "clear": (saved(Image.new("RGBA", (512, 512), (0, 0, 0, 0))), "nothing"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.filterwarnings("error")
def test_bad_pictures_are_refused_in_a_sentence(kind: str, tmp_path: Path) -> None:
    data, word = BROKEN[kind]
    for name, good in part().items():
        (tmp_path / f"{name}.png").write_bytes(good)
    (tmp_path / "top.png").write_bytes(data)
    with pytest.raises(InputError, match=word) as caught:
        read_pictures([tmp_path])
    assert caught.value.where.endswith("top.png") and caught.value.remedy and "\n" not in str(caught.value)


def test_every_cut_picture_is_refused() -> None:
    images = part()
    for end in range(0, len(images["front"]) - 40, 37):
        with pytest.raises(RedraftError):
            views_from(three({**images, "front": images["front"][:end]}))


def test_wrong_use_is_told_apart_from_bad_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such picture"):
        read_pictures([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"])
    with pytest.raises(UsageError, match="2 pictures"):
        read_pictures([tmp_path / "a.png", tmp_path / "b.png"])
    (tmp_path / "front.png").write_bytes(part()["front"])
    (tmp_path / "top.png").write_bytes(part()["top"])
    with pytest.raises(InputError, match="no picture named right"):
        read_pictures([tmp_path])
    with pytest.raises(InputError, match="told apart"):
        read_pictures([tmp_path / "front.png"])


def test_a_size_note_does_not_disturb_the_reading() -> None:
    style = ViewStyle(size_note=True)
    views = views_from(three(part(style)), style)
    assert views.size_mm == pytest.approx(SIDES, abs=0.3)
    assert [image.bytes for image in views.images] == list(part(style).values())
