"""What a plan says in words."""

from __future__ import annotations

from redraft.tasks.summary.budget.measure import Measured
from redraft.tasks.summary.budget.readability import BLIND_RATIO, LEAST_EM, LEAST_LETTERS, SAFE_RATIO, SOURCE


def sentences(
    chosen: Measured, *, ratio: float, least: float, exact: bool, positions: int | None
) -> tuple[str, ...]:
    """Sentences for a person, the choice first. ratio: the highest allowed. least: of the letters, in pixels."""
    return tuple(
        sentence
        for sentence in (
            _choice(chosen),
            _cost(chosen, exact),
            _readable(chosen, ratio, least),
            _unreadable(chosen, ratio, least),
            _room(chosen, positions),
        )
        if sentence
    )


def _choice(chosen: Measured) -> str:
    style = chosen.style
    width, height = style.pixels
    columns = "one column" if style.columns == 1 else f"{style.columns} columns"
    return (
        f"{_pages(chosen.pages)} of {width} x {height} pixels, {columns}, font size {style.font_size:g}: letters "
        f"have an x-height of {chosen.letters:.1f} pixels in the model."
    )


def _cost(chosen: Measured, exact: bool) -> str:
    about = "" if exact else "about "
    saved = chosen.text_tokens - chosen.tokens
    if chosen.pages == 1:
        text = f"The page takes {chosen.tokens:,} tokens, the text {about}"
    else:
        text = f"The pages take {chosen.tokens:,} tokens ({chosen.page_tokens:,} each), the text {about}"
    text += f"{chosen.text_tokens:,}: "
    if saved <= 0:
        return text + f"pages save nothing here, they cost {-saved:,} more than the text."
    share = saved / chosen.text_tokens
    return text + f"{saved:,} saved ({share:.0%}), a compression of {chosen.ratio:.1f}x."


def _readable(chosen: Measured, ratio: float, least: float) -> str:
    where = "the page" if chosen.pages == 1 else "the densest page"
    text = (
        f"It can be read: {where} holds {chosen.densest:.1f} text tokens a token of its own, below {ratio:g}, and "
        f"letters have at least {least:.1f} pixels. "
    )
    if ratio <= SAFE_RATIO:
        return f"{text}Below {SAFE_RATIO:g}x 97 % are read right, at {BLIND_RATIO:g}x about 60 % ({SOURCE})."
    return f"{text}Above {SAFE_RATIO:g}x less is read: about 60 % at {BLIND_RATIO:g}x ({SOURCE})."


def _unreadable(chosen: Measured, ratio: float, least: float) -> str:
    """What the same page would be with too much on it."""
    if least > LEAST_LETTERS:
        because = f"This script needs an em of {LEAST_EM:g} pixels, at which letters have {least:.1f}"
    else:
        because = f"Below {least:g} pixels the strokes of an e run together"
    if chosen.pages == 1:
        more = min(ratio / chosen.densest, (chosen.letters / least) ** 2) if chosen.densest else 1.0
        much = f"some {more:.1f} times as much" if more >= 1.1 else "more"
        return f"With {much} text this page would be unreadable. {because}."
    squeezed = chosen.letters * (max(chosen.page_texts) / chosen.text_tokens) ** 0.5
    dense = chosen.text_tokens / chosen.page_tokens
    return (
        f"All of it on one such page would be unreadable: {dense:.1f} text tokens a page token, and letters of "
        f"some {squeezed:.1f} pixels. {because}."
    )


def _room(chosen: Measured, positions: int | None) -> str:
    if positions is None:
        return "How many tokens the model takes in all is not known; give it with --max-tokens to have it checked."
    return f"The model takes {positions:,} tokens in all."


def _pages(count: int) -> str:
    return "One page" if count == 1 else f"{count:,} pages"
