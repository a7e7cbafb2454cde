"""Notices: one or two small pages of short sentences with four facts, whose order and wording vary."""

from __future__ import annotations

import random

from redraft.tasks.summary.made.document import Made
from redraft.tasks.summary.made.library import library

FILLERS = (1, 3)
"""Sentences without a fact, in one notice."""


def notice(rng: random.Random) -> Made:
    """One notice. It opens with a filler, so that its first sentences never tell it all.

    Its heading stands in the text, so that the same text in a file makes the same pages.
    """
    words = library("notices")
    kind = rng.choice(words.kinds)
    values = words.values(kind, rng)
    first, *fillers = rng.sample(words.fillers, rng.randint(*FILLERS))
    facts = [rng.choice(ways).format(**values) for ways in kind.facts]
    body = facts + fillers
    rng.shuffle(body)
    return Made(
        text="\n\n".join([f"# {rng.choice(kind.titles)}", first, *body]) + "\n",
        summary=rng.choice(kind.summaries).format(**values),
        title="",
        language=words.language,
        kind=kind.name,
        facts=values,
    )
