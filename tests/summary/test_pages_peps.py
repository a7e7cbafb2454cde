"""Real documents on pages: nothing clipped, nothing lost, no missing glyph that is not listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.fonts import missing
from redraft.tasks.summary.pages.layout import lay_out
from redraft.tasks.summary.pages.report import page_texts, report
from redraft.tasks.summary.pages.style import PageStyle


def documents(shared_data: Path) -> list[dict]:
    with (shared_data / "documents" / "peps.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_a_handful_of_real_documents(shared_data: Path) -> None:
    rows = sorted(documents(shared_data), key=lambda row: len(row["text"]))
    for row in rows[5:200:50]:
        assert holds(row) == set()


@pytest.mark.slow
def test_all_real_documents(shared_data: Path) -> None:
    rows = documents(shared_data)
    assert len(rows) == 395
    absent: set[int] = set()
    for row in rows:
        absent |= holds(row)
    assert absent == set(missing("".join(row["text"] for row in rows)))


def holds(row: dict) -> set[int]:
    """The code points without a font that the document's reports list."""
    document = parse(row["text"], "text", row["title"], row["language"])
    layout = lay_out(document, PageStyle())
    assert layout.complete
    found, absent = [], set()
    for index in range(len(layout.pages)):
        told = report(layout, index, draw(layout, index))
        assert not told.clipped, (row["id"], index)
        absent |= set(told.missing)
        found += page_texts(layout, index)
    assert "".join("".join(found).split()) == "".join(document.text.split())
    return absent
