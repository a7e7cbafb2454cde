"""`redraft reconstruct`: one part, or a folder of parts that can be interrupted and gone on with."""

from __future__ import annotations

import csv
import io
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft.core.atomic import output_error, write_bytes
from redraft.core.errors import InputError, OutputError, RedraftError, UsageError
from redraft.core.prediction import Predictor
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.cad import options as cad_options
from redraft.tasks.cad.artefacts import make_files, refuse_existing, write_all
from redraft.tasks.cad.drawings import PartPictures, find_parts, is_one_part, one_part, open_drawing
from redraft.tasks.cad.reconstruct import Drawing, Reconstruction, reconstruct_drawings
from redraft.tasks.cad.views.read import read_pictures
from redraft.tasks.cad.views.style import ViewStyle

SAMPLES = 8
"""Answers to choose from unless --fast or --samples says otherwise."""
BATCH = 8
"""Parts of a folder that the model is asked about at once."""
RESULTS = "results.csv"
UNREADABLE = "unreadable_picture"
"""The reason of a part that was not asked about; it is tried again when the command is."""
COLUMNS = (
    "part", "valid", "reason", "size_source", "x_mm", "y_mm", "z_mm", "volume_mm3",
    "agreement_front", "agreement_top", "agreement_right", "samples", "valid_samples", "seconds", "file",
)  # fmt: skip


def reconstruct(request: Request, work: Work) -> Result:
    """request: pictures (paths), output, model, size [x, y, z], scale, samples, force. See docs/reconstruct.md."""
    pictures, output = [Path(name) for name in request["pictures"]], Path(request["output"])
    samples = request.get("samples") or SAMPLES
    if len(pictures) == 1 and pictures[0].is_dir() and not is_one_part(pictures[0]):
        return _folder(pictures[0], output, request, samples, work)
    if output.suffix.lower() not in (".step", ".stp"):
        raise UsageError("the output is a STEP file", where=str(output), remedy="End it in .step")
    if not request.get("force"):
        refuse_existing(output)
    started = time.monotonic()
    part = _one_part(pictures)
    read_pictures(part.files, ViewStyle())  # a bad picture is found before a model is loaded
    predictor = work.predictor(request["model"])
    options = options_of(predictor)
    drawing = _open(part, request, options, work)
    work.progress("reading the views", 0, 1)
    found = reconstruct_drawings([drawing], predictor, options, samples)[0]
    work.progress("reading the views", 1, 1)
    value = finish(found, output, options, predictor.name, work)
    value["seconds"] = round(time.monotonic() - started, 3)
    return Result(value, exit_code=int(not value["valid"]))


def _open(part: PartPictures, request: Request, options: Mapping[str, Any], work: Work) -> Drawing:
    style = ViewStyle.from_data(options["style"])
    return open_drawing(part, style, work, size=request.get("size"), scale=request.get("scale"))


def options_of(predictor: Predictor) -> dict[str, Any]:
    """The options of the dataset that the model was trained on, where it knows them, else the defaults."""
    return cad_options.complete(getattr(predictor, "task_options", None) or {})


def finish(
    found: Reconstruction, output: Path, options: Mapping[str, Any], model: str, work: Work
) -> dict[str, Any]:
    """Writes the files and says everything about them, as `--json` prints it."""
    made = make_files(found, options, work)
    files, measure = write_all(output, made.files), made.measure or {}
    return {
        "valid": made.reason == "ok",
        "reason": made.reason,
        "detail": made.detail,
        "program": found.best.prediction.text.strip(),
        "dialect": options["dialect"],
        "files": files,
        "size_source": found.sizing.source,
        "size_tolerance_mm": found.sizing.tolerance,
        **{name: measure.get(name) for name in ("bbox_mm", "volume_mm3", "solids", "faces")},
        "agreement": dict(found.best.agreement) or None,
        "samples": found.samples,
        "valid_samples": found.valid_samples,
        "model": model,
    }


def _one_part(pictures: Sequence[Path]) -> PartPictures:
    if len(pictures) == 1 and pictures[0].is_dir():
        return one_part(pictures[0])
    if len(pictures) not in (1, 3):
        raise UsageError(
            f"{len(pictures)} pictures",
            remedy="Give FRONT TOP RIGHT in this order, or one sheet with the three views, or a folder",
        )
    return PartPictures(pictures[0].stem, tuple(pictures))


def _folder(folder: Path, output: Path, request: Request, samples: int, work: Work) -> Result:
    """Reconstructs every part of a folder that the results do not hold yet."""
    if output.suffix.lower() in (".step", ".stp") or output.is_file():
        raise UsageError("a folder of parts needs an output folder", where=str(output), remedy="Give -o DIR")
    parts = list(find_parts(folder))
    if not parts:
        raise InputError(
            "there is no part in it",
            where=str(folder),
            remedy="Name pictures PART.front.png, PART.top.png, PART.right.png, or PART/front.png and so on",
        )
    results = Results(output, fresh=bool(request.get("force")))
    waiting = [part for part in parts if part.name not in results.rows]
    already = len(parts) - len(waiting)
    predictor = work.predictor(request["model"]) if waiting else None
    for batch in _batches(waiting, BATCH):
        assert predictor is not None
        for row in _rows(batch, output, predictor, request, samples, work):
            results.add(row)
            work.progress("reconstructing", len(results.rows), len(parts), str(row["part"]))
    rows = [results.rows[part.name] for part in parts]
    valid = sum(row["valid"] == "true" for row in rows)
    reasons = Counter(str(row["reason"]) for row in rows if row["valid"] != "true")
    value = {
        "valid": valid == len(rows),
        "reason": "ok" if valid == len(rows) else reasons.most_common(1)[0][0],
        "parts": len(rows),
        "valid_parts": valid,
        "already_done": already,
        "reasons": dict(reasons.most_common()),
        "results": str(output / RESULTS),
        "rows": rows,
    }
    return Result(value, exit_code=int(valid < len(rows)))


def _rows(
    batch: Sequence[PartPictures],
    output: Path,
    predictor: Predictor,
    request: Request,
    samples: int,
    work: Work,
) -> Iterator[dict[str, Any]]:
    started, options, drawings = time.monotonic(), options_of(predictor), []
    for part in batch:
        try:
            drawings.append(_open(part, request, options, work))
        except RedraftError as error:
            work.log(str(error), "warning")
            yield _row(part.name, {"valid": False, "reason": UNREADABLE}, 0.0)
    found = reconstruct_drawings(drawings, predictor, options, samples) if drawings else []
    seconds = (time.monotonic() - started) / max(1, len(drawings))
    for one in found:
        path = output / f"{one.drawing.id}.step"
        value = finish(one, path, options, predictor.name, work)
        yield _row(one.drawing.id, value, seconds)


def _row(name: str, value: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    x, y, z = value.get("bbox_mm") or ("", "", "")
    agreement = value.get("agreement") or {}
    row = {
        "part": name,
        "valid": "true" if value["valid"] else "false",
        "reason": value["reason"],
        "size_source": value.get("size_source", ""),
        **{f"{axis}_mm": _round(side) for axis, side in zip("xyz", (x, y, z), strict=True)},
        "volume_mm3": _round(value.get("volume_mm3", "")),
        **{f"agreement_{view}": _round(agreement.get(view, "")) for view in ("front", "top", "right")},
        "samples": value.get("samples", ""),
        "valid_samples": value.get("valid_samples", ""),
        "seconds": round(seconds, 3),
        "file": f"{name}.step" if value["valid"] else "",
    }
    return {name: str(entry) for name, entry in row.items()}


def _round(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else "" if value is None else value


def _batches(parts: Sequence[PartPictures], size: int) -> Iterator[Sequence[PartPictures]]:
    for start in range(0, len(parts), size):
        yield parts[start : start + size]


class Results:
    """The table of a folder's results, a row at a time on the disk. rows: part to its row."""

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.path = folder / RESULTS
        self.rows: dict[str, dict[str, Any]] = {}
        if self.path.is_file() and not fresh:
            self._read()
        elif folder.is_dir() and any(folder.iterdir()) and not fresh:
            raise OutputError(
                f"the output exists already, without a {RESULTS} to go on from",
                where=str(folder),
                remedy="Choose another output, or give --force",
            )
        self._begun = False

    def add(self, row: dict[str, Any]) -> None:
        """Appends one row and waits until the disk has it. Before the first one nothing is written."""
        if not self._begun:
            self._write_whole()
            self._begun = True
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(_lines([row]))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise output_error(self.path, error) from error
        self.rows[row["part"]] = row

    def _read(self) -> None:
        text = self.path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]  # a row that was being written when the power went is not there
        table = csv.DictReader(io.StringIO(whole))
        if tuple(table.fieldnames or ()) != COLUMNS:
            raise OutputError(
                "this table is not one of redraft's results", where=str(self.path), remedy="Choose another output"
            )
        rows = [row for row in table if None not in row.values() and row["reason"] != UNREADABLE]
        self.rows = {row["part"]: row for row in rows}

    def _write_whole(self) -> None:
        header = {name: name for name in COLUMNS}
        write_bytes(self.path, _lines([header, *self.rows.values()]).encode())


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, lineterminator="\n").writerows(rows)
    return text.getvalue()
