"""`redraft summarize` and `redraft summary ...`. Light: checks names of files and starts the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from redraft.core.errors import UsageError
from redraft.tasks.summary.command_inputs import (
    STANDARD_INPUT,
    absolute,
    fields_of,
    file_of,
    grid_of,
    model_of,
    source_of,
)

Run = Callable[..., None]
AS_JSON = typer.Option(False, "--json", help="Print one JSON document and nothing else.")
FORCE = typer.Option(False, "--force", "-f", help="Replace the output where it exists.")
STYLE = typer.Option(
    None, "--style", help="A field of the pages' style as KEY=VALUE, such as font_size=12; may be repeated."
)
GRID = typer.Option(
    None,
    "--style",
    help="Values of a style's field as KEY=A,B, such as font_size=8,10,12 or page=640x640,1024x1024; repeat it "
    "for more fields. Without it: sizes, fonts, columns and spacing around the dataset's style.",
)
FILE = typer.Argument(help="Plain text, Markdown or PDF, known by its content; - reads standard input.")
LANGUAGE = typer.Option(
    "", "--language", help="Of the document (BCP 47, such as ja): it decides some letters' form."
)


def register(app: typer.Typer, run: Run) -> None:
    """Adds the command `summarize` and the group `summary`."""
    _summarize(app, run)
    group = typer.Typer(
        help="Pages of documents: draw them, plan them, search the best style.", no_args_is_help=True
    )
    _pages(group, run)
    _plan(group, run)
    _search(group, run)
    app.add_typer(group, name="summary")


def _summarize(app: typer.Typer, run: Run) -> None:
    @app.command()
    def summarize(
        document: str = typer.Argument(
            help="Plain text, Markdown or PDF; a folder of them; or - (standard input)."
        ),
        model: str = typer.Option(
            "default/summary",
            "--model",
            "-m",
            help="A run, a checkpoint, a model folder, or http://host/v1#model.",
        ),
        output: str | None = typer.Option(
            None, "--output", "-o", help="The summary's file; of a folder, a folder (FOLDER-summaries)."
        ),
        pages: str | None = typer.Option(None, "--pages", help="A new folder for the pages that the model read."),
        max_pages: int | None = typer.Option(
            None, "--max-pages", min=1, help="Reads at most so many first pages."
        ),
        pdf_pages: bool = typer.Option(False, "--pdf-pages", help="Shows a PDF's own pages instead of its text."),
        style: list[str] = STYLE,
        ratio: float | None = typer.Option(
            None, "--ratio", min=0.1, help="For a model not trained here: text tokens a page token, at most (10)."
        ),
        max_new_tokens: int | None = typer.Option(None, "--max-new-tokens", min=1, help="The longest summary."),
        loop_stop: int | None = typer.Option(
            None,
            "--loop-stop",
            min=0,
            help="Ends an answer that repeats itself over so many tokens (48); 0: never.",
        ),
        batch_size: int | None = typer.Option(None, "--batch-size", min=1, help="Documents answered at once."),
        device: str | None = typer.Option(None, "--device", help="auto, cpu, cuda or mps."),
        language: str = LANGUAGE,
        force: bool = FORCE,
        json: bool = AS_JSON,
    ) -> None:
        """Summarise a document, or every document of a folder, from the pages that the model was trained on."""
        from redraft.tasks.summary.tables import show_summary

        with source_of(document) as source:
            request = {
                "source": source,
                "name": STANDARD_INPUT if document == "-" else document,
                "model": model_of(model),
                "output": absolute(output),
                "pages": absolute(pages),
                "max_pages": max_pages,
                "pdf_pages": pdf_pages,
                "style": fields_of(style),
                "ratio": ratio,
                "max_new_tokens": max_new_tokens,
                "loop_stop": loop_stop,
                "batch_size": batch_size,
                "device": device,
                "language": language,
                "force": force,
            }
            run("summary.summarize", request, as_json=json, show=show_summary)


def _pages(app: typer.Typer, run: Run) -> None:
    @app.command()
    def pages(
        document: str = FILE,
        output: str = typer.Option(
            ..., "--output", "-o", help="A new folder for page-001.png ... and report.json."
        ),
        style: list[str] = STYLE,
        model: str | None = typer.Option(
            None, "--model", "-m", help="Counts tokens and letters as this model sees them: a model, or a family."
        ),
        max_pages: int | None = typer.Option(
            None, "--max-pages", min=1, help="Draws at most so many first pages."
        ),
        language: str = LANGUAGE,
        json: bool = AS_JSON,
    ) -> None:
        """Draw a document's pages and say what stands on each. Exit code 1 where a line is clipped."""
        from redraft.tasks.summary.tables import show_pages

        with source_of(document) as source:
            request = {
                "file": file_of(source),
                "name": STANDARD_INPUT if document == "-" else document,
                "output": absolute(output),
                "style": fields_of(style),
                "model": model_of(model) if model else None,
                "max_pages": max_pages,
                "language": language,
            }
            run("summary.pages", request, as_json=json, show=show_pages)


def _plan(app: typer.Typer, run: Run) -> None:
    @app.command()
    def plan(
        document: str = FILE,
        model: str = typer.Option(
            ..., "--model", "-m", help="A run, a checkpoint, a model folder, or a family such as deepseek_ocr2."
        ),
        ratio: float = typer.Option(
            10.0, "--ratio", min=0.1, help="Text tokens a page token that no page reaches."
        ),
        letters: float | None = typer.Option(
            None, "--letters", min=1.0, help="The least x-height in the model, in pixels (5, or more by script)."
        ),
        style: list[str] = STYLE,
        max_tokens: int | None = typer.Option(None, "--max-tokens", min=1, help="What the model takes in all."),
        answer_tokens: int = typer.Option(512, "--answer-tokens", min=0, help="Of these, kept for the summary."),
        max_pages: int = typer.Option(64, "--max-pages", min=1, max=1000, help="The most pages."),
        language: str = LANGUAGE,
        json: bool = AS_JSON,
    ) -> None:
        """Choose page size, columns and font size: the fewest tokens at which the model can read the document."""
        from redraft.tasks.summary.tables import show_plan

        with source_of(document) as source:
            request = {
                "file": file_of(source),
                "name": STANDARD_INPUT if document == "-" else document,
                "model": model_of(model),
                "ratio": ratio,
                "letters": letters,
                "style": fields_of(style),
                "max_tokens": max_tokens,
                "answer_tokens": answer_tokens,
                "max_pages": max_pages,
                "language": language,
            }
            run("summary.plan", request, as_json=json, show=show_plan)


def _search(app: typer.Typer, run: Run) -> None:
    @app.command()
    def search(
        dataset: str = typer.Argument(help="A dataset folder of documents with summaries."),
        model: str = typer.Option(
            "default/summary",
            "--model",
            "-m",
            help="A run, a checkpoint, a model folder, or http://host/v1#model.",
        ),
        out: str = typer.Option(..., "--out", "-o", help="A new folder, or that of a search to go on with."),
        split: str = typer.Option("validation", "--split", help="Which of the dataset's splits."),
        limit: int = typer.Option(64, "--limit", min=2, help="Documents, evenly over the split."),
        style: list[str] = GRID,
        trials: int = typer.Option(24, "--trials", min=2, max=1000, help="Styles tried, drawn from all of these."),
        seed: int = typer.Option(0, "--seed", help="Of the styles drawn, the order of documents, the intervals."),
        max_new_tokens: int | None = typer.Option(None, "--max-new-tokens", min=1, help="The longest summary."),
        loop_stop: int | None = typer.Option(
            None,
            "--loop-stop",
            min=0,
            help="Ends an answer that repeats itself over so many tokens (48); 0: never.",
        ),
        batch_size: int | None = typer.Option(None, "--batch-size", min=1, help="Documents answered at once."),
        device: str | None = typer.Option(None, "--device", help="auto, cpu, cuda or mps."),
        json: bool = AS_JSON,
    ) -> None:
        """Try page styles against a model: which one buys the most quality per token. Poor ones end early."""
        if not Path(dataset).expanduser().is_dir():
            raise UsageError("there is no such dataset", where=dataset, remedy="Give a dataset folder")
        from redraft.tasks.summary.tables import show_search

        request = {
            "dataset": absolute(dataset),
            "model": model_of(model),
            "output": absolute(out),
            "split": split,
            "limit": limit,
            "grid": grid_of(style),
            "trials": trials,
            "seed": seed,
            "max_new_tokens": max_new_tokens,
            "loop_stop": loop_stop,
            "batch_size": batch_size,
            "device": device,
        }
        run("summary.search", request, as_json=json, show=show_search)
