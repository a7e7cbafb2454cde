"""Equal solids overlap wholly, candidates rank as they should, conventions have their published scale."""

import math

import numpy as np
import pytest
from kernel_parts import BOX, CROSS_HOLE, FLANGE, HOLLOW, SOUND, circle, extrude, part, rectangle

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects import read_program
from redraft.tasks.cad.kernel.jobs import JOBS
from redraft.tasks.cad.kernel.meshes import Mesh, sample
from redraft.tasks.cad.kernel.metrics import chamfer_cadrille, chamfer_deepcad, solid, surface_f1
from redraft.tasks.cad.kernel.occ.build import build
from redraft.tasks.cad.kernel.occ.mesh import mesh
from redraft.tasks.cad.program import Plane
from redraft.tasks.cad.program.codec import to_data

KINDS = ("iou", "iou_aligned", "iou_scaled")


def side(program):
    return {"program": to_data(program)}


def compared(a, b, **options):
    return JOBS["compare"]({"a": side(a), "b": side(b), "chamfer": False, **options})


def block(x, y, z, width, depth, height):
    return part(extrude(rectangle(x, y, width, depth), height, plane=Plane((0, 0, z))))


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("name", SOUND)
def test_equal_solids_overlap_wholly(name, exact):
    found = compared(SOUND[name], SOUND[name], exact=exact)
    assert [found[kind] for kind in KINDS] == [1.0, 1.0, 1.0]
    assert found["iou_method"] == ("exact" if exact else "mesh")
    assert (found["bbox_error_mm"], found["betti_equal"]) == (0, True)


@pytest.mark.parametrize("name", ["00000069", "00001010", "00003877", "00003999", "00005081", "00633023"])
def test_real_histories_overlap_wholly_with_themselves(shared_data, name):
    program = read_program((shared_data / "deepcad" / f"{name}.json").read_bytes())[0]
    found = compared(program, program)
    assert [found[kind] for kind in KINDS] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("test", ["1", "2"])
def test_right_candidates_rank_above_every_broken_one(shared_data, test, exact):
    folder, prefix = shared_data / "step", f"fixtures__jig_metric__test_{test}__"
    truth = {"step": (folder / f"{prefix}gt.step").read_bytes()}
    scores = {
        path.stem.split("candidates__")[1]: JOBS["compare"](
            {"a": {"step": path.read_bytes()}, "b": truth, "exact": exact, "surface_f1": not exact}
        )
        for path in sorted(folder.glob(f"{prefix}candidates__*.step"))
    }
    right, broken = scores.pop("correct"), scores
    assert len(broken) == 3
    for kind in KINDS:
        assert right[kind] == 1.0
        assert all(score[kind] < 0.997 for score in broken.values())
    assert right["betti_equal"]
    assert exact or all(right["surface_f1"] > score["surface_f1"] for score in broken.values())
    assert [name for name, score in broken.items() if not score["betti_equal"]] == [
        {"1": "broken_3_no_hole", "2": "broken_2_missing_hole"}[test]
    ]


@pytest.mark.parametrize("exact", [True, False])
def test_overlaps_in_place_aligned_and_scaled(exact):
    cube, moved, doubled = block(0, 0, 0, 10, 10, 10), block(5, 0, 0, 10, 10, 10), block(0, 0, 0, 20, 20, 20)
    found = compared(moved, cube, exact=exact)
    assert [found[kind] for kind in KINDS] == pytest.approx([1 / 3, 1, 1], abs=1e-9)
    found = compared(doubled, cube, exact=exact)
    assert [found[kind] for kind in KINDS] == pytest.approx([1 / 8, 1 / 8, 1], abs=1e-9)
    assert found["bbox_error_mm"] == pytest.approx(10)
    far = compared(block(500, 0, 0, 10, 10, 10), cube, exact=exact)
    assert [far[kind] for kind in KINDS] == [0.0, 1.0, 1.0]
    # Scaled evenly: a bar stays a bar, however its longest side fits the cube's.
    bar = compared(block(0, 0, 0, 40, 10, 10), cube, exact=exact)
    assert bar["iou_scaled"] == pytest.approx(1 / 16, abs=1e-9)


def test_meshes_are_true_to_the_tolerance_they_state():
    rods = [
        part(extrude(circle(10), 30)),
        part(extrude(circle(9), 30)),
        part(extrude(circle(10, 3), 30)),
        FLANGE,
        CROSS_HOLE,
    ]
    for rod in rods[1:]:
        exact, fast = compared(rod, rods[0]), compared(rod, rods[0], exact=False)
        assert (exact["iou_method"], fast["iou_method"]) == ("exact", "mesh")
        for kind in KINDS:
            assert fast[kind] == pytest.approx(exact[kind], abs=0.005)
    assert compared(rods[1], rods[0])["iou"] == pytest.approx(0.81, abs=1e-9)


def test_an_open_surface_overlaps_with_nothing(shared_data):
    surface = {"step": (shared_data / "step" / "fixtures__open_shell.step").read_bytes()}
    found = JOBS["compare"]({"a": surface, "b": side(BOX)})
    assert [found[kind] for kind in KINDS] == [0.0, 0.0, 0.0]
    assert (found["iou_method"], found["valid_a"], found["reason_a"]) == ("none", False, "invalid_solid")
    assert found["betti_equal"] is False


@pytest.mark.slow
def test_an_invalid_solid_is_compared_as_far_as_it_goes(shared_data):
    program = read_program((shared_data / "deepcad" / "00015361.json").read_bytes())[0]
    found = compared(program, program)
    assert found["iou"] == 1.0
    assert (found["valid_a"], found["betti_equal"]) == (False, False)


def test_hollows_and_tunnels_tell_bodies_apart():
    found = compared(HOLLOW, block(0, 0, 0, 20, 20, 20))
    assert (found["betti_a"], found["betti_b"], found["betti_equal"]) == ([1, 0, 1], [1, 0, 0], False)
    assert found["iou"] == pytest.approx(7 / 8, abs=1e-9)


def unit_cube():
    return mesh(build(block(0, 0, 0, 1, 1, 1)))


def test_points_are_spread_evenly_and_the_same_for_the_same_seed():
    points, normals = sample(unit_cube(), 6000, 5)
    again, _ = sample(unit_cube(), 6000, 5)
    assert np.array_equal(points, again)
    assert not np.array_equal(points, sample(unit_cube(), 6000, 6)[0])
    on = [int((np.abs(points[:, axis] - value) < 1e-12).sum()) for axis in range(3) for value in (0, 1)]
    assert sum(on) == 6000
    assert all(abs(count - 1000) < 150 for count in on)
    assert np.allclose(np.abs(normals).max(axis=1), 1)


def test_chamfer_cadrille_ignores_place_and_size():
    cube = unit_cube()
    floor = chamfer_cadrille(cube, cube)
    # The nearest of n points spread over an area A lies 1 / (pi n / A) away, in the mean of its square.
    assert floor == pytest.approx(2 * 6 / (math.pi * 8192), rel=0.1)
    assert chamfer_cadrille(cube.moved(np.array([7.0, 8.0, 9.0]), 50.0), cube) == pytest.approx(floor, rel=1e-6)


def test_chamfer_deepcad_keeps_place_and_size_to_the_truth():
    """Two parallel unit plates a distance d apart: the sum of both mean squares is 2 d^2 in the scaled frame."""
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
    plate = Mesh(points, np.array([[0, 1, 2], [0, 2, 3]]))
    lifted = plate.moved(np.array([0, 0, 0.8]))
    expected = 2 * (0.8 * 0.75) ** 2
    assert chamfer_deepcad(lifted, plate) == pytest.approx(expected, rel=0.01)
    # The answer beyond 2 is scaled down to reach 1 at most, however far off it was.
    one, other = (chamfer_deepcad(plate.moved(np.zeros(3), factor), plate) for factor in (10.0, 1000.0))
    assert one == pytest.approx(other, rel=1e-6)


def test_surface_f1_is_whole_in_place_and_nothing_elsewhere():
    cube = mesh(build(block(0, 0, 0, 10, 10, 10)))
    assert surface_f1(cube, cube) > 0.999
    assert surface_f1(cube.moved(np.array([30.0, 0, 0])), cube) == 0.0
    # Moved along x by more than the tolerance: four of six faces still lie on the other, but for a strip.
    assert surface_f1(cube.moved(np.array([0.2, 0, 0])), cube) == pytest.approx(4 / 6, abs=0.04)


def test_meshes_are_closed_bodies_of_the_right_volume():
    for name, program in SOUND.items():
        body = solid(mesh(build(program)))
        volume = JOBS["measure"](side(program))["volume_mm3"]
        assert body is not None, name
        assert body.volume() == pytest.approx(volume, rel=0.003), name
    plate = Mesh(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]], dtype=float), np.array([[0, 1, 2]]))
    assert solid(plate) is None


def test_chamfer_distances_are_given_by_name():
    found = JOBS["compare"]({"a": side(BOX), "b": side(FLANGE), "chamfer": ["cadrille"], "exact": False})
    assert list(found["chamfer"]) == ["cadrille"]
    assert math.isfinite(found["chamfer"]["cadrille"])
    with pytest.raises(Refusal):
        JOBS["compare"]({"a": side(BOX), "b": side(BOX), "chamfer": ["mine"]})
