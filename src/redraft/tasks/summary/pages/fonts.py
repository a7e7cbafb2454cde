"""Which font draws which characters of a document.

The default is DejaVu, which comes with the installation and draws Latin, Cyrillic and Greek. Every other script is
drawn by a font made for it where the system has one (Noto first), else by DejaVu where that has the letters. The
choice depends on the installed files alone, never on their order in a folder, and `fonts_digest` names it.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import skia
from fontTools import unicodedata

from redraft.core.errors import UsageError
from redraft.tasks.summary.pages import font_files
from redraft.tasks.summary.pages.scripts import DRAWN_BY_DEFAULT, HAN, SYMBOLS, Candidate, candidates, han_form

GENERIC = {"sans": "DejaVu Sans", "serif": "DejaVu Serif", "mono": "DejaVu Sans Mono"}
_BUNDLED = {
    "DejaVu Sans": "DejaVuSans",
    "DejaVu Serif": "DejaVuSerif",
    "DejaVu Sans Mono": "DejaVuSansMono",
    "STIXGeneral": "STIXGeneral",
}
_BUNDLED_STYLES = {
    "STIXGeneral": ("", "Bol", "Ita", "BolIta"),
    "DejaVu Serif": ("", "-Bold", "-Italic", "-BoldItalic"),
    "DejaVu Sans": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVu Sans Mono": ("", "-Bold", "-Oblique", "-BoldOblique"),
}
_HEAD = int.from_bytes(b"head", "big")
_WITHOUT_GLYPH = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
"""Spaces and default-ignorable characters: they take part in shaping, but no glyph need exist for them."""


@dataclass(frozen=True)
class FontRun:
    """A stretch of text and the families to draw it with: the first that has a letter wins.

    locale: BCP 47, or empty: fonts have forms of their own for some languages (Korean spaces, Turkish i).
    """

    text: str
    families: tuple[str, ...]
    locale: str = ""


@dataclass(frozen=True)
class Face:
    """One typeface. index: which one of its file, where that is a collection."""

    typeface: skia.Typeface
    path: Path
    index: int

    @property
    def style(self) -> tuple[bool, bool]:
        """Whether it is bold, and italic."""
        return self.typeface.isBold(), self.typeface.isItalic()


@dataclass(frozen=True)
class Family:
    """A font family. faces: at most one for each style, the upright regular one first."""

    name: str
    faces: tuple[Face, ...]

    def has(self, code_point: int) -> bool:
        return bool(self.faces[0].typeface.unicharToGlyph(code_point))

    def face(self, bold: bool = False, italic: bool = False) -> Face:
        """The one of that style, or the nearest there is."""
        return min(self.faces, key=lambda face: (face.style[1] != italic, face.style[0] != bold))


class _Table(dict[int, str]):
    """The mark of each code point's family; one that the document did not have goes to the primary family."""

    def __missing__(self, code: int) -> str:
        return _BASE


@dataclass(frozen=True)
class Setting:
    """The fonts of one document. families: all in use, the primary first. missing: code points no font has."""

    families: tuple[str, ...]
    mono_families: tuple[str, ...]
    missing: tuple[int, ...] = ()
    locale: str = ""
    _tables: tuple[_Table, _Table] = field(default=(_Table(), _Table()), repr=False)

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


_script = cache(unicodedata.script)


class Fonts:
    """The fonts of this machine. Threads may share it; `collection` is each thread's own."""

    def __init__(self) -> None:
        self._manager = skia.FontMgr.New_Custom_Empty()
        self._lock = threading.RLock()
        self._families: dict[str, Family] = {}
        self._candidates: dict[Candidate, Family | None] = {}
        self._choices: dict[tuple[str, str, str], dict[tuple[int, str], str]] = {}
        self._everything: tuple[Family, ...] | None = None
        self._local = threading.local()
        for name, stem in _BUNDLED.items():
            paths = [font_files.bundled() / f"{stem}{style}.ttf" for style in _BUNDLED_STYLES[name]]
            self._families[name] = self._family(name, [(path, 0) for path in paths])
        self.unicode = skia.Unicodes.ICU.Make()

    @property
    def collection(self) -> skia.textlayout.FontCollection:
        """What a ParagraphBuilder of this thread needs, with every family that was asked for so far."""
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
        return Setting(families, mono_families, missing, language, (table, mono_table))

    def primary(self, font: str) -> tuple[str, str]:
        """The family that `PageStyle.font` names, and whether it is "sans", "serif" or "mono"."""
        if font in GENERIC:
            return GENERIC[font], font
        name = self.family(font).name
        face = self._families[name].faces[0].typeface
        if face.isFixedPitch():
            return name, "mono"
        return name, "serif" if "serif" in name.lower() and "sans" not in name.lower() else "sans"

    def family(self, name: str) -> Family:
        """An installed family by its name. Where there is none, a UsageError."""
        with self._lock:
            if name in self._families:
                return self._families[name]
            found = self._find(Candidate(font_files.key(name), name))
            if found is None:
                found = next((f for f in self._all() if f.name.lower() == name.lower()), None)
            if found is None:
                raise UsageError(
                    f"no font family '{name}' is installed",
                    remedy="Use sans, serif, mono, or the name of an installed family",
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
            known = {**{name: self._families[name] for name in _BUNDLED}}
            for script in sorted(unicodedata.Scripts.NAMES):
                for kind in GENERIC:
                    family = self._for_script(script, kind, "SC")
                    if family is not None:
                        known[family.name] = family
            for candidate in SYMBOLS:
                if found := self._find(candidate):
                    known[found.name] = found
        hashed = hashlib.sha256()
        for name in sorted(known):
            for face in (face.typeface for face in known[name].faces):
                # The head table holds the font's revision and a checksum of the whole file.
                hashed.update(f"{name}\0{face.countGlyphs()}\0".encode() + face.getTableData(_HEAD))
        return hashed.hexdigest()[:16]

    def _for_script(self, script: str, kind: str, han: str) -> Family | None:
        return next((f for c in candidates(script, kind, han) if (f := self._find(c))), None)

    def _choose(
        self, points: set[str], primary: str, kind: str, han: str
    ) -> tuple[tuple[str, ...], _Table, tuple[int, ...]]:
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
        table = _Table({code: chr(ord(_BASE) + families.index(name)) for code, name in chosen.items()})
        for point in weak:
            if _WITHOUT_GLYPH.match(point) or all(self._families[name].has(ord(point)) for name in families):
                table[ord(point)] = _WEAK
        return tuple(families), table, tuple(missing)

    def _choice(self, code: int, script: str, primary: str, kind: str, han: str) -> Family | None:
        first = self._families[primary]
        generic = primary in GENERIC.values()
        if first.has(code) and (not generic or script in DRAWN_BY_DEFAULT or script in ("Zyyy", "Zinh")):
            return first
        ordered = [self._find(candidate) for candidate in candidates(script, kind, han)]
        ordered += [first, self._families["DejaVu Sans"], self._families["STIXGeneral"]]
        ordered += [self._find(candidate) for candidate in SYMBOLS]
        found = next((family for family in ordered if family is not None and family.has(code)), None)
        found = found or next((family for family in self._all() if family.has(code)), None)
        return self._families.setdefault(found.name, found) if found else None

    def _find(self, candidate: Candidate) -> Family | None:
        if candidate not in self._candidates:
            paths = font_files.by_stem().get(font_files.key(candidate.stem), ())
            faces = [(path, index) for path in paths for index in range(_faces(path))]
            family = self._family(candidate.face, faces) if faces else None
            self._candidates[candidate] = family if family and family.faces else None
        return self._candidates[candidate]

    def _family(self, name: str, faces: list[tuple[Path, int]]) -> Family:
        """The typefaces of one family; without a name that of the first file decides."""
        found: list[Face] = []
        for path, index in faces:
            typeface = self._manager.makeFromFile(str(path), index)
            if typeface is None:
                continue
            name = name or typeface.getFamilyName()
            if typeface.getFamilyName().lower() == name.lower():
                name = typeface.getFamilyName()
                found.append(Face(typeface, path, index))
        found.sort(key=lambda face: (_strangeness(face.typeface), str(face.path)))
        best = {face.style: face for face in reversed(found)}
        return Family(name, tuple(best[style] for style in sorted(best)))

    def _all(self) -> tuple[Family, ...]:
        if self._everything is None:
            named: dict[str, list[tuple[Path, int]]] = {}
            for paths in font_files.by_stem().values():
                for path in paths:
                    for index in range(_faces(path)):
                        face = self._manager.makeFromFile(str(path), index)
                        if face is not None and "lastresort" not in font_files.key(face.getFamilyName()):
                            named.setdefault(face.getFamilyName(), []).append((path, index))
            self._everything = tuple(
                self._families.get(name) or self._family(name, named[name]) for name in sorted(named)
            )
        return self._everything


def _faces(path: Path) -> int:
    """How many faces a file holds: a collection's header says it (OpenType: ttcf, version, numFonts)."""
    if path.suffix.lower() not in (".ttc", ".otc"):
        return 1
    with path.open("rb") as file:
        header = file.read(12)
    return min(int.from_bytes(header[8:12], "big"), 64) if header[:4] == b"ttcf" else 1


def _strangeness(face: skia.Typeface) -> tuple[int, int]:
    """How far a face is from regular or bold of normal width."""
    style = face.fontStyle()
    return abs(style.width() - 5), min(abs(style.weight() - 400), abs(style.weight() - 700))


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
