"""The fonts of one document: its text cut where the font changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from redraft.tasks.summary.pages.scripts import HAN


@dataclass(frozen=True)
class FontRun:
    """A stretch of text and the families to draw it with: the first that has a letter wins.

    locale: BCP 47, or empty: fonts have forms of their own for some languages (Korean spaces, Turkish i).
    """

    text: str
    families: tuple[str, ...]
    locale: str = ""


class Marks(dict[int, str]):
    """The mark of each code point's family; one that the document did not have goes to the primary family."""

    def __missing__(self, code: int) -> str:
        return _BASE


def marks(families: tuple[str, ...], chosen: Mapping[int, str], weak: Iterable[int]) -> Marks:
    """chosen: the family of each code point. weak: those that take the font of the letters before them."""
    found = Marks({code: chr(ord(_BASE) + families.index(name)) for code, name in chosen.items()})
    found.update(dict.fromkeys(weak, _WEAK))
    return found


@dataclass(frozen=True)
class Setting:
    """The fonts of one document. families: all in use, the primary first. missing: code points no font has."""

    families: tuple[str, ...]
    mono_families: tuple[str, ...]
    missing: tuple[int, ...] = ()
    locale: str = ""
    _tables: tuple[Marks, Marks] = field(default=(Marks(), Marks()), repr=False)

    def runs(self, text: str, mono: bool = False) -> list[FontRun]:
        """The text cut where its font changes, in order. mono: in the fixed-width font of code."""
        families = self.mono_families if mono else self.families
        if len(families) == 1 or text.isascii():
            return [FontRun(text, families, self._locale(families[0]))] if text else []
        found = []
        for run in _SAME.finditer(text.translate(self._tables[mono])):
            order = _first(families, ord(run[1] or _BASE) - ord(_BASE))
            found.append(FontRun(text[run.start() : run.end()], order, self._locale(order[0])))
        return found

    def _locale(self, family: str) -> str:
        """Fonts of Chinese, Japanese and Korean are made for a language, whatever the document's is."""
        form = family.rpartition(" CJK ")[2]
        return HAN.get(form, self.locale)


_BASE, _WEAK = "\ue000", "_"
_SAME = re.compile("_*([\ue000-\uf8ff])(?:\\1|_)*|_+()")


@cache
def _first(families: tuple[str, ...], index: int) -> tuple[str, ...]:
    return (families[index], *families[:index], *families[index + 1 :])
