"""Views of parts: the right lines, seen or hidden, by both projections."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_parts import BOX, CROSS_HOLE, FLANGE, HOLLOW, SLOTTED, SOUND, circle, extrude, part, polygon

from redraft.tasks.cad.dialects import read_program
from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.jobs import JOBS
from redraft.tasks.cad.kernel.occ.build import build
from redraft.tasks.cad.kernel.occ.project import views
from redraft.tasks.cad.program import Plane
from redraft.tasks.cad.program.codec import to_data
from redraft.tasks.cad.views.lines import NAMES

EXACT = ("00000069", "00001010", "00003877", "00005081", "00633023")


def lengths(lines):
    return [float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in lines]


def totals(shown):
    return {
        (name, kind): sum(lengths(getattr(shown[name], kind))) for name in NAMES for kind in ("visible", "hidden")
    }


def box_of(view):
    points = np.concatenate(view.visible)
    return [*points.min(axis=0), *points.max(axis=0)]


@pytest.mark.parametrize("exact", [True, False])
def test_a_box_shows_its_outline_from_every_side(exact):
    shown = views(build(BOX), exact)
    assert {name: len(view.visible) for name, view in shown.items()} == {"front": 4, "top": 4, "right": 4}
    assert all(view.hidden == [] for view in shown.values())
    assert box_of(shown["front"]) == pytest.approx([0, 0, 30, 10], abs=1e-6)
    assert box_of(shown["top"]) == pytest.approx([0, 0, 30, 20], abs=1e-6)
    assert box_of(shown["right"]) == pytest.approx([0, 0, 20, 10], abs=1e-6)


def test_views_look_from_the_front_from_above_and_from_the_right():
    """A small peg on one side of a block is seen from that side and hidden from the other."""
    block = extrude(polygon((0, 0), (30, 0), (30, 20), (0, 20)), 10)
    # Normal to the peg's direction; the peg's plane lies inside the block.
    sides = {
        "front": (Plane((15, 1, 5), (0, -1, 0), (1, 0, 0)), Plane((15, 19, 5), (0, 1, 0), (1, 0, 0))),
        "top": (Plane((15, 10, 9)), Plane((15, 10, 1), (0, 0, -1), (1, 0, 0))),
        "right": (Plane((29, 10, 5), (1, 0, 0), (0, 1, 0)), Plane((1, 10, 5), (-1, 0, 0), (0, 1, 0))),
    }
    for name, (near, far) in sides.items():
        toward = views(build(part(block, extrude(circle(3), 4, "join", plane=near))))[name]
        away = views(build(part(block, extrude(circle(3), 4, "join", plane=far))))[name]
        assert (len(toward.visible), len(toward.hidden)) == (5, 0), name
        assert (len(away.visible), len(away.hidden)) == (4, 1), name
        assert sum(lengths(away.hidden)) == pytest.approx(math.tau * 3, rel=1e-3)


def test_holes_are_circles_from_above_and_dashed_pairs_from_the_side():
    shown = views(build(FLANGE))
    assert len(shown["top"].visible) == 4 + 4 + 2
    assert shown["top"].hidden == []
    # Two hole columns and the bore: six dashed lines, each through its own height.
    assert sorted(lengths(shown["front"].hidden)) == pytest.approx([8, 8, 8, 8, 28, 28])


def test_tangent_edges_are_not_drawn():
    """A slot's straight sides go over into its ends: from the side there is no line where they meet."""
    shown = views(build(SLOTTED))
    assert sorted(lengths(shown["front"].visible)) == pytest.approx([6, 6, 60, 60])
    # The inner slot's half circles reach to +-25, the right view sees its sides at +-5.
    assert sorted(lengths(shown["front"].hidden)) == pytest.approx([6, 6])
    assert sorted(lengths(shown["right"].hidden)) == pytest.approx([6, 6])


def test_a_cavity_is_hidden_from_everywhere():
    shown = views(build(HOLLOW))
    for name in NAMES:
        assert sorted(lengths(shown[name].visible)) == pytest.approx([20] * 4)
        assert sorted(lengths(shown[name].hidden)) == pytest.approx([10] * 4)


def test_smooth_surfaces_show_no_facets():
    shown = views(build(part(extrude(circle(10), 30))), exact=False)
    assert sorted(lengths(shown["front"].visible)) == pytest.approx([20, 20, 30, 30], rel=1e-3)
    assert len(shown["top"].visible) == 1
    assert all(view.hidden == [] for view in shown.values())


@pytest.mark.parametrize("name", sorted(SOUND.keys() - {"cross hole"}))
def test_both_projections_draw_the_same(name):
    program = SOUND[name]
    exact, fast = totals(views(build(program), True)), totals(views(build(program), False))
    largest = max(JOBS["measure"]({"program": to_data(program)})["bbox_mm"])
    for key in exact:
        assert fast[key] == pytest.approx(exact[key], rel=0.005, abs=0.01 * largest), key


@pytest.mark.parametrize("name", EXACT)
def test_both_projections_draw_real_histories_the_same(shared_data, name):
    program = read_program((shared_data / "deepcad" / f"{name}.json").read_bytes())[0]
    exact, fast = totals(views(build(program), True)), totals(views(build(program), False))
    for key, value in exact.items():
        assert fast[key] == pytest.approx(value, rel=0.005, abs=1e-6), key


def test_only_the_exact_projection_draws_a_flat_strip_that_runs_on_smoothly(shared_data):
    """A wall of the real part is flat for 9.5 mm between two curves that bend opposite ways: no outline, no edge.

    Seen from its side it is a line all the same, which the exact projection draws and the fast one leaves out.
    """
    program = read_program((shared_data / "deepcad" / "00003999.json").read_bytes())[0]
    exact, fast = views(build(program), True)["right"], views(build(program), False)["right"]
    assert sorted(lengths(exact.hidden)) == pytest.approx([4, 4, 4])
    assert sorted(lengths(fast.hidden)) == pytest.approx([4, 4])
    assert sum(lengths(exact.visible)) == pytest.approx(sum(lengths(fast.visible)), rel=1e-3)


def test_the_shape_decides_which_projection_draws_it():
    """Holes across a cylinder make edges that are no conics: the exact projection would take seconds."""
    shown, fast = views(build(CROSS_HOLE)), views(build(CROSS_HOLE), False)
    assert totals(shown) == totals(fast)
    assert totals(views(build(FLANGE))) == totals(views(build(FLANGE), True))
    assert sorted(lengths(shown["top"].hidden)) == pytest.approx([2 * math.sqrt(225 - 36)] * 2, rel=5e-3)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("name", ["flange", "tilted"])
def test_the_same_part_gives_the_same_lines_bit_for_bit(name, exact):
    first, second = views(build(SOUND[name]), exact), views(build(SOUND[name]), exact)
    for view in NAMES:
        for a, b in (
            (first[view].visible, second[view].visible),
            (first[view].hidden, second[view].hidden),
        ):
            assert [line.tobytes() for line in a] == [line.tobytes() for line in b]


@pytest.mark.parametrize("factor", [1e-4, 1, 1e3])
def test_size_does_not_matter(factor):
    """From hundredths of a millimetre to the largest coordinates that a program may have."""
    k = factor
    program = part(
        extrude(polygon((0, 0), (80 * k, 0), (80 * k, 50 * k), (0, 50 * k)), 8 * k),
        extrude(circle(7 * k, 40 * k, 25 * k), 8 * k, "cut"),
    )
    shown = views(build(program))
    assert box_of(shown["front"]) == pytest.approx([0, 0, 80 * k, 8 * k], abs=1e-6 * k)
    assert [len(shown[name].hidden) for name in NAMES] == [2, 0, 2]
    assert len(shown["top"].visible) == 5


def test_a_part_too_small_to_draw_says_so():
    with pytest.raises(KernelFault) as caught:
        JOBS["views"]({"program": to_data(part(extrude(circle(1e-5), 1e-5)))})
    assert caught.value.reason == "execute"
    assert "too small" in str(caught.value)


def test_describe_gives_measures_and_pictures_of_one_build():
    program = to_data(FLANGE)
    found = JOBS["describe"]({"program": program, "style": {"size": 128, "margin": 8}})
    assert found["measure"] == JOBS["measure"]({"program": program})
    assert [image["path"] for image in found["images"]] == ["front.png", "top.png", "right.png"]
    assert all(image["bytes"].startswith(b"\x89PNG") for image in found["images"])
    assert found["size_mm"] == found["measure"]["bbox_mm"]
    assert found["mm_per_pixel"] == pytest.approx(80 / 112, rel=2e-3)
    drawn = JOBS["views"]({"program": program, "style": {"size": 128, "margin": 8}})
    assert drawn == {key: found[key] for key in ("images", "mm_per_pixel", "size_mm")}


@settings(max_examples=20, deadline=None)
@given(st.floats(2, 40), st.floats(2, 40), st.floats(2, 40), st.floats(0.1, 0.45))
def test_views_fill_the_box_of_the_part(width, depth, height, share):
    radius = share * min(width, depth)
    program = part(
        extrude(polygon((0, 0), (width, 0), (width, depth), (0, depth)), height),
        extrude(circle(radius, width / 2, depth / 2), height, "cut", "symmetric"),
    )
    shown = views(build(program))
    tight = pytest.approx
    assert box_of(shown["front"]) == tight([0, 0, width, height], abs=1e-6)
    assert box_of(shown["top"]) == tight([0, 0, width, depth], abs=1e-6)
    assert box_of(shown["right"]) == tight([0, 0, depth, height], abs=1e-6)
    assert sorted(lengths(shown["front"].hidden)) == tight([height, height], rel=1e-6)
