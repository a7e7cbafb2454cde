"""The five text forms of a program, each read and written: DeepCAD JSON, OpenECAD, CadQuery, build123d, compact.

Texts are parsed, never executed. docs/dialects.md documents units, tolerances, grammars and refusals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.detect import detect
from redraft.tasks.cad.program.types import Program
from redraft.tasks.cad.program.validate import faults

DIALECTS = ("deepcad", "openecad", "cadquery", "build123d", "compact")


def read_program(
    text: str | bytes,
    dialect: str | None = None,
    *,
    where: str = "",
    size: Sequence[float] | None = None,
    grid: int | None = None,
) -> tuple[Program, str]:
    """The program of a text, and its dialect, found by content where it is not given.

    where: what refusals name, such as a file. size, grid: for compact text without a header, see `read_compact`.
    Anything that is not a program of these dialects is a Refusal, whatever the text holds.
    """
    name = detect(text, where) if dialect is None else _known(dialect)
    try:
        program = _read(text, name, where, size, grid)
        found = faults(program)
    except ArithmeticError:
        raise Refusal(
            "numbers too small or too large to compute with", where=where, remedy="Write a part of 1e-3 to 1e5 mm"
        ) from None
    except RecursionError:
        raise Refusal(
            "expressions nested too deeply", where=where, remedy="Assign parts to names", code="limit"
        ) from None
    if found:
        raise Refusal(
            f"a profile that encloses no clear area: {found[0]}",
            where=where,
            remedy="Draw simple closed outlines, with holes inside them",
            code="refused",
        )
    return program, name


def _read(text: str | bytes, name: str, where: str, size: Sequence[float] | None, grid: int | None) -> Program:
    if name == "deepcad":
        from redraft.tasks.cad.dialects.deepcad_read import read_deepcad

        return read_deepcad(text, where=where).program
    if name == "openecad":
        from redraft.tasks.cad.dialects.openecad_read import read_openecad

        return read_openecad(text, where=where)
    if name == "cadquery":
        from redraft.tasks.cad.dialects.cadquery_read import read_cadquery

        return read_cadquery(text, where=where)
    if name == "build123d":
        from redraft.tasks.cad.dialects.build123d_read import read_build123d

        return read_build123d(text, where=where)
    from redraft.tasks.cad.dialects.compact_read import read_compact

    return read_compact(text, where=where, size=size, grid=grid)


def write_program(program: Program, dialect: str, **options: Any) -> str:
    """The program's text in a dialect.

    options: deepcad `box`; compact `grid`, `header`, `box`, `extents`, see `compact_write.fit`; the others none.
    """
    name = _known(dialect)
    if name == "deepcad":
        from redraft.tasks.cad.dialects.deepcad_write import write_deepcad

        return write_deepcad(program, **options)
    if name == "openecad":
        from redraft.tasks.cad.dialects.openecad_write import write_openecad

        return write_openecad(program, **options)
    if name == "cadquery":
        from redraft.tasks.cad.dialects.cadquery_write import write_cadquery

        return write_cadquery(program, **options)
    if name == "build123d":
        from redraft.tasks.cad.dialects.build123d_write import write_build123d

        return write_build123d(program, **options)
    from redraft.tasks.cad.dialects.compact_write import write_compact

    return write_compact(program, **options)


def _known(dialect: str) -> str:
    if dialect not in DIALECTS:
        raise Refusal(f"there is no dialect '{dialect}'", remedy=f"Choose one of: {', '.join(DIALECTS)}")
    return dialect


__all__ = ["DIALECTS", "detect", "read_program", "write_program"]
