"""A document as the pages that a model was trained on, or as the planner chooses them for a model that was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example, Image
from redraft.core.sight import Sight
from redraft.core.work import Work
from redraft.tasks.summary import options as summary_options
from redraft.tasks.summary.budget.measure import Measured, measured
from redraft.tasks.summary.budget.planner import QUESTION_TOKENS, plan
from redraft.tasks.summary.budget.readability import SAFE_RATIO, least_letters
from redraft.tasks.summary.budget.sizes import sizes_for
from redraft.tasks.summary.conversation import question
from redraft.tasks.summary.documents.pdf import pdf_pages
from redraft.tasks.summary.drawing import document_of, draw_pages, lay_out_truth
from redraft.tasks.summary.given import Given
from redraft.tasks.summary.pages.font_report import explain_missing
from redraft.tasks.summary.pages.layout import Layout
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.truth import page_name

StyleFrom = Literal["training", "plan", "given"]


@dataclass(frozen=True)
class Shown:
    """A document as pages. example: its images and its question, without an answer. text: all that stands on the
    document's pages; empty where only its own pages are known. cost: None there too.

    complete: False where only its first pages are shown. notes: what to say about it, a sentence each.
    """

    given: Given
    example: Example
    style: PageStyle
    page_tokens: int
    cost: Measured | None
    text: str
    missing: tuple[int, ...]
    complete: bool
    notes: tuple[str, ...]

    @property
    def pages(self) -> int:
        return len(self.example.images)

    @property
    def tokens(self) -> int:
        """Of all pages."""
        return self.pages * self.page_tokens


class Showing:
    """How documents are shown to one model.

    trained: the options of the dataset that the model was trained on; empty for a model that was not trained here.
    style: fields that win over both. max_pages: shows at most so many first pages; None shows whole documents, or
    as much of them as training did.
    answer_tokens: the longest answer, for which room is kept. small: compresses the pages' files.
    """

    def __init__(
        self,
        trained: Mapping[str, Any],
        sight: Sight,
        work: Work,
        *,
        style: Mapping[str, Any] | None = None,
        max_pages: int | None = None,
        answer_tokens: int = 512,
        ratio: float = SAFE_RATIO,
        small: bool = False,
    ) -> None:
        self.sight, self.work, self.ratio = sight, work, ratio
        self.own, self.max_pages, self.answer_tokens = dict(style or {}), max_pages, answer_tokens
        self.style_from: StyleFrom = "training" if trained else "plan"
        self.options = _complete(trained)
        self.cuts = max_pages is not None or self.options["long"] == "cut"
        self.options |= {"variety": 0.0, "long": "cut", "keep_images": small}
        if max_pages is not None:
            self.options["max_pages"] = max_pages
        if trained and self.own:
            self.style_from = "given"
            self.options["style"] = with_fields(self.options["style"], self.own)

    def show(self, given: Given) -> Shown:
        """A document that cannot be shown whole (unless max_pages says so) is an InputError with the remedy."""
        try:
            return self._own_pages(given) if given.own_pages else self._drawn(given)
        except (InputError, UsageError) as error:
            error.where = error.where if error.where.startswith(given.name) else given.name
            raise

    def _drawn(self, given: Given) -> Shown:
        options, notes = dict(self.options), list(given.notes)
        if self.style_from == "plan":
            options["style"] = self._planned(given, notes)
        layout = lay_out_truth(given.truth, 0, options)
        page = self.sight.picture(*layout.style.pixels)
        self._check_length(layout, page.tokens, notes)
        drawn = draw_pages(given.truth, 0, options)
        text = layout.document.text
        cost = measured(layout, len(text), self.sight.text_tokens(text), self.sight)
        notes += _readability(cost, text, layout)
        example = Example(given.name, drawn.images, (question(options, len(drawn.images)),), given.truth)
        return Shown(
            given, example, layout.style, page.tokens, cost, text, layout.missing, layout.complete, tuple(notes)
        )

    def _planned(self, given: Given, notes: list[str]) -> dict[str, Any]:
        """The style of a plan. With max_pages it is made for any length, as what is too long gets cut."""
        document = document_of(given.truth, summary_options.read(self.options))
        budget = plan(
            document,
            self.sight,
            ratio=self.ratio,
            fixed=self.own,
            max_pages=self.options["max_pages"] if self.max_pages is None else 1000,
            max_tokens=None if self.max_pages is None else 10**9,
            answer_tokens=self.answer_tokens,
        )
        notes.append(f"The model was not trained on pages by redraft; planned for it: {budget.says[0]}")
        return budget.style.model_dump()

    def _own_pages(self, given: Given) -> Shown:
        """A PDF by its own pages, as large as the pages that the model was trained on."""
        style = PageStyle.from_data(self.options["style"])
        if self.style_from == "plan":
            style = self._size_for_pictures(style)
        page = self.sight.picture(*style.pixels)
        most = self.options["max_pages"]
        shown = pdf_pages(given.path, *style.pixels, self.work, most + 1)
        complete = len(shown) <= most
        shown, notes = shown[:most], list(given.notes)
        self._room(len(shown), page.tokens)
        self._say_cut(complete, len(shown), notes)
        if given.truth.get("text"):
            notes.append("The PDF's own pages were shown; how small their letters are is not known")
        images = tuple(Image(page_name(number), data) for number, data in enumerate(shown))
        truth = {**given.truth, "pages": "given"}
        example = Example(given.name, images, (question(self.options, len(images)),), truth)
        text = document_of(given.truth, summary_options.read(self.options)).text if given.truth["text"] else ""
        return Shown(given, example, style, page.tokens, None, text, (), complete, tuple(notes))

    def _size_for_pictures(self, style: PageStyle) -> PageStyle:
        """The smallest size from 1,024 pixels on that the model sees as it is, else its largest one."""
        if {"size", "width", "height"} & set(self.own):
            return PageStyle.from_data(with_fields(style.model_dump(), self.own))
        sizes = sorted(sizes_for(self.sight), key=lambda size: size.width)
        fine = [size for size in sizes if size.width >= 1024 and size.seen.scale == 1] or sizes[-1:]
        return PageStyle.from_data({**style.model_dump(), **fine[0].fields})

    def _check_length(self, layout: Layout, page_tokens: int, notes: list[str]) -> None:
        self._room(len(layout.pages), page_tokens)
        self._say_cut(layout.complete, len(layout.pages), notes)

    def _say_cut(self, complete: bool, pages: int, notes: list[str]) -> None:
        if complete:
            return
        if not self.cuts:
            raise InputError(
                f"the document has more than {pages:,} pages, and the model was trained on none so long",
                remedy=f"Summarise its beginning with --max-pages {pages}, or split it",
            )
        notes.append(f"Only the first {pages:,} pages were shown; the document is longer")

    def _room(self, pages: int, page_tokens: int) -> None:
        """Raises InputError where the pages and the answer do not fit into the model."""
        positions = self.sight.positions
        if positions is None:
            return
        room = (
            positions - self.answer_tokens - QUESTION_TOKENS - self.sight.text_tokens(self.options["instruction"])
        )
        if pages * page_tokens <= room:
            return
        fit = max(0, room) // page_tokens
        advice = [f"Summarise its beginning with --max-pages {fit}"] if fit else []
        advice += [
            "keep less for the answer with --max-new-tokens",
            "split it",
            "take a model with more positions",
        ]
        raise InputError(
            f"{pages:,} pages of {page_tokens:,} tokens are {pages * page_tokens:,}; of the model's {positions:,} "
            f"there is room for {max(0, room):,} beside an answer of {self.answer_tokens:,}",
            remedy=_sentence(advice),
        )


def with_fields(style: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A style with fields of one's own. A size by name wins over a width and height that it had."""
    base = {**style, "width": 0, "height": 0} if "size" in own else dict(style)
    return PageStyle.from_data({**base, **own}).model_dump()


def _complete(trained: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return summary_options.complete(trained)
    except UsageError:
        raise UsageError(
            "this model was trained for another task",
            remedy="Give a model that was trained on documents: one of `redraft demo --task summary`, or your own",
        ) from None


def _readability(cost: Measured, text: str, layout: Layout) -> list[str]:
    """Warnings of pages that are hard to read in the model."""
    found = []
    least = least_letters(text, layout.letter_height / layout.style.font_size)
    if cost.letters < least - 1e-9:
        found.append(
            f"Letters are {cost.letters:.1f} pixels high in the model, below the {least:.1f} that can be read"
        )
    if cost.densest >= SAFE_RATIO:
        found.append(f"A page holds {cost.densest:.1f} text tokens a token; beyond {SAFE_RATIO:g} less is read")
    if layout.missing:
        what, remedy = explain_missing(layout.missing)
        found.append(f"{what[:1].upper()}{what[1:]}. {remedy}")
    return found


def _sentence(advice: list[str]) -> str:
    text = ", or ".join(advice)
    return text[:1].upper() + text[1:]
