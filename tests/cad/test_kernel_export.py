"""Files that other programs open, with the right sizes and the same bytes every time."""

import io
import re
import xml.etree.ElementTree as ET
from collections import Counter

import ezdxf
import numpy as np
import pytest
import trimesh
from kernel_parts import BOX, CROSS_HOLE, FLANGE, FLANGE_VOLUME

from redraft.core.errors import Refusal
from redraft.tasks.cad.kernel.jobs import FORMATS, JOBS
from redraft.tasks.cad.program.codec import to_data

SVG = "{http://www.w3.org/2000/svg}"


def exported(program, *formats):
    return JOBS["export"]({"program": to_data(program), "formats": list(formats)})


def test_every_format_is_the_same_bytes_every_time():
    first, second = exported(FLANGE, *FORMATS), exported(FLANGE, *FORMATS)
    assert list(first) == list(FORMATS)
    assert first == second
    assert all(isinstance(data, bytes) and data for data in first.values())


def test_stl_is_closed_and_in_millimetres():
    body = trimesh.load(io.BytesIO(exported(FLANGE, "stl")["stl"]), file_type="stl")
    assert body.is_watertight
    assert body.volume == pytest.approx(FLANGE_VOLUME, rel=0.002)
    assert body.bounds == pytest.approx(np.array([[-40, -25, 0], [40, 25, 28]]), abs=1e-4)


def test_glb_is_in_metres_with_y_up():
    scene = trimesh.load(io.BytesIO(exported(FLANGE, "glb")["glb"]), file_type="glb")
    assert scene.bounds == pytest.approx(np.array([[-0.04, 0, -0.025], [0.04, 0.028, 0.025]]), abs=1e-6)
    (body,) = scene.geometry.values()
    body.merge_vertices(merge_norm=True)
    assert body.volume == pytest.approx(FLANGE_VOLUME * 1e-9, rel=0.002)


def test_dxf_lays_the_views_out_in_third_angle():
    document = ezdxf.read(io.StringIO(exported(FLANGE, "dxf")["dxf"].decode()))
    assert not document.audit().errors
    assert document.units == ezdxf.units.MM
    found = Counter((entity.dxftype(), entity.dxf.layer) for entity in document.modelspace())
    assert found["CIRCLE", "VISIBLE"] == 6
    assert found["LINE", "HIDDEN"] == 12
    assert found["LWPOLYLINE", "VISIBLE"] == 0
    gap = 0.15 * 80
    circles = [entity for entity in document.modelspace() if entity.dxftype() == "CIRCLE"]
    assert sorted({round(entity.dxf.radius, 6) for entity in circles}) == [4, 7, 12]
    bore = next(entity for entity in circles if round(entity.dxf.radius, 6) == 7)
    # Above the front view, which is 80 wide and 28 high: its middle over the front's, 25 above its lower edge.
    assert tuple(bore.dxf.center)[:2] == pytest.approx((gap + 40, gap + 28 + gap + 25), abs=1e-6)


def test_dxf_keeps_curves_that_are_no_arcs():
    document = ezdxf.read(io.StringIO(exported(CROSS_HOLE, "dxf")["dxf"].decode()))
    assert any(entity.dxftype() == "LWPOLYLINE" for entity in document.modelspace())
    assert not document.audit().errors


def test_svg_shows_three_views_in_millimetres():
    root = ET.fromstring(exported(BOX, "svg")["svg"])
    gap = 0.15 * 30
    width, height = 30 + 20 + 3 * gap, 10 + 20 + 3 * gap
    assert (root.get("width"), root.get("height")) == (f"{width:g}mm", f"{height:g}mm")
    groups = {group.get("id"): group for group in root.iter(f"{SVG}g")}
    assert list(groups) == ["front", "top", "right"]
    corners = {}
    for name, group in groups.items():
        (path,) = group.iter(f"{SVG}path")
        assert path.get("class") == "visible"
        points = np.array([float(value) for value in re.findall(r"[-\d.]+", path.get("d"))]).reshape(-1, 2)
        corners[name] = [*points.min(axis=0), *points.max(axis=0)]
    # Y runs down in SVG: the front view is at the bottom.
    assert corners["front"] == pytest.approx([gap, height - gap - 10, gap + 30, height - gap])
    assert corners["top"] == pytest.approx([gap, gap, gap + 30, gap + 20])
    assert corners["right"] == pytest.approx(
        [gap + 30 + gap, height - gap - 10, gap + 30 + gap + 20, height - gap]
    )


def test_hidden_lines_are_dashed_in_svg():
    root = ET.fromstring(exported(FLANGE, "svg")["svg"])
    hidden = [path for path in root.iter(f"{SVG}path") if path.get("class") == "hidden"]
    assert len(hidden) == 2
    assert all(path.get("stroke-dasharray") for path in hidden)


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(Refusal) as caught:
        exported(BOX, "iges")
    assert "step, stl, glb, svg, dxf" in caught.value.remedy
