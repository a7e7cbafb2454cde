"""Notices: a small page of short lines with four facts among some that tell nothing."""

from __future__ import annotations

import random

from redraft.tasks.summary.made.document import Made
from redraft.tasks.summary.made.library import library

FILLERS = (1, 2)
"""Lines without a fact, in one notice."""


def notice(rng: random.Random) -> Made:
    """One notice. It opens with a filler, so that its first sentences never tell it all.

    Its heading stands in the text, so that the same text in a file makes the same page.
    """
    words = library("notices")
    kind = rng.choice(words.kinds)
    values = words.values(kind, rng)
    first, *fillers = rng.sample(words.fillers, rng.randint(*FILLERS))
    lines = [_sentence(rng.choice(ways).format(**values)) for ways in kind.facts]
    for filler in fillers:
        lines.insert(rng.randint(0, len(lines)), filler)
    return Made(
        text="\n\n".join([f"# {rng.choice(kind.titles)}", first, *lines]) + "\n",
        summary=rng.choice(kind.summaries).format(**values),
        title="",
        language=words.language,
        kind=kind.name,
        facts=values,
    )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
