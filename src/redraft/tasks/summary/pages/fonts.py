"""Which font draws which characters of a document.

The default is DejaVu, which comes with the installation and draws Latin, Cyrillic and Greek. Every other script is
drawn by a font made for it where the system has one (Noto first), else by DejaVu where that has the letters. The
choice depends on the installed files alone, never on their order in a folder, and `fonts_digest` names it.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import threading
from functools import cache

import skia
from fontTools import unicodedata

from redraft.core.errors import UsageError
from redraft.tasks.summary.pages.font_families import BUNDLED, GENERIC, Family, Installed
from redraft.tasks.summary.pages.font_setting import FontRun, Marks, Setting, marks
from redraft.tasks.summary.pages.scripts import DRAWN_BY_DEFAULT, HAN, SYMBOLS, candidates, han_form

__all__ = ["FontRun", "Fonts", "Setting", "fonts", "fonts_digest", "missing"]

_HEAD = int.from_bytes(b"head", "big")
_WITHOUT_GLYPH = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
"""Spaces and default-ignorable characters: they take part in shaping, but no glyph need exist for them."""


_script = cache(unicodedata.script)


class Fonts:
    """The fonts of this machine. Threads may share it; `collection` is each thread's own."""

    def __init__(self) -> None:
        self._installed = Installed()
        self._lock = threading.RLock()
        self._families = {family.name: family for family in self._installed.bundled()}
        self._choices: dict[tuple[str, str, str], dict[tuple[int, str], str]] = {}
        self._local = threading.local()
        self.unicode = skia.Unicodes.ICU.Make()

    @property
    def collection(self) -> skia.textlayout.FontCollection:
        """What a ParagraphBuilder of this thread needs; it has every family that the thread has a setting with."""
        mine = self._local
        if not hasattr(mine, "provider"):
            mine.provider = skia.textlayout.TypefaceFontProvider()
            mine.known = set()
            mine.collection = skia.textlayout.FontCollection()
            mine.collection.setDefaultFontManager(mine.provider)
        if len(mine.known) != len(self._families):
            for name, family in list(self._families.items()):
                if name not in mine.known:
                    mine.known.add(name)
                    for face in family.faces:
                        mine.provider.registerTypeface(face.typeface, name)
        return mine.collection

    def setting(self, text: str, font: str = "sans", language: str = "") -> Setting:
        """The fonts of a document. text: all of it. font: as in `PageStyle.font`. language: BCP 47, or empty.

        An unknown font is a UsageError.
        """
        primary, kind = self.primary(font)
        if text.isascii():
            return Setting((primary,), (GENERIC["mono"],), locale=language)
        han = han_form(text, language)
        points = set(text)
        with self._lock:
            families, table, missing = self._choose(points, primary, kind, han)
            mono_families, mono_table, _ = self._choose(points, GENERIC["mono"], "mono", han)
        # The collection must know the families before a text is laid out: it remembers what it did not find.
        _ = self.collection
        return Setting(families, mono_families, missing, language, (table, mono_table))

    def primary(self, font: str) -> tuple[str, str]:
        """The family that `PageStyle.font` names, and whether it is "sans", "serif" or "mono"."""
        if font in GENERIC:
            return GENERIC[font], font
        name = self.family(font).name
        words = name.lower().split()
        if "mono" in words or self._families[name].faces[0].typeface.isFixedPitch():
            return name, "mono"
        return name, "serif" if "serif" in words and "sans" not in words else "sans"

    def family(self, name: str) -> Family:
        """An installed family by its name. Where there is none, a UsageError."""
        with self._lock:
            if name in self._families:
                return self._families[name]
            found = self._installed.named(name)
            if found is None:
                near = difflib.get_close_matches(name, [*GENERIC, *self._installed.everything()], n=1)
                hint = f" Did you mean '{near[0]}'?" if near else ""
                raise UsageError(
                    f"no font family '{name}' is installed",
                    remedy=f"Use sans, serif, mono, or the name of an installed family.{hint}",
                )
            return self._families.setdefault(found.name, found)

    def typeface(self, family: str, bold: bool = False, italic: bool = False) -> skia.Typeface:
        """The typeface that a paragraph takes for a family and a style; the nearest there is."""
        return self.family(family).face(bold, italic).typeface

    def missing(self, text: str) -> list[int]:
        """The code points of a text that no installed font has, sorted."""
        return sorted(self.setting(text).missing)

    def digest(self) -> str:
        """Names the fonts that documents of any script are drawn with here: 16 hexadecimal digits."""
        with self._lock:
            known = {name: self._families[name] for name in BUNDLED}
            wanted = [(script, "SC") for script in sorted(unicodedata.Scripts.NAMES)]
            for script, han in [*wanted, *(("Hani", form) for form in HAN)]:
                for kind in GENERIC:
                    if family := self._for_script(script, kind, han):
                        known[family.name] = family
            for candidate in SYMBOLS:
                if found := self._installed.find(candidate):
                    known[found.name] = found
        hashed = hashlib.sha256()
        for name in sorted(known):
            for face in (face.typeface for face in known[name].faces):
                # The head table holds the font's revision and a checksum of the whole file.
                hashed.update(f"{name}\0{face.countGlyphs()}\0".encode() + face.getTableData(_HEAD))
        return hashed.hexdigest()[:16]

    def _for_script(self, script: str, kind: str, han: str) -> Family | None:
        return next((f for c in candidates(script, kind, han) if (f := self._installed.find(c))), None)

    def _choose(
        self, points: set[str], primary: str, kind: str, han: str
    ) -> tuple[tuple[str, ...], Marks, tuple[int, ...]]:
        """The families in use; the mark of each code point's family, or `_WEAK`; the missing code points."""
        choices = self._choices.setdefault((primary, kind, han), {})
        scripts = {_script(point) for point in points} - {"Zyyy", "Zinh", "Zzzz"}
        families, missing = [primary], list[int]()
        chosen: dict[int, str] = {}
        weak: list[str] = []
        for point in sorted(points):
            if _WITHOUT_GLYPH.match(point):
                weak.append(point)
                continue
            code = ord(point)
            script = _script(point)
            if script in ("Zyyy", "Zinh"):
                also = unicodedata.script_extension(point) & scripts
                if also and "Latn" not in also:
                    script = min(also)
                else:
                    weak.append(point)
                    if unicodedata.east_asian_width(point) in "FW" and code < 0x1F000:
                        script = "Hani"
            name = choices.get((code, script))
            if name is None:
                family = self._choice(code, script, primary, kind, han)
                name = choices[code, script] = family.name if family else ""
            if not name:
                missing.append(code)
                name = primary
            elif name not in families:
                families.append(name)
            chosen[code] = name
        loose = [
            ord(point)
            for point in weak
            if _WITHOUT_GLYPH.match(point) or all(self._families[name].has(ord(point)) for name in families)
        ]
        return tuple(families), marks(tuple(families), chosen, loose), tuple(missing)

    def _choice(self, code: int, script: str, primary: str, kind: str, han: str) -> Family | None:
        first = self._families[primary]
        generic = primary in GENERIC.values()
        if first.has(code) and (not generic or script in DRAWN_BY_DEFAULT or script in ("Zyyy", "Zinh")):
            return first
        ordered = [self._installed.find(candidate) for candidate in candidates(script, kind, han)]
        ordered += [first, self._families["DejaVu Sans"], self._families["STIXGeneral"]]
        ordered += [self._installed.find(candidate) for candidate in SYMBOLS]
        found = next((family for family in ordered if family is not None and family.has(code)), None)
        found = found or next(
            (family for family in self._installed.everything().values() if family.has(code)), None
        )
        return self._families.setdefault(found.name, found) if found else None


@cache
def fonts() -> Fonts:
    """The fonts of this machine, looked for once in a process."""
    return Fonts()


def missing(text: str) -> list[int]:
    """The code points of a text that no installed font has, sorted."""
    return fonts().missing(text)


@cache
def fonts_digest() -> str:
    """See `Fonts.digest`."""
    return fonts().digest()
