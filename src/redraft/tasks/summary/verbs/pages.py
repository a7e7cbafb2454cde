"""`redraft summary pages`: a document's pages as pictures, with what stands on each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fontTools import unicodedata

from redraft.core.atomic import new_folder, write_bytes, write_json
from redraft.core.errors import InputError
from redraft.core.sight import Sight
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.summary import options as summary_options
from redraft.tasks.summary.budget.measure import Measured, measured
from redraft.tasks.summary.drawing import Drawn, draw_pages
from redraft.tasks.summary.given import open_document
from redraft.tasks.summary.pages.font_report import explain_missing
from redraft.tasks.summary.pages.scripts import package

REPORT = "report.json"


@dataclass(frozen=True)
class PageRow:
    """One page. letters: x-height in pixels, as drawn or as --model gets it. tokens, text_tokens, ratio: with
    --model. missing: code points that no installed font has. clipped: numbers of lines that leave their column."""

    page: int
    file: str
    characters: int
    lines: int
    letters: float
    tokens: int | None
    text_tokens: int | None
    ratio: float | None
    missing: list[str]
    clipped: list[int]


def pages(request: Request, work: Work) -> Result:
    """request: file, name, output (a new folder), and as wanted style, model, max_pages, language.

    Exit code 1 where a line is clipped. Missing glyphs are a finding of the report with the package that has them,
    since no drawing can help it.
    """
    given = open_document(Path(request["file"]), request["name"], work, language=request.get("language") or "")
    if not given.truth["text"]:
        raise InputError(
            "there is no text to draw: it is a PDF of pictures",
            where=given.name,
            remedy="`redraft summarize --pdf-pages` shows a PDF by its own pages",
        )
    most = request.get("max_pages")
    options = summary_options.complete(
        {
            "style": request.get("style") or {},
            "keep_images": True,
            "long": "cut",
            "max_pages": most or summary_options.SummaryOptions.model_fields["max_pages"].default,
        }
    )
    sight = work.sight(request["model"]) if request.get("model") else None
    drawn = draw_pages(given.truth, 0, options)
    if not drawn.layout.complete and not most:
        raise InputError(
            f"the document has more than {options['max_pages']} pages in this style",
            where=given.name,
            remedy="Draw its beginning with --max-pages N, or more of it with a higher N",
        )
    notes = [*given.notes, *drawn.document.notes]
    if drawn.layout.missing:
        what, remedy = explain_missing(drawn.layout.missing)
        notes.append(f"{what[:1].upper()}{what[1:]}. {remedy}")
    value = {"document": given.name, **_report(drawn, sight), "notes": notes}
    output = Path(request["output"])
    with new_folder(output) as folder:
        for image in drawn.images:
            write_bytes(folder / image.path, image.bytes)
        write_json(folder / REPORT, value)
    value["output"] = str(output)
    return Result(value, exit_code=int(any(row["clipped"] for row in value["rows"])))


def _report(drawn: Drawn, sight: Sight | None) -> dict[str, Any]:
    style, text = drawn.layout.style, drawn.document.text
    cost = None
    if sight is not None:
        cost = measured(drawn.layout, len(text), sight.text_tokens(text), sight)
    rows = [asdict(_row(drawn, index, cost)) for index in range(len(drawn.images))]
    return {
        "pages": len(rows),
        "complete": drawn.layout.complete,
        "characters": len(text),
        "width": style.pixels[0],
        "height": style.pixels[1],
        "style": style.model_dump(),
        "model": None if sight is None else sight.name,
        "exact": None if sight is None else sight.exact,
        "tokens": None if cost is None else cost.tokens,
        "text_tokens": None if cost is None else round(sum(cost.page_texts)),
        "ratio": None if cost is None else round(cost.ratio, 4),
        "letters": round(drawn.layout.letter_height if cost is None else cost.letters, 3),
        "missing": [_missing(code) for code in drawn.layout.missing],
        "rows": rows,
    }


def _row(drawn: Drawn, index: int, cost: Measured | None) -> PageRow:
    report = drawn.reports[index]
    return PageRow(
        index + 1,
        drawn.images[index].path,
        report.characters,
        report.lines,
        round(report.letter_height if cost is None else cost.letters, 3),
        None if cost is None else cost.page_tokens,
        None if cost is None else round(cost.page_texts[index]),
        None if cost is None else round(cost.page_texts[index] / cost.page_tokens, 4),
        [f"U+{code:04X}" for code in report.missing],
        list(report.clipped),
    )


def _missing(code: int) -> dict[str, str]:
    return {
        "code": f"U+{code:04X}",
        "character": chr(code),
        "package": package(code, unicodedata.script(chr(code))),
    }
