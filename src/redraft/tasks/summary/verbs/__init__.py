"""What `redraft summarize` and `redraft summary ...` do, each in a worker process.

A verb's module is loaded when the verb is called, so that a small one starts without what a large one needs.
"""

from __future__ import annotations

import importlib

from redraft.core.verb import Request, Result, Verb
from redraft.core.work import Work

PLACES = {
    "summary.summarize": ("summarize", "summarize"),
    "summary.pages": ("pages", "pages"),
    "summary.plan": ("planning", "plan_pages"),
    "summary.search": ("searching", "search_styles"),
}
"""Verb to its module in this folder and its function there."""


def _verb(module: str, function: str) -> Verb:
    def run(request: Request, work: Work) -> Result:
        verb: Verb = getattr(importlib.import_module(f"{__name__}.{module}"), function)
        return verb(request, work)

    return run


VERBS: dict[str, Verb] = {name: _verb(*place) for name, place in PLACES.items()}
