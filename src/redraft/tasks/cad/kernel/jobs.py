"""What a kernel process can be asked to do. Each job is also a plain function for a process that trusts its input.

A payload describes a shape as {"program": data of `program.codec`} or {"step": bytes}. Values are JSON data with
bytes in them. A job raises `Refusal` for what it was given and `KernelFault` for what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from redraft.tasks.cad.kernel.occ.measure import measure as measure_shape
from redraft.tasks.cad.kernel.occ.project import views as project
from redraft.tasks.cad.kernel.occ.shapes import Shape, shape_of
from redraft.tasks.cad.views.drawing import draw_views
from redraft.tasks.cad.views.style import ViewStyle

Payload = Mapping[str, Any]


def measure(payload: Payload) -> dict[str, Any]:
    """{program | step} -> what `occ.measure.measure` says. An unsound solid is a result, not a fault."""
    return measure_shape(shape_of(payload))


def views(payload: Payload) -> dict[str, Any]:
    """{program | step, style?: data of ViewStyle, exact?: bool | None} -> the drawing.

    {images: [{path, bytes}] front.png, top.png, right.png, mm_per_pixel, size_mm: [x, y, z]}. exact as in
    `occ.project.views`; left out, the shape decides.
    """
    shape = shape_of(payload)
    return _drawing(shape, measure_shape(shape), payload)


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


JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {"measure": measure, "views": views, "describe": describe}
