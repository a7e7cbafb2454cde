"""The scripts of the world's writing: which fonts draw them, and which Debian package brings those.

Scripts are named by their ISO 15924 codes, as Unicode's script property gives them (UAX #24).
"""

from __future__ import annotations

from dataclasses import dataclass

from fontTools import unicodedata

CORE, CJK, EMOJI = "fonts-noto-core", "fonts-noto-cjk", "fonts-noto-color-emoji"


@dataclass(frozen=True)
class Candidate:
    """A font to look for. stem: its files' names up to their style, without spaces. face: the family's name within
    its files; empty for any."""

    stem: str
    face: str = ""


HAN = {"SC": "zh-Hans", "TC": "zh-Hant", "HK": "zh-HK", "JP": "ja", "KR": "ko"}
"""The regional forms of Chinese characters, as font families call them, by language."""

_CJK_OTHERS = {
    "SC": (
        "PingFang|PingFang SC",
        "msyh|Microsoft YaHei",
        "wqy-zenhei|WenQuanYi Zen Hei",
        "DroidSansFallbackFull",
    ),
    "TC": ("PingFang|PingFang TC", "msjh|Microsoft JhengHei"),
    "HK": ("PingFang|PingFang HK", "msjh|Microsoft JhengHei"),
    "JP": (
        "HiraginoSans",
        "ヒラギノ角ゴシックW3",
        "YuGothM|Yu Gothic",
        "msgothic|MS Gothic",
        "ipag",
        "TakaoPGothic",
    ),
    "KR": ("AppleSDGothicNeo", "malgun|Malgun Gothic", "NanumGothic"),
}
_OTHERS = {
    "Arab": ("GeezaPro", "segoeui", "arial"),
    "Hebr": ("ArialHebrew", "segoeui", "arial"),
    "Thai": ("Thonburi", "LeelawUI", "Waree", "Loma"),
    "Deva": ("KohinoorDevanagari", "Nirmala", "Lohit-Devanagari"),
    **dict.fromkeys(("Beng", "Gujr", "Guru", "Knda", "Mlym", "Orya", "Sinh", "Taml", "Telu"), ("Nirmala",)),
    "Khmr": ("LeelawUI",),
    "Laoo": ("LeelawUI",),
    "Mymr": ("mmrtext",),
    "Ethi": ("ebrima",),
}
_NOTO_NAMES = {"Nkoo": "NKo", "Cans": "CanadianAboriginal", "Phag": "PhagsPa", "Zanb": "ZanabazarSquare"}
"""Where Noto's file names are not Unicode's script names without underscores."""
_STYLES = {
    "sans": ("NotoSans", "NotoSerif"),
    "serif": ("NotoSerif", "NotoSans"),
    "mono": ("NotoSans", "NotoSerif"),
}
SYMBOLS = tuple(
    Candidate(stem)
    for stem in ("NotoSansMath", "NotoSansSymbols", "NotoSansSymbols2", "NotoMusic", "NotoEmoji", "NotoColorEmoji")
)
"""For what belongs to no script."""
EMOJI_BLOCKS = ((0x2300, 0x23FF), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF))
"""Blocks with signs that a font of emoji has and others may not (Unicode, emoji-data.txt)."""
DRAWN_BY_DEFAULT = frozenset(("Latn", "Cyrl", "Grek"))
"""The default font is the first choice for these; other scripts go to fonts made for them where there are any."""


def candidates(script: str, kind: str, han: str) -> tuple[Candidate, ...]:
    """The fonts to look for, the best first. kind: "sans", "serif" or "mono". han: a key of `HAN`."""
    if script in ("Hani", "Hira", "Kana", "Hang", "Bopo"):
        form = {"Hang": "KR", "Hira": "JP", "Kana": "JP"}.get(script, han) if han == "SC" else han
        weight = {"sans": "Sans", "serif": "Serif", "mono": "Sans Mono"}[kind]
        stem = "NotoSerifCJK" if kind == "serif" else "NotoSansCJK"
        noto = [Candidate(stem, f"Noto {weight} CJK {form}"), Candidate("NotoSansCJK", f"Noto Sans CJK {form}")]
        noto += [Candidate(f"Noto{style}{form}") for style in ("Sans", "Serif")]
        return (*noto, *(_candidate(name) for name in _CJK_OTHERS[form]))
    name = noto_name(script)
    if name is None:
        return ()
    noto = [Candidate(style + name) for style in _STYLES[kind]]
    if script == "Arab" and kind == "serif":
        noto.insert(0, Candidate("NotoNaskhArabic"))
    return (*noto, *(_candidate(name) for name in _OTHERS.get(script, ())))


def noto_name(script: str) -> str | None:
    """How Noto calls a script in its files' names: nothing for those of its basic family, None for no script."""
    if script in ("Zyyy", "Zinh", "Zzzz"):
        return None
    if script in DRAWN_BY_DEFAULT:
        return ""
    return _NOTO_NAMES.get(script) or unicodedata.script_name(script).replace("_", "").replace(" ", "")


def package(code_point: int, script: str) -> str:
    """The Debian package whose fonts draw a character, or "" where none is known."""
    if script in ("Hani", "Hira", "Kana", "Hang", "Bopo"):
        return CJK
    if any(first <= code_point <= last for first, last in EMOJI_BLOCKS):
        return EMOJI
    return "" if script == "Zzzz" else CORE


def han_form(text: str, language: str) -> str:
    """The regional form of Chinese characters for a text: by its language, else by the scripts beside them."""
    tag = language.lower().replace("_", "-")
    if tag.startswith("ja"):
        return "JP"
    if tag.startswith("ko"):
        return "KR"
    if tag.startswith(("zh-hk", "zh-hant-hk", "yue")):
        return "HK"
    if tag.startswith(("zh-hant", "zh-tw", "zh-mo")):
        return "TC"
    if tag.startswith("zh"):
        return "SC"
    if any("\u3041" <= letter <= "\u30ff" for letter in text):
        return "JP"
    if any("\uac00" <= letter <= "\ud7a3" for letter in text):
        return "KR"
    return "SC"


def _candidate(name: str) -> Candidate:
    stem, _, face = name.partition("|")
    return Candidate(stem, face)
