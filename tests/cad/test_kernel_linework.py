"""Projected pieces are united, hidden ones lose what visible ones cover, curves become chords."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.tasks.cad.kernel.arcs import fit_arc
from redraft.tasks.cad.kernel.chains import chained
from redraft.tasks.cad.kernel.intervals import merged, rejoined, unrolled, without
from redraft.tasks.cad.kernel.linework import CHORD, tidy
from redraft.tasks.cad.kernel.strokes import Strokes

SIZE = 100.0
spans = st.lists(
    st.tuples(st.floats(-50, 50), st.floats(0.001, 40)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=8
)


def inside(value, pieces):
    return any(low <= value <= high for low, high in pieces)


def length(line):
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


@given(spans, spans, st.floats(-60, 90))
def test_unions_and_differences_hold_the_values_they_should(first, second, value):
    edges = [edge for pair in first + second for edge in pair]
    if any(abs(value - edge) < 1e-6 for edge in edges):
        return
    taken = merged(second, 0.0)
    assert inside(value, merged(first, 0.0)) == inside(value, first)
    assert inside(value, without(merged(first, 0.0), taken)) == (
        inside(value, first) and not inside(value, second)
    )


@given(spans, st.floats(-10, 10))
def test_arcs_unrolled_hold_the_same_angles(arcs, angle):
    arcs = [(low, high) for low, high in arcs if high - low < math.tau]
    near = [(edge - angle) % math.tau for arc in arcs for edge in arc]
    if any(min(gap, math.tau - gap) < 1e-6 for gap in near):
        return
    found = unrolled(arcs)
    assert all(low >= 0 and high <= math.tau + 1e-9 for low, high in found)
    expected = any(low <= angle + k * math.tau <= high for low, high in arcs for k in range(-20, 21))
    assert inside(angle % math.tau, found) == expected


def test_arcs_that_meet_at_zero_are_one_again():
    assert rejoined(merged(unrolled([(-0.5, 0.7)]), 1e-9), 1e-9) == [
        pytest.approx((math.tau - 0.5, math.tau + 0.7))
    ]
    assert unrolled([(1.0, 1.0 + math.tau)]) == [(0.0, math.tau)]


def test_pieces_of_a_line_become_one_and_cover_what_is_behind():
    visible = Strokes([((0, 5), (10, 5)), ((20, 5), (10, 5)), ((4, 5), (12, 5))])
    hidden = Strokes([((-5, 5), (30, 5)), ((0, 5.5), (10, 5.5))])
    lines = tidy(visible, hidden, SIZE)
    assert sorted(line.round(9).tolist() for line in lines.visible) == [[[0, 5], [20, 5]]]
    assert sorted(line.round(9).tolist() for line in lines.hidden) == [
        [[-5, 5], [0, 5]],
        [[0, 5.5], [10, 5.5]],
        [[20, 5], [30, 5]],
    ]


@given(st.floats(0, math.tau), st.floats(-40, 40), st.integers(2, 9))
def test_a_line_cut_into_pieces_is_whole_again_whatever_its_direction(angle, offset, count):
    direction = np.array([math.cos(angle), math.sin(angle)])
    start = np.array([-direction[1], direction[0]]) * offset
    points = [tuple((start + direction * 60 * i / count).tolist()) for i in range(count + 1)]
    lines = tidy(Strokes(list(itertools.pairwise(points))), Strokes(), SIZE)
    assert len(lines.visible) == 1
    assert length(lines.visible[0]) == pytest.approx(60)
    turned = tidy(Strokes([(b, a) for a, b in reversed(list(itertools.pairwise(points)))]), Strokes(), SIZE)
    assert np.allclose(turned.visible[0], lines.visible[0], atol=1e-9)


def test_arcs_of_a_circle_become_one_closed_line():
    strokes = Strokes()
    strokes.add_ellipse((1, 2), (10, 0), (0, 10), 0, 3, 1e-3)
    strokes.add_ellipse((1, 2), (0, 10), (-10, 0), 3 - math.pi / 2, math.tau - math.pi / 2, 1e-3)
    (line,) = tidy(strokes, Strokes(), SIZE).visible
    assert np.allclose(line[0], line[-1])
    assert np.allclose(np.hypot(*(line - [1, 2]).T), 10)
    middles = (line[1:] + line[:-1]) / 2
    assert float((10 - np.hypot(*(middles - [1, 2]).T)).max()) <= CHORD * SIZE


def test_a_circle_behind_a_visible_one_is_gone_and_half_of_it_stays_hidden():
    visible, hidden = Strokes(), Strokes()
    visible.add_ellipse((0, 0), (10, 0), (0, 10), 0, math.pi, 1e-3)
    hidden.add_ellipse((0, 0), (-10, 0), (0, 10), 0, math.tau, 1e-3)
    lines = tidy(visible, hidden, SIZE)
    assert length(lines.visible[0]) == pytest.approx(10 * math.pi, rel=1e-3)
    assert length(lines.hidden[0]) == pytest.approx(10 * math.pi, rel=1e-3)
    assert lines.hidden[0][:, 1].max() < 1e-9


@pytest.mark.parametrize(
    ("first", "last", "low", "high"),
    [
        (0, math.tau, -10, 10),
        (1, 1 + math.tau, -10, 10),
        (-0.5, 0.5, 10 * math.cos(0.5), 10),
        (0.3, math.pi, -10, 10 * math.cos(0.3)),
    ],
)
def test_a_circle_seen_from_its_side_is_the_segment_it_covers(first, last, low, high):
    strokes = Strokes()
    strokes.add_ellipse((0, 3), (10, 0), (0, 0), first, last, 1e-3)
    (line,) = tidy(strokes, Strokes(), SIZE).visible
    assert line.tolist() == pytest.approx(np.array([[low, 3], [high, 3]]))


@given(st.floats(0, math.tau), st.floats(0.2, 3), st.floats(0.5, 6), st.floats(-3, 3))
def test_any_pair_of_conjugate_radii_draws_the_same_ellipse(phase, squeeze, sweep, turn):
    """Points of centre + u cos t + v sin t lie on the line drawn, for u and v at any angle to each other."""
    u = np.array([20 * math.cos(turn), 20 * math.sin(turn)])
    v = np.array([-20 * squeeze * math.sin(turn + 0.4), 20 * squeeze * math.cos(turn + 0.4)])
    strokes = Strokes()
    strokes.add_ellipse((5, -5), tuple(u), tuple(v), phase, phase + sweep, 1e-3)
    lines = tidy(strokes, Strokes(), SIZE).visible
    ends = np.concatenate([line[:-1] for line in lines]), np.concatenate([line[1:] for line in lines])
    for t in np.linspace(phase, phase + sweep, 7):
        point = np.array([5, -5]) + u * math.cos(t) + v * math.sin(t)
        step = ends[1] - ends[0]
        k = np.clip(((point - ends[0]) * step).sum(1) / (step**2).sum(1), 0, 1)
        assert np.hypot(*(ends[0] + k[:, None] * step - point).T).min() < 2 * CHORD * SIZE


def test_chords_of_a_curve_are_strung_and_corners_kept_apart():
    angles = np.linspace(0, math.pi / 2, 20)
    curve = 10 * np.column_stack([np.cos(angles), np.sin(angles)])
    corner = np.array([[10, 0], [10, -5], [20, -5]])
    pieces = np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in (curve, corner)])
    order = np.random.default_rng(3).permutation(len(pieces))
    lines = chained(pieces[order], 1e-6)
    assert sorted(len(line) for line in lines) == [2, 21]


def test_an_arc_is_found_again_and_a_parabola_is_none():
    angles = np.linspace(0.3, 4, 40)
    line = np.column_stack([7 + 5 * np.cos(angles), -2 + 5 * np.sin(angles)])
    for points in (line, line[::-1]):
        arc = fit_arc(points)
        assert arc.center == pytest.approx((7, -2))
        assert (arc.radius, arc.start, arc.sweep) == pytest.approx((5, 0.3, 3.7))
    whole = np.linspace(1, 1 + math.tau, 60)
    assert fit_arc(np.column_stack([np.cos(whole), np.sin(whole)])).sweep is None
    x = np.linspace(-1, 1, 40)
    assert fit_arc(np.column_stack([x, x * x])) is None
    assert fit_arc(np.column_stack([x, 2 * x])) is None
