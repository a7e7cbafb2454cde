"""What `redraft cad ...` and `redraft reconstruct` do, each in a worker process."""

from __future__ import annotations

from redraft.core.verb import Verb, verbs_at

PLACES = {
    "cad.measure": ("measuring", "measure"),
    "cad.compare": ("comparing", "compare"),
    "cad.draw": ("drawing", "draw"),
    "cad.convert": ("converting", "convert"),
    "cad.build": ("converting", "build"),
    "cad.reconstruct": ("reconstructing", "reconstruct"),
    "cad.answer": ("answering", "answer"),
}
"""Verb to its module in this folder and its function there."""

VERBS: dict[str, Verb] = verbs_at(__name__, PLACES)
