"""The text of a piece of HTML, as it stands within Markdown."""

from __future__ import annotations

from html.parser import HTMLParser

_APART = frozenset(
    "p div li tr td th h1 h2 h3 h4 h5 h6 br summary details table ul ol dt dd pre blockquote".split()  # noqa: SIM905
)
_HIDDEN = frozenset(("script", "style", "template"))


def html_text(html: str) -> tuple[list[str], int]:
    """Its paragraphs, and how many tags and comments stood around them. A picture leaves its description."""
    found = _Tags()
    found.feed(html)
    found.close()
    pieces = "".join(found.parts).split("\0")
    return [text for piece in pieces if (text := " ".join(piece.split()))], found.tags


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags = 0
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += 1
        self.hidden += tag in _HIDDEN
        self.parts.append("\0" * (tag in _APART))
        self.parts += [value for name, value in attrs if name == "alt" and tag == "img" and value]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in _HIDDEN and self.hidden > 0
        self.parts.append("\0" * (tag in _APART))

    def handle_comment(self, data: str) -> None:
        self.tags += 1

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)
