"""Reports of one to six pages: a few facts, told once each, among much that no summary needs."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from redraft.tasks.summary.made.document import Made
from redraft.tasks.summary.made.library import Kind, Library, library
from redraft.tasks.summary.made.log import log_lines

LANGUAGES = {"en": 8, "de": 2, "fr": 2, "es": 2, "ru": 1, "ar": 1}
"""How often each is written in. Fonts that come with the installation draw all of them."""
CHARACTERS = ((900, 4), (3_000, 4), (5_000, 3), (7_500, 2), (9_500, 1), (11_500, 1))
"""Characters that a report aims at, and how often: about one to six pages in the default style."""
SENTENCES = (3, 7)
"""In a paragraph."""
HEADED = 0.25
"""The part of blocks that stand below a heading of their own."""
Told = str | list[list[str]]
"""A fact as a sentence, or several as the rows of a table."""


def report(rng: random.Random) -> Made:
    """One report. Each of its facts stands in it once, in a sentence, a list or a table."""
    words = library(rng.choices(list(LANGUAGES), list(LANGUAGES.values()))[0])
    kind = rng.choice(words.kinds)
    values = words.values(kind, rng)
    blocks = _Writer(words, values, rng).body(_told(kind, values, words, rng), _aim(rng))
    return Made(
        text="\n\n".join(blocks) + "\n",
        summary=rng.choice(kind.summaries).format(**values),
        title=rng.choice(kind.titles).format(**values),
        language=words.language,
        kind=kind.name,
        facts=values,
    )


def _aim(rng: random.Random) -> int:
    sizes, often = zip(*CHARACTERS, strict=True)
    return int(rng.choices(sizes, often)[0] * rng.uniform(0.85, 1.15))


def _told(kind: Kind, values: Mapping[str, str], words: Library, rng: random.Random) -> list[Told]:
    """The facts in their order: sentences, and at most one table of several of them."""
    rows = kind.rows or [[] for _ in kind.facts]
    tabled = {index for index, row in enumerate(rows) if row and rng.random() < 0.6}
    if len(tabled) < 2 or rng.random() < 0.5:
        tabled = set()
    told: list[Told] = [
        rng.choice(ways).format(**values) for index, ways in enumerate(kind.facts) if index not in tabled
    ]
    if tabled:
        table = [[cell.format(**values) for cell in rows[index]] for index in sorted(tabled)]
        told.insert(rng.randint(1, len(told)), table)
    return told


class _Writer:
    """Fills pages around facts. A paragraph is a list of sentences until it is written out."""

    def __init__(self, words: Library, facts: Mapping[str, str], rng: random.Random) -> None:
        self.words, self.facts, self.rng = words, facts, rng
        self.headings, self.fillers = _Deck(words.words["headings"], rng), _Deck(words.fillers, rng)

    def body(self, told: list[Told], characters: int) -> list[str]:
        """Markdown blocks of about so many characters in all."""
        blocks: list[str | list[str]] = [self._paragraph()]
        written = 0
        furniture: list[Callable[[], str | list[str]]] = [self._paragraph] * 6 + [
            self._list,
            self._table,
            self._code,
        ]
        while written < characters:
            if self.rng.random() < HEADED:
                blocks.append(f"## {self.headings.next()}")
            blocks.append(self.rng.choice(furniture)())
            written += sum(map(len, blocks[-1]))
        self._put(told, blocks)
        return [block if isinstance(block, str) else self.words.space.join(block) for block in blocks]

    def _put(self, told: list[Told], blocks: list[str | list[str]]) -> None:
        """Spreads the facts over the blocks in their order: a sentence goes into a paragraph or stands alone."""
        places = sorted(self.rng.choices(range(len(blocks)), k=len(told)))
        for fact, place in reversed(list(zip(told, places, strict=True))):
            block = blocks[place]
            if isinstance(fact, list):
                blocks.insert(place + 1, _table(self.words.words["table"], fact))
            elif isinstance(block, str):
                blocks.insert(place + 1, [fact])
            else:
                block.insert(self.rng.randint(0, len(block)), fact)

    def _sentence(self) -> str:
        return self.fillers.next().format(**self.words.noise(self.rng, self.facts))

    def _paragraph(self) -> list[str]:
        return [self._sentence() for _ in range(self.rng.randint(*SENTENCES))]

    def _list(self) -> str:
        numbered = self.rng.random() < 0.4
        items = [self._sentence() for _ in range(self.rng.randint(2, 5))]
        lines = [f"{number}. {item}" if numbered else f"- {item}" for number, item in enumerate(items, 1)]
        return self.rng.choice(self.words.words["lists"]) + "\n\n" + "\n".join(lines)

    def _table(self) -> str:
        names = self.rng.sample(self.words.lists["towns"], self.rng.randint(2, 6))
        return _table(self.words.words["table"], [[name, str(self.rng.randint(100, 999))] for name in names])

    def _code(self) -> str:
        lines = "\n".join(log_lines(self.rng))
        return f"{self.words.words['code'][0]}\n\n```\n{lines}\n```"


class _Deck:
    """Draws from a list without end; nothing twice before everything once."""

    def __init__(self, cards: Sequence[str], rng: random.Random) -> None:
        self.cards, self.rng, self.left = cards, rng, list[str]()

    def next(self) -> str:
        self.left = self.left or self.rng.sample(self.cards, len(self.cards))
        return self.left.pop()


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
