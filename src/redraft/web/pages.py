"""HTML pages of the server itself, from `templates/`: values are escaped; no script or style stands in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from redraft import __version__

FOLDER = Path(__file__).parent / "templates"


def page(title: str, template: str, **values: Any) -> str:
    """The page as text."""
    return _environment().get_template(template).render(title=title, version=__version__, **values)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    markdown = MarkdownIt("commonmark", {"html": False})
    found.filters["markdown"] = lambda text: Markup(markdown.render(text))  # escapes what is not Markdown
    found.filters["breakable"] = lambda path: escape(path).replace("/", Markup("/<wbr>"))
    found.filters["words"] = lambda text: Markup(markdown.renderInline(text))
    return found
