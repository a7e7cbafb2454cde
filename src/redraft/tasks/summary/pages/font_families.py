"""Installed font families: their faces, found by name or by the files of a candidate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import skia

from redraft.tasks.summary.pages import font_files
from redraft.tasks.summary.pages.scripts import Candidate

GENERIC = {"sans": "DejaVu Sans", "serif": "DejaVu Serif", "mono": "DejaVu Sans Mono"}
BUNDLED = {
    "DejaVu Sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    "DejaVu Serif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "DejaVu Sans Mono": (
        "DejaVuSansMono",
        "DejaVuSansMono-Bold",
        "DejaVuSansMono-Oblique",
        "DejaVuSansMono-BoldOblique",
    ),
    "STIXGeneral": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
}
"""Families that come with matplotlib, and their files. STIX has mathematics."""
_NOT_FOR_TEXT = ("lastresort", "adobeblank")
"""They show every character as a box."""


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


class Installed:
    """All families that can be found here. Not for several threads at once."""

    def __init__(self) -> None:
        self._manager = skia.FontMgr.New_Custom_Empty()
        self._by_candidate: dict[Candidate, Family | None] = {}
        self._everything: dict[str, Family] | None = None

    def bundled(self) -> list[Family]:
        """Those of `BUNDLED`."""
        folder = font_files.bundled()
        return [self._made(name, [(folder / f"{f}.ttf", 0) for f in files]) for name, files in BUNDLED.items()]

    def find(self, candidate: Candidate) -> Family | None:
        """The family of a candidate, where its files are here."""
        if candidate not in self._by_candidate:
            paths = font_files.by_stem().get(font_files.key(candidate.stem), ())
            family = self._made(candidate.face, [(path, i) for path in paths for i in range(_count(path))])
            self._by_candidate[candidate] = family if family.faces else None
        return self._by_candidate[candidate]

    def named(self, name: str) -> Family | None:
        """A family by its name, whose case does not matter."""
        found = self.find(Candidate(font_files.key(name), name))
        return found or next((f for f in self.everything().values() if f.name.lower() == name.lower()), None)

    def everything(self) -> dict[str, Family]:
        """All families by name, in the order of their names. The first call opens every font file."""
        if self._everything is None:
            places: dict[str, list[tuple[Path, int]]] = {}
            for paths in font_files.by_stem().values():
                for path in paths:
                    for index in range(_count(path)):
                        face = self._manager.makeFromFile(str(path), index)
                        if face is not None:
                            places.setdefault(face.getFamilyName(), []).append((path, index))
            self._everything = {
                name: self._made(name, places[name])
                for name in sorted(places)
                if not font_files.key(name).startswith(_NOT_FOR_TEXT)
            }
        return self._everything

    def _made(self, name: str, places: list[tuple[Path, int]]) -> Family:
        """The faces of one family; without a name that of the first face decides."""
        found: list[Face] = []
        for path, index in places:
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


def _count(path: Path) -> int:
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
