"""Tells a dialect by the text's content, never by a file's name."""

from __future__ import annotations

import re

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.limits import MAX_JSON, checked_text

_COMPACT = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:compact\b|\+ [xyz@] )")
_OPENECAD = re.compile(r"\badd_(?:sketchplane|extrude|sketch|profile|loop|line|arc|circle)\w*\s*\(")
_CADQUERY = re.compile(r"\b(?:import\s+cadquery|from\s+cadquery|cq\.|cadquery\.|Workplane\s*\()")
_BUILD123D = re.compile(
    r"\b(?:import\s+build123d|from\s+build123d|BuildPart|BuildSketch|make_face|RectangleRounded|extrude\s*\()"
)
_REMEDY = "Give DeepCAD JSON, OpenECAD, CadQuery, build123d or compact text"


def detect(text: str | bytes, where: str = "") -> str:
    """The dialect's name; a text that is none of them is a Refusal that says what it seems to be."""
    if isinstance(text, bytes) and not text.isascii() and (seems := _binary(text)):
        raise Refusal(f"this is {seems}, not a program text", where=where, remedy=_REMEDY)
    content = checked_text(text, MAX_JSON, where)
    start = content.lstrip()[:200]
    if not start:
        raise Refusal("the text is empty", where=where, remedy=_REMEDY, code="empty")
    if start.startswith("ISO-10303-21"):
        raise Refusal(
            "this is a STEP file: a shape without its history",
            where=where,
            remedy="Use it where a shape is wanted (measure, draw, compare); only a program can be converted",
            code="refused",
        )
    if start[0] in "{[":
        return "deepcad"
    if _COMPACT.match(content):
        return "compact"
    if _OPENECAD.search(content):
        return "openecad"
    if _CADQUERY.search(content):
        return "cadquery"
    if _BUILD123D.search(content):
        return "build123d"
    raise Refusal("not a program in any dialect", where=where, remedy=_REMEDY)


def _binary(data: bytes) -> str:
    for magic, name in (
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"PK\x03\x04", "a zip archive"),
        (b"glTF", "a GLB mesh"),
        (b"%PDF", "a PDF document"),
    ):
        if data.startswith(magic):
            return name
    return ""
