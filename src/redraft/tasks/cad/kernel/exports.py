"""Meshes and drawings as files: STL, GLB, SVG, DXF. All are the same bytes for the same part."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

import numpy as np
import trimesh
from ezdxf import units
from ezdxf._options import options
from ezdxf.filemanagement import new
from ezdxf.layouts.layout import Modelspace
from trimesh.exchange.gltf import export_glb
from trimesh.visual.material import PBRMaterial
from trimesh.visual.texture import TextureVisuals

from redraft.tasks.cad.kernel.arcs import fit_arc
from redraft.tasks.cad.kernel.meshes import Floats, Mesh
from redraft.tasks.cad.views.lines import NAMES, Polyline, ViewLines

GAP = 0.15
"""White space between the views of a sheet and around them, as a share of the part's largest box side."""


def stl(mesh: Mesh) -> bytes:
    """Binary STL in millimetres: 80 bytes of header, a count, and per triangle a normal and three points."""
    corners = mesh.corners
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    record = np.zeros(len(corners), dtype=[("normal", "<f4", 3), ("points", "<f4", (3, 3)), ("flags", "<u2")])
    record["normal"], record["points"] = normals, corners
    header = b"binary STL in millimetres".ljust(80)
    return header + struct.pack("<I", len(corners)) + record.tobytes()


def glb(mesh: Mesh) -> bytes:
    """Binary glTF 2.0. The format wants metres and Y up: (x, y, z) mm becomes (x, z, -y) / 1000."""
    points = np.column_stack([mesh.vertices[:, 0], mesh.vertices[:, 2], -mesh.vertices[:, 1]]) / 1000
    body = trimesh.Trimesh(points, mesh.triangles, process=False)
    material = PBRMaterial(  # type: ignore[no-untyped-call]
        name="part", baseColorFactor=[0.62, 0.66, 0.71, 1.0], metallicFactor=0.1, roughnessFactor=0.6
    )
    body.visual = TextureVisuals(material=material)  # type: ignore[no-untyped-call]
    data = export_glb(trimesh.Scene(body), include_normals=True)  # type: ignore[no-untyped-call]
    return bytes(data)


def sheet(lines: Mapping[str, ViewLines], low: Floats, high: Floats) -> tuple[dict[str, ViewLines], Floats]:
    """The views laid out in third angle, and the sheet's size [2] in mm.

    Front at the lower left, top above it, right beside it, aligned; the lower left corner is the origin.
    """
    x, y, z = (float(v) for v in high - low)
    gap = GAP * max(x, y, z)
    corner = {"front": (gap, gap), "top": (gap, gap + z + gap), "right": (gap + x + gap, gap)}
    start = {"front": (low[0], low[2]), "top": (low[0], low[1]), "right": (low[1], low[2])}
    placed = {}
    for name in NAMES:
        move = np.array(corner[name]) - np.array(start[name])
        placed[name] = ViewLines(
            [line + move for line in lines[name].visible], [line + move for line in lines[name].hidden]
        )
    return placed, np.array([gap + x + gap + y + gap, gap + z + gap + y + gap])


def svg(lines: Mapping[str, ViewLines], low: Floats, high: Floats) -> bytes:
    """The three views on a sheet, one unit a millimetre, Y down as SVG has it."""
    placed, (width, height) = sheet(lines, low, high)
    stroke = max(width, height) / 400
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}mm" height="{_n(height)}mm" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" fill="none" stroke="black" stroke-linecap="round" '
        'stroke-linejoin="round">',
    ]
    for name in NAMES:
        out.append(f'<g id="{name}">')
        dash = f"{_n(4 * stroke)} {_n(2.5 * stroke)}"
        for kind, polylines, look in (
            ("hidden", placed[name].hidden, f'stroke-width="{_n(stroke / 2)}" stroke-dasharray="{dash}"'),
            ("visible", placed[name].visible, f'stroke-width="{_n(stroke)}"'),
        ):
            path = " ".join(_path(line, height) for line in polylines)
            if path:
                out.append(f'<path class="{kind}" {look} d="{path}"/>')
        out.append("</g>")
    return ("\n".join([*out, "</svg>"]) + "\n").encode()


def _path(line: Polyline, height: float) -> str:
    closed = len(line) > 2 and bool(np.allclose(line[0], line[-1], rtol=0, atol=1e-9))
    points = [f"{_n(x)} {_n(height - y)}" for x, y in (line[:-1] if closed else line)]
    return "M" + " L".join(points) + (" Z" if closed else "")


def _n(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) >= 5e-5 else "0"


def dxf(lines: Mapping[str, ViewLines], low: Floats, high: Floats) -> bytes:
    """The same sheet as DXF R2010 in millimetres: layers VISIBLE and HIDDEN, lines, circles, arcs, polylines."""
    fixed = options.write_fixed_meta_data_for_testing
    # Otherwise every file has the time of day and random identifiers in its header.
    options.write_fixed_meta_data_for_testing = True
    try:
        document = new("R2010", setup=["linetypes"], units=units.MM)
        document.header["$LTSCALE"] = max(float(v) for v in high - low) / 100
        document.layers.add("VISIBLE", color=7, lineweight=50)
        document.layers.add("HIDDEN", color=8, lineweight=25, linetype="DASHED")
        space = document.modelspace()
        placed, _ = sheet(lines, low, high)
        for name in NAMES:
            for layer, polylines in (("VISIBLE", placed[name].visible), ("HIDDEN", placed[name].hidden)):
                for line in polylines:
                    _draw(space, line, layer)
        text = io.StringIO()
        document.write(text)
    finally:
        options.write_fixed_meta_data_for_testing = fixed
    return text.getvalue().encode("utf-8")


def _draw(space: Modelspace, line: Polyline, layer: str) -> None:
    look = {"layer": layer}
    if len(line) == 2:
        space.add_line(line[0].tolist(), line[1].tolist(), dxfattribs=look)
        return
    arc = fit_arc(line)
    if arc is None:
        space.add_lwpolyline(line.tolist(), dxfattribs=look)
    elif arc.sweep is None:
        space.add_circle(arc.center, arc.radius, dxfattribs=look)
    else:
        first, last = np.degrees(arc.start), np.degrees(arc.start + arc.sweep)
        space.add_arc(arc.center, arc.radius, float(first), float(last), dxfattribs=look)
