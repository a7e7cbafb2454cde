"""`redraft summarize`: one document, or a folder of documents that can be interrupted and gone on with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redraft.core.atomic import new_folder, write_bytes, write_text
from redraft.core.errors import OutputError, UsageError
from redraft.core.prediction import Predictor
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.summary.given import open_document
from redraft.tasks.summary.showing import Showing, Shown
from redraft.tasks.summary.summarising import LOOP_STOP, summarise

SETTINGS = ("max_new_tokens", "batch_size", "device")


def summarize(request: Request, work: Work) -> Result:
    """request: source (a file or a folder), name, model, and as wanted output, pages (a new folder for what the
    model read), style, max_pages, pdf_pages, language, ratio, max_new_tokens, batch_size, device, loop_stop (0:
    none), force. See docs/summarize.md."""
    source = Path(request["source"])
    if source.is_dir():
        from redraft.tasks.summary.verbs.summarize_folder import summarize_folder

        return summarize_folder(source, request, work)
    output = Path(request["output"]) if request.get("output") else None
    refuse_existing(output, request)
    pages = Path(request["pages"]) if request.get("pages") else None
    if pages is not None and pages.exists() and (pages.is_file() or any(pages.iterdir())):
        raise OutputError("the folder for pages exists already", where=str(pages), remedy="Choose another one")
    started = time.monotonic()
    # What is wrong with the document is said before a model is loaded.
    given = open_document(
        source,
        request["name"],
        work,
        own_pages=bool(request.get("pdf_pages")),
        language=request.get("language") or "",
    )
    predictor = predictor_of(request, work)
    shown = showing_of(request, predictor, work).show(given)
    work.progress("summarising", 0, 1)
    summary = summarise([shown], predictor)[0]
    work.progress("summarising", 1, 1)
    value = summary.as_data()
    for note in value["notes"]:
        work.log(note, "warning")
    if pages is not None:
        value["page_files"] = write_pages(pages, [shown], alone=True)
    if output is not None:
        write_text(output, summary.text + "\n")
        value["output"] = str(output)
    value["seconds"] = round(time.monotonic() - started, 3)
    return Result(value, exit_code=int(not summary.text))


def predictor_of(request: Request, work: Work) -> Predictor:
    wanted = {name: request[name] for name in SETTINGS if request.get(name)}
    stop = request.get("loop_stop")
    return work.predictor(request["model"], **wanted, loop_stop=LOOP_STOP if stop is None else stop or None)


def showing_of(request: Request, predictor: Predictor, work: Work) -> Showing:
    """What the predictor's model was trained on decides; see `showing`."""
    settings: dict[str, Any] = {"ratio": request["ratio"]} if request.get("ratio") else {}
    limit = getattr(getattr(predictor, "settings", None), "max_new_tokens", None)
    if limit is not None:
        settings["answer_tokens"] = limit
    return Showing(
        getattr(predictor, "task_options", None) or {},
        work.sight(request["model"]),
        work,
        style=request.get("style"),
        max_pages=request.get("max_pages"),
        small=bool(request.get("pages")),
        **settings,
    )


def refuse_existing(output: Path | None, request: Request) -> None:
    if output is None or request.get("force"):
        return
    if output.is_dir():
        raise UsageError("the output of one document is a file", where=str(output), remedy="Name a file with -o")
    if output.exists():
        raise OutputError(
            "the output exists already", where=str(output), remedy="Choose another output, or give --force"
        )


def write_pages(folder: Path, shown: Sequence[Shown], *, alone: bool = False) -> list[str]:
    """Keeps the pages that the model read: in the folder itself, or each document's in one of its own."""
    written = []
    for one in shown:
        place = folder if alone else folder / one.given.name
        with new_folder(place) as made:
            for image in one.example.images:
                write_bytes(made / image.path, image.bytes)
        written += [str(place / image.path) for image in one.example.images]
    return written
