"""From a program that the kernel has described to an example of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.core.example import Example, Image
from redraft.tasks.cad.conversation import conversation
from redraft.tasks.cad.identity import view_key
from redraft.tasks.cad.program import Program
from redraft.tasks.cad.program.codec import to_data

VIEW_FILES = ("front.png", "top.png", "right.png")
MEASURES = ("volume_mm3", "area_mm2", "solids", "faces")
"""What a truth keeps of the kernel's measures besides its box."""


def describe_request(program: Program, options: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of the kernel's "describe": one build that is measured and drawn."""
    return {"program": to_data(program), "style": options["style"], "exact": options["exact"]}


def truth_of(program: Program, described: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The truth of an example: JSON data from which it is drawn, asked and scored.

    described: the value of the kernel's "describe". The truth holds program (codec data, in the history's own
    place), size_mm [x, y, z] and bbox_min [x, y, z] (its solid's box), `MEASURES`, valid (whether the kernel holds
    the solid valid; reason says why not), view_key (see `identity`), and more: what else is known (family,
    source, stated_size_mm, views "given").
    """
    measured = described["measure"]
    truth: dict[str, Any] = {
        "program": to_data(program),
        "size_mm": [float(side) for side in measured["bbox_mm"]],
        "bbox_min": [float(value) for value in measured["bbox_min"]],
        **{name: measured[name] for name in MEASURES},
        "valid": bool(measured["valid"]),
        "view_key": view_key(images_of(described)),
    }
    if not measured["valid"]:
        truth["reason"] = measured["reason"]
    return truth | more


def example_of(
    id: str, truth: Mapping[str, Any], images: tuple[Image, ...], options: Mapping[str, Any], seed: int = 0
) -> Example:
    """The example with its pictures, question and answer; without pictures where the dataset keeps none."""
    kept = images if options["keep_images"] or truth.get("views") == "given" else ()
    return Example(id=id, images=kept, messages=conversation(truth, options), truth=truth, seed=seed)


def images_of(drawn: Mapping[str, Any]) -> tuple[Image, ...]:
    """The pictures in the value of "views" or "describe", in the order front, top, right."""
    by_name = {image["path"]: image["bytes"] for image in drawn["images"]}
    return tuple(Image(name, bytes(by_name[name])) for name in VIEW_FILES)
