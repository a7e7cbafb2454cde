"""The files of a reconstruction: all of them whole, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.core.atomic import write_bytes
from redraft.core.errors import OutputError, Refusal
from redraft.core.work import Work
from redraft.tasks.cad.dialects import DIALECTS, write_program
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.program import Program
from redraft.tasks.cad.program.codec import to_data
from redraft.tasks.cad.reconstruct import Reconstruction
from redraft.tasks.cad.sheets import beside
from redraft.tasks.cad.truth import images_of

DIALECT_FILES = {
    "deepcad": ".deepcad.json",
    "openecad": ".openecad.txt",
    "cadquery": ".cadquery.py",
    "build123d": ".build123d.py",
    "compact": ".compact.txt",
}
"""Dialect to what follows the part's name."""
OTHERS = (".glb", ".drawing.png", ".answer.txt")


def possible_files(output: Path) -> list[Path]:
    """Every file that a reconstruction into PART.step may write."""
    return [output, *(output.with_name(output.stem + end) for end in (*DIALECT_FILES.values(), *OTHERS))]


def refuse_existing(output: Path) -> None:
    """Raises OutputError where one of the files is there already."""
    for path in possible_files(output):
        if path.exists():
            raise OutputError(
                "the output exists already", where=str(path), remedy="Choose another output, or give --force"
            )


@dataclass(frozen=True)
class Made:
    """files: ends of names to contents. reason: "ok", or why there is no STEP among them. measure: the solid's."""

    files: dict[str, bytes]
    reason: str
    detail: str
    measure: Mapping[str, Any] | None


def make_files(found: Reconstruction, options: Mapping[str, Any], work: Work) -> Made:
    """Everything that can be made of the best answer: at the least its text."""
    best = found.best
    files = {".answer.txt": (best.prediction.text.rstrip() + "\n").encode()}
    if best.program is None:
        return Made(files, best.reason, best.detail, None)
    shape = {"program": to_data(best.program)}
    drawn = shared_pool().call("describe", {**shape, "style": options["style"], "exact": options["exact"]})
    measure = drawn.value["measure"] if drawn.ok else None
    files |= program_files(best.program, measure, options["grid"], work)
    if drawn.ok:
        files[".drawing.png"] = beside(found.drawing.images, images_of(drawn.value))
    if not best.valid:
        return Made(files, best.reason, best.detail, measure)
    exported = shared_pool().call("export", {**shape, "formats": ["step", "glb"]})
    if not exported.ok:
        return Made(files, exported.reason, exported.detail, measure)
    return Made(files | {f".{kind}": data for kind, data in exported.value.items()}, "ok", "", measure)


def program_files(program: Program, measure: Mapping[str, Any] | None, grid: int, work: Work) -> dict[str, bytes]:
    """The program's text in every dialect by the file name's end. A dialect that cannot say it goes to the log."""
    box = {}
    if measure is not None:
        low = measure["bbox_min"]
        box = {"box": (tuple(low), tuple(a + b for a, b in zip(low, measure["bbox_mm"], strict=True)))}
    files: dict[str, bytes] = {}
    for dialect in DIALECTS:
        try:
            text = write_program(program, dialect, **({"grid": grid, **box} if dialect == "compact" else {}))
        except Refusal as error:
            work.log(f"not written as {dialect}: {error}", "warning")
            continue
        files[DIALECT_FILES[dialect]] = (text.rstrip("\n") + "\n").encode()
    return files


def write_all(output: Path, files: Mapping[str, bytes]) -> list[str]:
    """Writes the files, ends of names to contents, beside output, whose own end is ".step" or ".stp".

    The STEP file comes last, so that its being there means that all are. When one cannot be written, those
    written before are removed. Files of an earlier answer that this one does not have are removed as well.
    """
    paths = {end: output if end == ".step" else output.with_name(output.stem + end) for end in files}
    written: list[Path] = []
    try:
        for end in sorted(files, key=lambda end: end == ".step"):
            write_bytes(paths[end], files[end])
            written.append(paths[end])
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    for path in possible_files(output):
        if path not in written:
            path.unlink(missing_ok=True)
    return [str(path) for path in sorted(written, key=lambda path: path != output)]
