"""`redraft cad measure`: whether files hold valid solids, and what those measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.core.errors import RedraftError, Refusal
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.sources import read_source

UNKNOWN: dict[str, Any] = {
    "solids": 0,
    "faces": 0,
    "edges": 0,
    "volume_mm3": None,
    "area_mm2": None,
    "bbox_mm": None,
}


def measure(request: Request, work: Work) -> Result:
    """request: files (paths). One file: its measures. Several: {"valid": all of them, "parts": [measures]}.

    Exit code 1 where a solid is invalid. Of several files, one that cannot be read is a row with its reason.
    """
    files = [Path(name) for name in request["files"]]
    rows = []
    for done, file in enumerate(files):
        if len(files) > 1:
            work.progress("measuring", done, len(files), file.name)
        try:
            rows.append(measure_file(file))
        except RedraftError as error:
            if len(files) == 1:
                raise
            code = error.code if isinstance(error, Refusal) else "parse"
            rows.append(_failed(file, "unknown", code, str(error)))
    valid = all(row["valid"] for row in rows)
    value = rows[0] if len(rows) == 1 else {"valid": valid, "parts": rows}
    return Result(value, exit_code=int(not valid))


def measure_file(file: Path) -> dict[str, Any]:
    """One file's measures; a shape that the kernel cannot make is a row with valid False and the reason."""
    source = read_source(file)
    outcome = shared_pool().call("measure", dict(source.payload))
    if outcome.reason != "ok":
        return _failed(file, source.dialect, outcome.reason, outcome.detail)
    extrusions = len(source.program.steps) if source.program is not None else None
    return {"file": str(file), "dialect": source.dialect, "extrusions": extrusions, **outcome.value}


def _failed(file: Path, dialect: str, reason: str, detail: str) -> dict[str, Any]:
    return {
        "file": str(file),
        "dialect": dialect,
        "extrusions": None,
        "valid": False,
        "reason": reason,
        "detail": detail,
        **UNKNOWN,
    }
