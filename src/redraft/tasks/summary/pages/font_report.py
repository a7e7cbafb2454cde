"""What the fonts of this machine can and cannot draw, in words, with the package that helps."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from fontTools.unicodedata import script, script_name

from redraft.tasks.summary.pages import font_files
from redraft.tasks.summary.pages.fonts import fonts
from redraft.tasks.summary.pages.scripts import CJK, CORE, EMOJI, package

LETTERS = {
    "Latin": "a",
    "Cyrillic": "ж",
    "Greek": "ω",
    "Arabic": "ع",
    "Hebrew": "א",
    "Devanagari": "क",
    "Thai": "ก",
    "Chinese": "中",
    "Japanese": "あ",
    "Korean": "한",
    "Armenian": "ա",
    "Bengali": "ক",
    "Burmese": "က",
    "Ethiopic": "አ",
    "Georgian": "ა",
    "Gujarati": "ક",
    "Gurmukhi": "ਕ",
    "Kannada": "ಕ",
    "Khmer": "ក",
    "Lao": "ກ",
    "Malayalam": "ക",
    "Odia": "କ",
    "Sinhala": "ක",
    "Syriac": "ܐ",
    "Tamil": "க",
    "Telugu": "క",
    "Thaana": "ހ",
    "Tibetan": "ཀ",
    "Tifinagh": "ⴰ",
    "mathematics": "∑",
    "emoji": "😀",
}
"""A letter of each script that `redraft doctor` asks for; the ten of docs/scripts.md first."""
_SIGNS = {CORE: "notosansdevanagari", CJK: "notosanscjk", EMOJI: "notocoloremoji"}
"""A font that shows that a package is installed."""


@dataclass(frozen=True)
class Drawn:
    """family: what draws the script, or "". package: the Debian package that would."""

    script: str
    family: str
    package: str


def drawn_scripts() -> list[Drawn]:
    """Which of `LETTERS` have a font here."""
    found = []
    for name, letter in LETTERS.items():
        setting = fonts().setting(letter)
        family = "" if setting.missing else setting.runs(letter)[0].families[0]
        found.append(Drawn(name, family, package(ord(letter), script(letter))))
    return found


def explain_missing(points: Iterable[int]) -> tuple[str, str]:
    """What code points without a font are, and what to do: two phrases for a message. ("", "") for none."""
    points = sorted(set(points))
    if not points:
        return "", ""
    first = points[0]
    named = f"U+{first:04X} {unicodedata.name(chr(first), '')}".strip()
    scripts = sorted({_script_name(point) for point in points} - {""})
    what = f"no installed font has {len(points)} of its characters" if len(points) > 1 else "no installed font has"
    what += f" ({named}, ...)" if len(points) > 1 else f" {named}"
    wanted = sorted({package(point, script(chr(point))) for point in points} - {""})
    lacking = [name for name in wanted if _SIGNS[name] not in font_files.by_stem()]
    if not lacking:
        shown = "They are shown as empty boxes" if len(points) > 1 else "It is shown as an empty box"
        return what, f"{shown}; install a font that has {'them' if len(points) > 1 else 'it'}"
    return what, install(lacking, scripts)


def install(packages: Iterable[str], scripts: Iterable[str] = ()) -> str:
    """How to get the fonts of some Debian packages on this system."""
    if sys.platform == "linux":
        return f"Install {' and '.join(packages)} (Debian: apt-get install {' '.join(packages)})"
    return f"Install Noto's fonts for {', '.join(scripts) or 'them'}"


def _script_name(point: int) -> str:
    code = script(chr(point))
    return "" if code in ("Zyyy", "Zinh", "Zzzz") else str(script_name(code))
