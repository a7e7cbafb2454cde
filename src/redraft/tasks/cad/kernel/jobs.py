"""What a kernel process can be asked to do. Each job is also a plain function for a process that trusts its input.

A payload describes a shape as {"program": data of `program.codec`} or {"step": bytes}. Values are JSON data with
bytes in them. A job raises `Refusal` for what it was given and `KernelFault` for what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from redraft.core.errors import InputError, Refusal
from redraft.tasks.cad.kernel import exports
from redraft.tasks.cad.kernel.metrics import CHAMFERS, surface_f1
from redraft.tasks.cad.kernel.occ.compare import body, overlaps
from redraft.tasks.cad.kernel.occ.guard import guarded
from redraft.tasks.cad.kernel.occ.measure import box
from redraft.tasks.cad.kernel.occ.measure import measure as measure_shape
from redraft.tasks.cad.kernel.occ.mesh import mesh
from redraft.tasks.cad.kernel.occ.project import views as project
from redraft.tasks.cad.kernel.occ.shapes import Shape, shape_of
from redraft.tasks.cad.kernel.occ.step import EPOCH, write_step
from redraft.tasks.cad.views.decode import decode
from redraft.tasks.cad.views.drawing import draw_views
from redraft.tasks.cad.views.style import ViewStyle

Payload = Mapping[str, Any]


@guarded
def measure(payload: Payload) -> dict[str, Any]:
    """{program | step} -> what `occ.measure.measure` says. An unsound solid is a result, not a fault."""
    return measure_shape(shape_of(payload))


@guarded
def views(payload: Payload) -> dict[str, Any]:
    """{program | step, style?: data of ViewStyle, exact?: bool | None} -> the drawing.

    {images: [{path, bytes}] front.png, top.png, right.png, mm_per_pixel, size_mm: [x, y, z]}. exact as in
    `occ.project.views`; left out, the shape decides.
    """
    shape = shape_of(payload)
    return _drawing(shape, measure_shape(shape), payload)


@guarded
def describe(payload: Payload) -> dict[str, Any]:
    """As `views`, with the measures beside: {measure: {...}, images, mm_per_pixel, size_mm} from one build."""
    shape = shape_of(payload)
    measured = measure_shape(shape)
    return {"measure": measured, **_drawing(shape, measured, payload)}


def _drawing(shape: Shape, measured: Mapping[str, Any], payload: Payload) -> dict[str, Any]:
    low, size = measured["bbox_min"], measured["bbox_mm"]
    high = [a + b for a, b in zip(low, size, strict=True)]
    style = ViewStyle.from_data(payload.get("style", {}))
    images, mm_per_pixel = draw_views(project(shape, payload.get("exact")), low, high, style)
    return {
        "images": [{"path": f"{name}.png", "bytes": data} for name, data in images.items()],
        "mm_per_pixel": mm_per_pixel,
        "size_mm": size,
    }


@guarded
def compare(payload: Payload) -> dict[str, Any]:
    """{a: {program | step}, b: likewise, exact?: bool, chamfer?: bool or names, surface_f1?: bool, seed?: int}.

    a is the answer, b the truth. Gives iou, iou_aligned, iou_scaled with their methods (`occ.compare.overlaps`;
    exact False takes meshes alone, in a few milliseconds, true to 0.005), chamfer by convention (`metrics`; all of
    them unless named or False), surface_f1 (None unless asked for), volume_a, volume_b, bbox_mm_a, bbox_mm_b,
    bbox_error_mm (greatest difference of a box side), betti_a, betti_b, betti_equal, valid_a, valid_b, reason_a,
    reason_b.
    """
    shapes = [shape_of(payload[side]) for side in ("a", "b")]
    measured = [measure_shape(shape) for shape in shapes]
    bodies = [body(shape, mesh(shape)) for shape in shapes]
    answer, truth = bodies
    seed = int(payload.get("seed", 0))
    result: dict[str, Any] = dict(overlaps(answer, truth, bool(payload.get("exact", True))))
    result["chamfer"] = {
        name: CHAMFERS[name](answer.mesh, truth.mesh, seed) for name in _conventions(payload.get("chamfer", True))
    }
    asked = bool(payload.get("surface_f1", False))
    result["surface_f1"] = surface_f1(answer.mesh, truth.mesh, seed) if asked else None
    for side, facts in zip(("a", "b"), measured, strict=True):
        result |= {
            f"volume_{side}": facts["volume_mm3"],
            f"bbox_mm_{side}": facts["bbox_mm"],
            f"betti_{side}": facts["betti"],
            f"valid_{side}": facts["valid"],
            f"reason_{side}": facts["reason"],
        }
    sizes = zip(result["bbox_mm_a"], result["bbox_mm_b"], strict=True)
    result["bbox_error_mm"] = max(abs(p - q) for p, q in sizes)
    result["betti_equal"] = result["betti_a"] is not None and result["betti_a"] == result["betti_b"]
    return result


def _conventions(asked: Any) -> list[str]:
    if isinstance(asked, bool):
        return list(CHAMFERS) if asked else []
    for name in asked:
        if name not in CHAMFERS:
            raise Refusal(f"no Chamfer convention '{name}'", remedy=f"Known are {', '.join(CHAMFERS)}")
    return list(asked)


@guarded
def export(payload: Payload) -> dict[str, Any]:
    """{program | step, formats: names out of FORMATS, name?: str, time?: str, exact?} -> {format: bytes}."""
    wanted = list(payload["formats"])
    for name in wanted:
        if name not in FORMATS:
            raise Refusal(f"no format '{name}'", remedy=f"Known are {', '.join(FORMATS)}", code="refused")
    shape = shape_of(payload)
    result: dict[str, Any] = {}
    if "step" in wanted:
        result["step"] = write_step(shape, payload.get("name", "part"), payload.get("time", EPOCH))
    if drawn := [name for name in ("svg", "dxf") if name in wanted]:
        lines = project(shape, payload.get("exact"))
        low, high = (np.array(corner) for corner in box(shape))
        result |= {name: {"svg": exports.svg, "dxf": exports.dxf}[name](lines, low, high) for name in drawn}
    if meshed := [name for name in ("stl", "glb") if name in wanted]:
        triangles = mesh(shape)
        result |= {name: {"stl": exports.stl, "glb": exports.glb}[name](triangles) for name in meshed}
    return {name: result[name] for name in wanted}


def pixels(payload: Payload) -> dict[str, Any]:
    """{picture: bytes, name} -> {height, width, gray: bytes [H, W], mm_per_pixel: float | None}.

    {what, remedy} of what is no drawing. A stranger's picture is decoded here, and leaves as bare pixels.
    """
    try:
        gray, scale = decode(payload["picture"], payload["name"])
    except InputError as error:
        return {"what": error.what, "remedy": error.remedy}
    return {"height": gray.shape[0], "width": gray.shape[1], "gray": gray.tobytes(), "mm_per_pixel": scale}


FORMATS = ("step", "stl", "glb", "svg", "dxf")
JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "measure": measure,
    "views": views,
    "describe": describe,
    "compare": compare,
    "export": export,
    "pixels": pixels,
}
