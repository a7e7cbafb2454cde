"""From where on a page can be read by a model: how small letters may be, and how much text a page's tokens hold.

Letters. An "e" has three strokes and two gaps between them, so 5 pixels of x-height are the least that show them
apart; the smallest common bitmap fonts have it too. Held against figures of a trained model: DeepSeek-OCR (arXiv
2510.18234, table 2) reads 96 % of pages of 600 to 700 tokens at 512 pixels, and 59 % of those of 1,200 to 1,300.
By the area that is left for each letter these have an x-height of some 4 and some 3 pixels (our estimate). Scripts
whose letters have no x-height are counted by their em: 12 pixels, as in the smallest bitmap fonts that keep nearly
all strokes of Chinese characters.

Density. The same table: 97 % of the text is read right below 10 text tokens a page token, and about 60 % at 20.
"""

from __future__ import annotations

from fontTools import unicodedata

LEAST_LETTERS = 5.0
"""Pixels of the x-height that reach the model."""
LEAST_EM = 12.0
"""Pixels of the em that reach the model, for a document largely in a script without an x-height."""
SAFE_RATIO = 10.0
"""Text tokens a page token up to which a trained model reads nearly everything."""
BLIND_RATIO = 20.0
"""Where it reads about 60 %."""
SOURCE = "DeepSeek-OCR, arXiv 2510.18234, table 2"
WITH_X_HEIGHT = frozenset(("Latn", "Cyrl", "Grek", "Copt", "Armn", "Zyyy", "Zinh"))
LARGELY = 0.1
"""Share of a text's letters from which on its other scripts decide."""
LOOKED_AT = 20_000
"""Characters that are enough to tell the scripts of a document."""


def needs_em(text: str) -> bool:
    """Whether a tenth of the letters or more are of scripts that have no x-height."""
    if text.isascii():
        return False
    letters = [letter for letter in text[:LOOKED_AT] if letter.isalpha()]
    others = sum(unicodedata.script(letter) not in WITH_X_HEIGHT for letter in letters)
    return others >= LARGELY * len(letters) if letters else False


def least_letters(text: str, x_height: float) -> float:
    """Pixels of the x-height that letters of this text need at least. x_height: of the font, in ems."""
    return max(LEAST_LETTERS, LEAST_EM * x_height) if needs_em(text) else LEAST_LETTERS
