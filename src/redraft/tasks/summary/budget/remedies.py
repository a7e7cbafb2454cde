"""What to do with a document that cannot be shown to a model."""

from __future__ import annotations

from collections.abc import Sequence

from redraft.core.errors import InputError
from redraft.tasks.summary.budget.measure import Meter
from redraft.tasks.summary.budget.readability import BLIND_RATIO, SAFE_RATIO
from redraft.tasks.summary.budget.search import Limits, Tried


def cannot_fit(tried: Sequence[Tried], limits: Limits, positions: int | None, meter: Meter) -> InputError:
    """tried: every size with its note, by its tokens. positions: that the model takes in all."""
    readable = [one for one in tried if one.measured.readable(limits.ratio, limits.letters)]
    if not readable:
        return InputError(
            f"this document cannot be read on such pages ({_notes(tried)})",
            where=meter.sight.name,
            remedy="Leave the style's size and font size free, or allow smaller letters (--letters) or denser "
            "pages (--ratio)",
        )
    best = readable[0].measured
    least = "" if best.complete else "more than "
    what = (
        f"the document is too long: its {meter.text_tokens:,} tokens of text take {least}{best.pages:,} readable "
        f"pages with {best.tokens:,} tokens, and "
    )
    if limits.room is not None and best.tokens > limits.room:
        what += f"of the model's {positions:,} tokens {limits.room:,} are left for pages"
    else:
        what += f"{limits.max_pages:,} pages are allowed"
    return InputError(what, where=meter.sight.name, remedy=_advice(best.tokens, limits, meter))


def _advice(tokens: int, limits: Limits, meter: Meter) -> str:
    """tokens: of the fewest readable pages, or of their beginning."""
    if limits.room is None or tokens <= limits.room:
        return "Allow more pages with --max-pages, take larger pages, or split the document"
    advice = ["Split the document, or cut it with `redraft summarize --max-pages`"]
    ratio = meter.text_tokens / limits.room if limits.room else BLIND_RATIO
    if limits.ratio < ratio < BLIND_RATIO:
        less = ", of which less will be read" if ratio > SAFE_RATIO else ""
        advice.append(
            f"allow denser pages with --ratio {ratio * 1.2:.0f} and smaller letters with --letters{less}"
        )
    advice.append("take a model with more positions")
    return ", or ".join(advice)


def _notes(tried: Sequence[Tried]) -> str:
    return "; ".join(f"{'x'.join(map(str, one.measured.style.pixels))}: {one.note}" for one in tried[:4])
