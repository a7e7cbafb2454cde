"""docs/job-kinds.md names every kind and everything that each takes."""

from __future__ import annotations

import re
from pathlib import Path

from redraft.queue.kinds import KINDS
from redraft.queue.presets import PRESETS

PAGE = (Path(__file__).parents[2] / "docs" / "job-kinds.md").read_text(encoding="utf-8")


def test_the_table_is_that_of_the_kinds() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.splitlines() if re.match(r"^\| `\w+` \|", line)]
    assert [row[0].strip(" `") for row in rows] == list(KINDS)
    for row in rows:
        kind = KINDS[row[0].strip(" `")]
        assert set(re.findall(r"`(\w+)`", row[1])) == set(kind.payload.model_fields)
        assert row[3].strip() == kind.resource


def test_the_presets_are_named() -> None:
    for preset in PRESETS:
        assert f"`{preset}`" in PAGE
