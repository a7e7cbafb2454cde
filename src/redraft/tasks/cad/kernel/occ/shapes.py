"""The shape that a job's payload describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from OCP.TopoDS import TopoDS_Shape

from redraft.core.errors import Refusal
from redraft.tasks.cad.kernel.occ.build import build
from redraft.tasks.cad.kernel.occ.step import read_step
from redraft.tasks.cad.program.codec import from_data

Shape = TopoDS_Shape
"""A shape of the kernel, for annotations outside of this room."""


def shape_of(source: Mapping[str, Any]) -> TopoDS_Shape:
    """source: {"program": data of `program.codec`} or {"step": bytes of a STEP file}."""
    if "program" in source:
        return build(from_data(source["program"]))
    if "step" in source:
        return read_step(source["step"])
    raise Refusal("neither a program nor a STEP file was given", remedy='Give {"program": ...} or {"step": ...}')
