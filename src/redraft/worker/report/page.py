"""The whole page, from a run folder."""

from __future__ import annotations

from html import escape
from pathlib import Path

from redraft.core.atomic import write_text
from redraft.worker.report.facts import dataset_facts, files_table, limits, machine_facts, recipe_text
from redraft.worker.report.figures import curves, headline, key_figures, says
from redraft.worker.report.gather import Run, gather
from redraft.worker.report.samples import samples
from redraft.worker.report.scores import final_sections, score_tables

INK = (
    '<svg width="0" height="0" aria-hidden="true" style="position:absolute"><filter id="ink" '
    'color-interpolation-filters="sRGB"><feComponentTransfer>'
    + "".join(f'<feFunc{channel} type="gamma" exponent="2.6"/>' for channel in "RGB")
    + "</feComponentTransfer></filter></svg>"
)
"""Darkens the thin lines of drawings, which turn grey when a browser shrinks them."""
STYLE = Path(__file__).with_name("style.css")


def write_report(run_folder: Path | str) -> Path:
    """Writes `report.html` into the run's folder from what lies there, and returns its path.

    It may be called during a run and again after it; the page then tells what there is so far. A folder that is no
    run is an InputError.
    """
    folder = Path(run_folder)
    path = folder / "report.html"
    write_text(path, page(gather(folder)))
    return path


def page(run: Run) -> str:
    """The report as HTML text: self-contained, light and dark, no script."""
    title, lede = headline(run)
    body = [
        f'<p class="eyebrow">redraft training report</p><h1>{escape(title)}</h1><p class="lede">{lede}</p>',
        key_figures(run),
        says(run),
        _section("How it learned", curves(run)),
        *(_section(heading, html) for heading, html in final_sections(run)),
        _section("Samples from training", samples(run.evaluations[-1])) if run.evaluations else "",
        _section("Scores during training", score_tables(run)),
        _section("How it was made", f'<div class="pair">{dataset_facts(run)}{machine_facts(run)}</div>'),
        _section("The recipe", recipe_text(run)),
        _section("Where the files are", files_table(run)),
        _section("What this report does not cover", limits(run)),
        f"<footer>Written by redraft from {escape(run.folder.name)}. It loads nothing from elsewhere.</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style></head>\n"
        f"<body>{INK}<main>\n{''.join(part + chr(10) for part in body if part)}</main></body></html>\n"
    )


def _section(heading: str, html: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{html}</section>" if html else ""
