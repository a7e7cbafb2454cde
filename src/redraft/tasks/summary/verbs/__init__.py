"""What `redraft summarize` and `redraft summary ...` do, each in a worker process."""

from __future__ import annotations

from redraft.core.verb import Verb, verbs_at

PLACES = {
    "summary.summarize": ("summarize", "summarize"),
    "summary.pages": ("pages", "pages"),
    "summary.plan": ("planning", "plan_pages"),
    "summary.search": ("searching", "search_styles"),
}
"""Verb to its module in this folder and its function there."""

VERBS: dict[str, Verb] = verbs_at(__name__, PLACES)
