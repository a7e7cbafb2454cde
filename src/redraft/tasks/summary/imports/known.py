"""Published sets of documents with summaries: their columns, configurations and licences.

What stands here is what their pages say; a set that changes its form is read with `--column` and `--name`.
"""

from __future__ import annotations

from redraft.core.offers import KnownSet

KNOWN_SETS: dict[str, KnownSet] = {}
