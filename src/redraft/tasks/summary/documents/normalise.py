"""Text as pages can show it: form NFC, line feeds as line ends, no control characters."""

from __future__ import annotations

import re
import unicodedata

CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufdd0-\ufdef\ufffe\uffff]")
"""Control characters (Unicode category Cc but for space), lone surrogates, byte order marks and noncharacters."""
_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNUSUAL = re.compile(f"{CONTROLS.pattern[:-1]}\v-\r\x1c-\x1e\x85\u2028\u2029]")


def normalise(text: str) -> tuple[str, tuple[str, ...]]:
    """The text and, where something was dropped, a sentence that says so."""
    if _UNUSUAL.search(text):
        text, dropped = CONTROLS.subn("", _LINE_ENDS.sub("\n", text))
    else:
        dropped = 0
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not dropped:
        return text, ()
    are = "1 control character was" if dropped == 1 else f"{dropped:,} control characters were"
    return text, (f"{are} left out",)
