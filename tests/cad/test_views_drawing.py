"""Views: what lies where on the picture, the same bits every time, and the scale in the file."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from redraft.core.errors import Refusal, UsageError
from redraft.tasks.cad.views.drawing import draw_views
from redraft.tasks.cad.views.lines import NAMES, Polyline, ViewLines
from redraft.tasks.cad.views.png import encode_gray, read_scale
from redraft.tasks.cad.views.sheet import draw_sheet
from redraft.tasks.cad.views.strokes import dashes, united, without
from redraft.tasks.cad.views.style import ViewStyle

SIDES = (100.0, 60.0, 25.0)


def gray(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "RGB"
        pixels = np.asarray(image)
    assert (pixels[:, :, 0] == pixels[:, :, 1]).all() and (pixels[:, :, 1] == pixels[:, :, 2]).all()
    return pixels[:, :, 0]


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[Polyline]:
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    return [np.array([a, b]) for a, b in pairwise(corners)]


def ring(x: float, y: float, r: float, count: int = 96) -> Polyline:
    angle = np.linspace(0, 2 * np.pi, count + 1)
    points = np.column_stack((x + r * np.cos(angle), y + r * np.sin(angle)))
    points[-1] = points[0]
    return points


def box_lines(shift: float = 0.0, noise: float = 0.0) -> dict[str, ViewLines]:
    """A plate of SIDES with a through hole at (30, 20), as a projection would give it."""
    width, depth, height = SIDES
    rng = np.random.default_rng(1)

    def moved(lines: list[Polyline]) -> list[Polyline]:
        return [line + shift + noise * rng.uniform(-1, 1, line.shape) for line in lines]

    return {
        "front": ViewLines(
            moved(rectangle(0, 0, width, height)), moved([np.array([(x, 0.0), (x, height)]) for x in (22.0, 38.0)])
        ),
        "top": ViewLines(moved([*rectangle(0, 0, width, depth), ring(30, 20, 8)]), []),
        "right": ViewLines(
            moved(rectangle(0, 0, depth, height)), moved([np.array([(y, 0.0), (y, height)]) for y in (12.0, 28.0)])
        ),
    }


def draw(lines: dict[str, ViewLines], style: ViewStyle | None = None, shift: float = 0.0) -> dict[str, bytes]:
    low = (shift,) * 3
    high = tuple(side + shift for side in SIDES)
    return draw_views(lines, low, high, style or ViewStyle())[0]


def ink_box(picture: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero((picture < 128).any(axis=1)), np.flatnonzero((picture < 128).any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_views_are_512_rgb_and_lie_on_a_common_scale() -> None:
    images, scale = draw_views(box_lines(), (0, 0, 0), SIDES, ViewStyle())
    assert tuple(images) == NAMES
    assert scale == pytest.approx(100 / 448, rel=1e-3)
    boxes = {name: ink_box(gray(png)) for name, png in images.items()}
    # 100 mm are 448 pixels between line middles, 2 pixels of line beside; 60 mm are 268.8, 25 mm are 112.
    assert boxes["front"] == (31, 199, 481, 313)
    assert boxes["top"] == (31, 121, 481, 391)
    assert boxes["right"] == (121, 199, 391, 313)
    assert all(gray(png).shape == (512, 512) for png in images.values())


def test_front_and_top_share_x_front_and_right_share_z() -> None:
    images = {name: gray(png) for name, png in draw(box_lines()).items()}
    dashed = np.flatnonzero((images["front"][230:280] < 128).any(axis=0))
    hole = np.flatnonzero((images["top"] < 128)[289:312, 100:200].any(axis=0)) + 100
    # The hole's sides are dashed in front and the ring's outermost points on top.
    assert abs(int(dashed[(dashed > 100) & (dashed < 200)][0]) - int(hole[0])) <= 1
    assert ink_box(images["front"])[1::2] == ink_box(images["right"])[1::2]


def test_up_is_up_and_right_is_right() -> None:
    lines = box_lines()
    lines["front"] = ViewLines([*lines["front"].visible, *rectangle(80, 20, 95, 24)], [])
    picture = gray(draw(lines)["front"]) < 128
    inner = picture[202:310, 40:470]
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    assert rows.max() + 202 < 256 and columns.min() + 40 > 256


def test_the_file_says_the_scale_exactly() -> None:
    for sides in (SIDES, (7.3, 1.0, 2.0), (2999.0, 10.0, 10.0), (33.0, 31.7, 3.0)):
        images, scale = draw_views(box_lines(), (0, 0, 0), sides, ViewStyle())
        assert {read_scale(png) for png in images.values()} == {scale}
        # The longest side is drawn shorter than 448 pixels by less than its metres, in pixels.
        assert 0 <= 448 - max(sides) / scale <= max(sides) / 1000 + 1e-6
    with Image.open(io.BytesIO(images["front"])) as opened:
        assert opened.info["dpi"][0] == pytest.approx(25.4 / scale, rel=1e-6)


def test_the_pixels_are_held() -> None:
    """A change here changes what every trained model sees: raise the task's revision with it."""
    images = draw(box_lines())
    held = {name: hashlib.sha256(gray(images[name]).tobytes()).hexdigest()[:16] for name in ("front", "right")}
    assert held == {"front": "ae11186e74df3019", "right": "65b511850fa7f4f3"}
    # Curves pass through skia's smoothing: their ink is held, to the last of its five shades.
    top = gray(images["top"])
    assert [int((top == shade).sum()) for shade in (0, 64, 128, 191)] == [3156, 96, 97, 116]


def test_kernel_noise_moves_no_pixel() -> None:
    plain = draw(box_lines())
    assert draw(box_lines()) == plain
    for _ in range(5):
        assert draw(box_lines(noise=2e-9)) == plain
    assert draw(box_lines(shift=1234.5, noise=2e-9), shift=1234.5) == plain


def test_straight_lines_are_black_or_white_alone() -> None:
    front = gray(draw(box_lines())["front"])
    assert set(np.unique(front)) == {0, 255}
    assert set(np.unique(gray(draw(box_lines())["top"]))) <= {0, 64, 128, 191, 255}


def test_hidden_lines_are_dashed_and_end_with_a_dash() -> None:
    column = gray(draw(box_lines())["front"])[:, 256 - 224 + round(22 * 4.48)]
    inked = np.flatnonzero(column[202:310] == 0)
    runs = np.split(inked, np.flatnonzero(np.diff(inked) > 1) + 1)
    assert 8 <= len(runs) <= 12
    assert all(4 <= len(run) <= 9 for run in runs[1:-1])
    assert inked[0] <= 1 and inked[-1] >= 106


def test_straight_hidden_lines_leave_visible_ones_alone() -> None:
    lines = box_lines()
    doubled = {
        n: ViewLines(v.visible, [*v.hidden, *(x for x in v.visible if len(x) == 2)]) for n, v in lines.items()
    }
    assert draw(doubled) == draw(lines)
    assert draw(lines, ViewStyle(hidden_width=0)) == draw(
        {n: ViewLines(v.visible) for n, v in lines.items()}, None
    )


def test_an_outline_in_one_piece_is_drawn_as_its_sides() -> None:
    width, _, height = SIDES
    corners = [(0, 0), (width, 0), (width, height), (10, height), (0, height - 10), (0, 0)]
    whole = [np.array(corners, float)]
    apart = [np.array([a, b], float) for a, b in pairwise(corners)]
    assert draw({"front": ViewLines(whole)}) == draw({"front": ViewLines(apart)})
    assert ink_box(gray(draw({"front": ViewLines(whole)})["front"])) == (31, 199, 481, 313)


def test_the_style_is_obeyed() -> None:
    big = draw(box_lines(), ViewStyle(size=256, margin=16, line_width=3))
    picture = gray(big["front"])
    assert picture.shape == (256, 256)
    assert ink_box(picture)[0] in (14, 15, 16)
    column = (picture[:, 128] == 0).sum()
    assert column == 6  # two edges of three pixels
    with_note = gray(draw(box_lines(), ViewStyle(size_note=True))["front"])
    without_note = gray(draw(box_lines())["front"])
    assert (with_note[:480] == without_note[:480]).all()
    assert (with_note[490:506, 8:160] < 128).any()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"size": 12}, "size"),
        ({"size": 512.5}, "size"),
        ({"size": True}, "size"),
        ({"margin": 250}, "margin"),
        ({"line_width": float("nan")}, "line_width"),
        ({"hidden_width": -1}, "hidden_width"),
        ({"dash": [3]}, "dash"),
        ({"dash": "ab"}, "dash"),
        ({"dash": [0, 4]}, "dash"),
        ({"size_note": "yes"}, "size_note"),
        ({"line_widht": 3}, "Did you mean 'line_width'"),
    ],
)
def test_a_wrong_style_is_refused_by_name(given: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        ViewStyle.from_data(given)


def test_a_style_survives_as_data() -> None:
    style = ViewStyle(size=384, dash=(5.0, 3.5), size_note=True)
    assert ViewStyle.from_data(style.as_data()) == style
    assert ViewStyle.from_data({}) == ViewStyle()


@pytest.mark.parametrize("high", [(0, 0, 0), (float("nan"), 1, 1), (1, 1), (float("inf"), 1, 1)])
def test_a_box_that_is_none_is_refused(high: tuple[float, ...]) -> None:
    with pytest.raises(Refusal):
        draw_views(box_lines(), (0, 0, 0), high, ViewStyle())


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 40)), elements=st.sampled_from([0, 128, 255])),
    st.integers(0, 80),
)
def test_pictures_survive_encoding(picture: np.ndarray, repeat: int) -> None:
    picture = np.concatenate((picture, np.repeat(picture[-1:], repeat, axis=0), picture[::-1]))
    png = encode_gray(picture, 4480)
    assert (gray(png) == picture).all()
    assert read_scale(png) == 1000 / 4480
    assert read_scale(encode_gray(picture)) is None


def test_the_scale_is_only_read_where_it_is_one() -> None:
    picture = np.full((40, 40), 255, np.uint8)
    whole = encode_gray(picture, 5000)
    at = whole.index(b"pHYs")

    def with_phys(x: int, y: int, unit: int) -> bytes:
        body = b"pHYs" + struct.pack(">IIB", x, y, unit)
        return whole[:at] + body + struct.pack(">I", zlib.crc32(body)) + whole[at + 17 :]

    assert read_scale(with_phys(5000, 5000, 1)) == 0.2
    assert read_scale(with_phys(5000, 4000, 1)) is None
    assert read_scale(with_phys(5000, 5000, 0)) is None
    assert read_scale(with_phys(0, 0, 1)) is None
    assert read_scale(b"not a picture") is None
    assert all(read_scale(whole[:n]) in (None, 0.2) for n in range(len(whole)))


def test_a_sheet_holds_the_views_pixel_for_pixel() -> None:
    images = draw(box_lines())
    sheet = draw_sheet(images)
    page = gray(sheet)
    assert page.shape == (1024, 1024)
    assert (page[512:, :512] == gray(images["front"])).all()
    assert (page[:512, :512] == gray(images["top"])).all()
    assert (page[512:, 512:] == gray(images["right"])).all()
    assert (page[:512, 512:] == 255).all()
    assert read_scale(sheet) == read_scale(images["front"])


@given(st.floats(1, 2000), st.floats(1, 60), st.floats(1, 60))
def test_dashes_begin_and_end_a_line(length: float, on: float, off: float) -> None:
    line = np.array([[0.0, 0.0], [length, 0.0]])
    pieces = dashes(line, on, off)
    assert pieces[0][0, 0] == 0 and pieces[-1][-1, 0] == pytest.approx(length)
    lengths = [float(p[-1, 0] - p[0, 0]) for p in pieces]
    assert max(lengths) - min(lengths) < 1e-6 * length + 1e-9
    if len(pieces) > 1:
        gap = float(pieces[1][0, 0] - pieces[0][-1, 0])
        assert gap / lengths[0] == pytest.approx(off / on, rel=1e-6)
        assert 0.5 < lengths[0] / on < 1.7


spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda s: (float(s[0]), float(s[0] + s[1]))), max_size=8
)


@given(spans, spans)
def test_intervals_are_sets_of_points(runs: list[tuple[float, float]], covers: list[tuple[float, float]]) -> None:
    def points(intervals: list[tuple[float, float]]) -> set[float]:
        return {x + 0.5 for x in range(90) if any(a < x + 0.5 < b for a, b in intervals)}

    whole = united(runs)
    assert points(whole) == points(runs)
    assert all(a[1] < b[0] for a, b in pairwise(whole))
    assert points(without(whole, united(covers))) == points(runs) - points(covers)
