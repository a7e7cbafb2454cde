"""`redraft summary plan`: which pages show a document to a model."""

from __future__ import annotations

from pathlib import Path

from redraft.core.errors import InputError
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.summary import options as summary_options
from redraft.tasks.summary.budget import plan
from redraft.tasks.summary.budget.planner import ANSWER_TOKENS, MAX_PAGES
from redraft.tasks.summary.budget.readability import SAFE_RATIO
from redraft.tasks.summary.drawing import document_of
from redraft.tasks.summary.given import open_document


def plan_pages(request: Request, work: Work) -> Result:
    """request: file, name, model, and as wanted ratio, letters, style (fields that stay as given), max_tokens,
    max_pages, answer_tokens, language."""
    given = open_document(Path(request["file"]), request["name"], work, language=request.get("language") or "")
    if not given.truth["text"]:
        raise InputError(
            "there is no text whose pages could be planned: it is a PDF of pictures",
            where=given.name,
            remedy="`redraft summarize --pdf-pages` shows a PDF by its own pages",
        )
    document = document_of(given.truth, summary_options.read({}))
    try:
        budget = plan(
            document,
            work.sight(request["model"]),
            ratio=request.get("ratio") or SAFE_RATIO,
            letters=request.get("letters"),
            fixed=request.get("style"),
            max_tokens=request.get("max_tokens"),
            max_pages=request.get("max_pages") or MAX_PAGES,
            answer_tokens=request.get("answer_tokens") or ANSWER_TOKENS,
        )
    except InputError as error:
        error.where = f"{given.name} for {error.where}"
        raise
    notes = [*given.notes, *document.notes]
    return Result({"document": given.name, "characters": len(document.text), **budget.as_data(), "notes": notes})
