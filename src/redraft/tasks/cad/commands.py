"""`redraft cad ...` and `redraft reconstruct`. Light: checks names of files and starts the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from redraft.core.errors import UsageError

DIALECTS = ("deepcad", "openecad", "cadquery", "build123d", "compact")
"""The dialects' names, written again here so that help needs no engine; a test holds the two lists together."""

Run = Callable[..., None]
AS_JSON = typer.Option(False, "--json", help="Print one JSON document and nothing else.")
FORCE = typer.Option(False, "--force", "-f", help="Replace the output where it exists.")
FILE = typer.Argument(help="DeepCAD .json, STEP, or program text in any dialect, known by its content.")
PICTURES = typer.Argument(help="FRONT TOP RIGHT, or one sheet with the three views, or a folder of parts.")


def register(app: typer.Typer, run: Run) -> None:
    """Adds the group `cad` and the command `reconstruct`."""
    cad = typer.Typer(help="Measure, draw, convert, compare and build CAD programs.", no_args_is_help=True)
    _measure(cad, run)
    _compare(cad, run)
    _draw(cad, run)
    _convert(cad, run)
    _build(cad, run)
    app.add_typer(cad, name="cad")
    _reconstruct(app, run)


def _measure(app: typer.Typer, run: Run) -> None:
    @app.command()
    def measure(files: list[str] = FILE, json: bool = AS_JSON) -> None:
        """Say whether the solid is valid, and its faces, volume, area and box. Exit code 1 where it is not."""
        from redraft.tasks.cad.tables import show_measures

        run("cad.measure", {"files": [_there(file) for file in files]}, as_json=json, show=show_measures)


def _compare(app: typer.Typer, run: Run) -> None:
    @app.command()
    def compare(
        a: str = typer.Argument(help="The part to judge."),
        b: str = typer.Argument(help="The part it should be."),
        json: bool = AS_JSON,
    ) -> None:
        """Say how far two parts agree: in place, with their boxes' centres together, and scaled to one size."""
        from redraft.tasks.cad.tables import show_comparison

        run("cad.compare", {"a": _there(a), "b": _there(b)}, as_json=json, show=show_comparison)


def _draw(app: typer.Typer, run: Run) -> None:
    @app.command()
    def draw(
        file: str = FILE,
        output: str = typer.Option(..., "--output", "-o", help="A new folder for front.png, top.png, right.png."),
        size: int = typer.Option(512, "--size", min=64, max=4096, help="Pixels of a view's side."),
        sheet: bool = typer.Option(False, "--sheet", help="Also sheet.png: the three views in third angle."),
        svg: bool = typer.Option(False, "--svg", help="Also drawing.svg, in millimetres."),
        dxf: bool = typer.Option(False, "--dxf", help="Also drawing.dxf, in millimetres."),
        json: bool = AS_JSON,
    ) -> None:
        """Draw front, top and right view to one scale, hidden lines dashed."""
        from redraft.tasks.cad.tables import show_files

        request = {
            "file": _there(file),
            "output": _absolute(output),
            "style": {"size": size},
            "sheet": sheet,
            "svg": svg,
            "dxf": dxf,
        }
        run("cad.draw", request, as_json=json, show=show_files)


def _convert(app: typer.Typer, run: Run) -> None:
    @app.command()
    def convert(
        file: str = FILE,
        to: str = typer.Option(..., "--to", help="One of: " + ", ".join(DIALECTS) + "."),
        output: str | None = typer.Option(None, "--output", "-o", help="The file to write; else standard output."),
        grid: int | None = typer.Option(
            None, "--grid", min=8, max=4096, help="compact: steps along the largest side."
        ),
        force: bool = FORCE,
        json: bool = AS_JSON,
    ) -> None:
        """Write a program in another dialect."""
        if to not in DIALECTS:
            raise UsageError(f"there is no dialect '{to}'", remedy=f"Choose one of: {', '.join(DIALECTS)}")
        from redraft.tasks.cad.tables import show_text

        request = {
            "file": _there(file),
            "to": to,
            "output": _absolute(output) if output else None,
            "grid": grid,
            "force": force,
        }
        run("cad.convert", request, as_json=json, show=show_text)


def _build(app: typer.Typer, run: Run) -> None:
    @app.command()
    def build(
        file: str = FILE,
        output: str = typer.Option(..., "--output", "-o", help="OUT.step, .stl, .glb, .svg or .dxf."),
        force: bool = FORCE,
        json: bool = AS_JSON,
    ) -> None:
        """Build the solid and write it. Exit code 1, and no file, where it is not valid."""
        from redraft.tasks.cad.tables import show_build

        request = {"file": _there(file), "output": _absolute(output), "force": force}
        run("cad.build", request, as_json=json, show=show_build)


def _reconstruct(app: typer.Typer, run: Run) -> None:
    @app.command()
    def reconstruct(
        pictures: list[str] = PICTURES,
        output: str = typer.Option(..., "--output", "-o", help="PART.step; for a folder of parts, a folder."),
        model: str = typer.Option("default/cad", "--model", "-m", help="A checkpoint or run folder."),
        size: str | None = typer.Option(None, "--size", help="The part's W,D,H in mm (along X, Y, Z)."),
        scale: float | None = typer.Option(None, "--scale", help="Millimetres a pixel of the pictures."),
        fast: bool = typer.Option(False, "--fast", help="Ask for one answer instead of choosing among several."),
        samples: int | None = typer.Option(None, "--samples", min=1, max=64, help="Answers to choose from."),
        force: bool = FORCE,
        json: bool = AS_JSON,
    ) -> None:
        """Turn three views of a part into its editable program and its solid."""
        from redraft.tasks.cad.tables import show_reconstruction

        if size is not None and scale is not None:
            raise UsageError("--size and --scale both say how large the part is", remedy="Give one of them")
        if scale is not None and not 0 < scale < float("inf"):
            raise UsageError(f"--scale is {scale:g}", remedy="Give millimetres a pixel above 0")
        request = {
            "pictures": [_there(picture) for picture in pictures],
            "output": _absolute(output),
            "model": model if model.startswith("default") or "://" in model else _absolute(model),
            "size": _size(size) if size is not None else None,
            "scale": scale,
            "samples": samples if samples is not None else (1 if fast else None),
            "force": force,
        }
        run("cad.reconstruct", request, as_json=json, show=show_reconstruction)


def _there(name: str) -> str:
    path = Path(name)
    if not path.exists():
        raise UsageError("there is no such file", where=name, remedy="Check the path")
    return _absolute(name)


def _absolute(name: str) -> str:
    return str(Path(name).expanduser().absolute())


def _size(text: str) -> list[float]:
    try:
        size = [float(value) for value in text.split(",")]
    except ValueError:
        size = []
    if len(size) != 3 or not all(0 < value <= 100_000 for value in size):
        raise UsageError(
            f"--size is '{text}'", remedy="Give width, depth and height in mm above 0, such as 40,20,12.5"
        )
    return size
