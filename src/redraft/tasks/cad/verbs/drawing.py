"""`redraft cad draw`: the three views of a part as pictures, with a sheet and vector drawings on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.core.atomic import new_folder, write_bytes
from redraft.core.errors import InputError
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.options import complete
from redraft.tasks.cad.sources import Source, read_source
from redraft.tasks.cad.views.sheet import draw_sheet


def draw(request: Request, work: Work) -> Result:
    """request: file, output (a new folder), style (fields of ViewStyle), exact, sheet, svg, dxf (booleans).

    Writes front.png, top.png, right.png, and sheet.png, drawing.svg, drawing.dxf where asked; all or nothing.
    """
    options = complete({"style": request.get("style") or {}, "exact": request.get("exact")})
    source = read_source(Path(request["file"]))
    views = _call("views", {**source.payload, "style": options["style"], "exact": options["exact"]}, source)
    files = {image["path"]: image["bytes"] for image in views["images"]}
    if request.get("sheet"):
        files["sheet.png"] = draw_sheet({Path(name).stem: data for name, data in files.items()})
    vector = [kind for kind in ("svg", "dxf") if request.get(kind)]
    if vector:
        made = _call("export", {**source.payload, "formats": vector}, source)
        files |= {f"drawing.{kind}": made[kind] for kind in vector}
    output = Path(request["output"])
    with new_folder(output) as folder:
        for name, data in files.items():
            write_bytes(folder / name, data)
    return Result(
        {
            "file": source.path,
            "output": str(output),
            "files": [str(output / name) for name in files],
            "mm_per_pixel": views["mm_per_pixel"],
            "size_mm": views["size_mm"],
        }
    )


def _call(job: str, payload: dict[str, Any], source: Source) -> dict[str, Any]:
    outcome = shared_pool().call(job, payload)
    if outcome.reason != "ok":
        raise InputError(
            f"cannot be drawn ({outcome.reason}: {outcome.detail})",
            where=source.path,
            remedy="`redraft cad measure` says what is wrong with the part",
        )
    value: dict[str, Any] = outcome.value
    return value
