"""`redraft cad convert` and `redraft cad build`: a program in another dialect, a program as a file of a solid."""

from __future__ import annotations

from pathlib import Path

from redraft.core.atomic import write_bytes, write_text
from redraft.core.errors import InputError, OutputError, UsageError
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.cad.dialects import DIALECTS, write_program
from redraft.tasks.cad.dialects.compact_write import DEFAULT_GRID, fit
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.sources import read_source

FORMATS = {".step": "step", ".stp": "step", ".stl": "stl", ".glb": "glb", ".svg": "svg", ".dxf": "dxf"}


def convert(request: Request, work: Work) -> Result:
    """request: file, to (a dialect), output (path or None), grid (for compact), force. text is in the result."""
    to = request["to"]
    if to not in DIALECTS:
        raise UsageError(f"there is no dialect '{to}'", remedy=f"Choose one of: {', '.join(DIALECTS)}")
    output = new_file(request.get("output"), request.get("force", False))
    source = read_source(Path(request["file"]))
    if source.program is None:
        raise InputError(
            "a STEP file holds a shape without its history",
            where=source.path,
            remedy="Give the program; `redraft cad measure` and `draw` do read STEP",
        )
    if to == "compact":
        fitted = fit(source.program, grid=request.get("grid") or DEFAULT_GRID)
        text = fitted.text
        for lost in fitted.dropped:
            work.log(f"lost on the grid: {lost}", "warning")
    else:
        text = write_program(source.program, to)
    if output is not None:
        write_text(output, text if text.endswith("\n") else text + "\n")
    return Result(
        {
            "file": source.path,
            "from": source.dialect,
            "to": to,
            "output": str(output) if output else None,
            "characters": len(text),
            "text": text,
        }
    )


def build(request: Request, work: Work) -> Result:
    """request: file, output (its suffix is the format), force. No valid solid is an InputError, and no file."""
    output = new_file(request["output"], request.get("force", False))
    assert output is not None
    kind = FORMATS.get(output.suffix.lower())
    if kind is None:
        raise UsageError(
            f"'{output.suffix}' is no format that is written here",
            where=str(output),
            remedy=f"End the output in one of: {', '.join(FORMATS)}",
        )
    source = read_source(Path(request["file"]))
    measured = shared_pool().call("measure", dict(source.payload))
    reason, detail = measured.reason, measured.detail
    if reason == "ok" and not measured.value["valid"]:
        reason, detail = measured.value["reason"], measured.value.get("detail", "")
    if reason != "ok":
        raise InputError(
            f"no valid solid ({reason}{': ' + detail if detail else ''})",
            where=source.path,
            remedy="Correct the program; `redraft cad measure` shows what was built",
        )
    written = shared_pool().call("export", {**source.payload, "formats": [kind]})
    if written.reason != "ok":
        raise InputError(
            f"cannot be written as {kind} ({written.reason}: {written.detail})",
            where=source.path,
            remedy="Try another format",
        )
    write_bytes(output, written.value[kind])
    return Result({"file": source.path, "output": str(output), "format": kind, **measured.value})


def new_file(path: str | None, force: bool) -> Path | None:
    """The path of a file to write, refused where something is there already and force is not given."""
    if path is None:
        return None
    output = Path(path)
    if output.is_dir() or (output.exists() and not force):
        raise OutputError(
            "the output exists already",
            where=str(output),
            remedy="Choose another output, or give --force" if output.is_file() else "Name a file in it",
        )
    return output
