"""How results of the cad commands look in a terminal. Light: rich alone, loaded when something is shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Value = Mapping[str, Any]
WIDTH = 200
"""Characters of a line where the output is no terminal."""


def show_measures(value: Value) -> None:
    """One part as a list of its measures, several as rows."""
    if "parts" not in value:
        _print(_facts(_measured(value)))
        return
    table = _columns("part", "solid", ">faces", ">volume mm³", ">box mm")
    for part in value["parts"]:
        table.add_row(
            escape(Path(part["file"]).name),
            _valid(part),
            str(part["faces"]),
            _number(part["volume_mm3"]),
            _size(part["bbox_mm"]),
        )
    _print(table)


def show_comparison(value: Value) -> None:
    """The overlap in its three ways, distances, and the two parts side by side."""
    rows = [
        ("overlap in place (IoU)", _share(value["iou"])),
        ("centres together", _share(value["iou_aligned"])),
        ("scaled to one size", _share(value["iou_scaled"])),
    ]
    rows += [(f"Chamfer distance, {name}", f"{found:.3g}") for name, found in value["chamfer"].items()]
    rows += [
        ("same topology", "yes" if value["betti_equal"] else "no"),
        ("box differs by", f"{value['bbox_error_mm']:.6g} mm"),
    ]
    _print(_facts(rows))
    table = _columns("part", "solid", ">volume mm³", ">box mm", "holes, cavities")
    for side in ("a", "b"):
        table.add_row(
            escape(Path(value[side]).name),
            _valid({"valid": value[f"valid_{side}"], "reason": value[f"reason_{side}"]}),
            _number(value[f"volume_{side}"]),
            _size(value[f"bbox_mm_{side}"]),
            ", ".join(map(str, (value[f"betti_{side}"] or ["-"] * 3)[1:])),
        )
    _print(table)


def show_files(value: Value) -> None:
    """The written files, one a line, and the drawing's scale."""
    _print(
        _facts(
            [
                ("part", _size(value["size_mm"]) + " mm"),
                ("scale", f"{value['mm_per_pixel']:.5g} mm a pixel"),
                *(("written", escape(file)) for file in value["files"]),
            ]
        )
    )


def show_text(value: Value) -> None:
    """The text itself on standard output, or where it was written."""
    if value["output"] is None:
        sys.stdout.write(value["text"] if value["text"].endswith("\n") else value["text"] + "\n")
        return
    _print(
        _facts(
            [
                ("dialect", f"{escape(value['from'])} to {escape(value['to'])}"),
                ("written", f"{escape(value['output'])}, {value['characters']} characters"),
            ]
        )
    )


def show_build(value: Value) -> None:
    """What was built and where it lies."""
    _print(_facts([*_measured(value), ("written", escape(value["output"]))]))


def show_reconstruction(value: Value) -> None:
    """One part with its agreement view by view, or a folder's rows counted."""
    if "parts" in value:
        rows = [("parts", str(value["parts"])), ("valid", f"{value['valid_parts']} of {value['parts']}")]
        rows += [(f"not valid: {reason}", str(count)) for reason, count in value["reasons"].items()]
        rows += [("already done", str(value["already_done"])), ("results", escape(value["results"]))]
        _print(_facts(rows))
        return
    rows = [("solid", _valid(value))]
    if value["valid"]:
        rows += [
            ("size", f"{_size(value['bbox_mm'])} mm ({_SIZES[value['size_source']]})"),
            ("volume", f"{_number(value['volume_mm3'])} mm³"),
        ]
    rows += [(f"agrees, {view}", _share(share)) for view, share in (value.get("agreement") or {}).items()]
    rows += [("answers", f"{value['samples']} asked, {value['valid_samples']} valid")]
    rows += [("written", escape(file)) for file in value["files"]]
    _print(_facts(rows))


_SIZES = {
    "drawing": "from the drawing's scale",
    "given": "as given",
    "assumed": "assumed: the drawing has no scale; give --size or --scale",
}


def _measured(value: Value) -> list[tuple[str, str]]:
    rows = [
        ("part", escape(str(value["file"]))),
        ("read as", escape(str(value.get("dialect", "")))),
        ("solid", _valid(value)),
    ]
    if value.get("detail"):
        rows.append(("because", escape(str(value["detail"]))))
    if value.get("extrusions"):
        rows.append(("extrusions", str(value["extrusions"])))
    if value.get("volume_mm3") is not None:
        rows += [
            ("solids", str(value["solids"])),
            ("faces, edges", f"{value['faces']}, {value['edges']}"),
            ("volume", f"{_number(value['volume_mm3'])} mm³"),
            ("area", f"{_number(value['area_mm2'])} mm²"),
            ("box", f"{_size(value['bbox_mm'])} mm"),
        ]
    return [row for row in rows if row[1]]


def _columns(*names: str) -> Table:
    """A table of columns; a name that begins with > is of numbers."""
    table = Table(box=None, header_style="bold", padding=(0, 2))
    for name in names:
        table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", no_wrap=True)
    return table


def _facts(rows: list[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, text)
    return table


def _print(table: Table) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)  # a file or a pipe has no edge that a path could be cut at
    console.print(table)


def _valid(value: Value) -> str:
    return "[green]✓ valid[/]" if value["valid"] else f"[red]✗ {escape(str(value['reason']))}[/]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _size(value: list[float] | None) -> str:
    return "-" if value is None else " x ".join(f"{side:.6g}" for side in value)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
