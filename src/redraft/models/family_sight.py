"""What `sight_of` gives: a sight by a model's own processor, or by a family's published settings."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.core.sight import Seen
from redraft.models.families import Family
from redraft.models.families.base import View
from redraft.models.families.deepseek_ocr1 import is_v1
from redraft.models.opening import quiet_library
from redraft.models.published import FAMILIES, Published
from redraft.models.source import read_config
from redraft.models.text_estimate import estimated_tokens

LARGEST = 2048
"""Pixels of the side of the largest square page that `unscaled` looks at."""
PIECE = re.compile(r"<[^<>]*>|\n+")


class _Sight(ABC):
    """What both kinds of sight share. Implements `core.sight.Sight`."""

    exact: bool

    def __init__(self, name: str, family: Family) -> None:
        self.name, self.family = name, family
        self._known: dict[tuple[int, int], Seen] = {}

    def picture(self, width: int, height: int) -> Seen:
        """What becomes of a picture of so many pixels; one without any, or of an odd form that the processor
        refuses, is an InputError."""
        if (width, height) not in self._known:
            view = self._view(width, height)
            self._known[width, height] = Seen(self._tokens(view), view.scale, view.width, view.height)
        return self._known[width, height]

    def unscaled(self, largest: int = LARGEST) -> list[int]:
        """Sides in pixels, from 128 on, of the square pictures that the encoder gets as they are, whole or in
        tiles."""
        return [side for side in range(128, largest + 1) if self._view(side, side).scale == 1]

    def _view(self, width: int, height: int) -> View:
        if min(width, height) < 1:
            raise InputError(f"a picture of {width} x {height} pixels", where=self.name, remedy="Give it some")
        try:
            return self.family.view(self._processor(width, height), width, height)
        except NotImplementedError as unknown:
            raise InputError(
                str(unknown), where=self.name, remedy=f"Choose a model of one of {', '.join(FAMILIES)}"
            ) from None
        except ValueError as error:
            raise InputError(
                f"the model's processor refuses a picture of {width} x {height} pixels ({error})", where=self.name
            ) from None

    @abstractmethod
    def _processor(self, width: int, height: int) -> Any:
        """What looks at a picture of so many pixels."""

    @abstractmethod
    def _tokens(self, view: View) -> int:
        """What a view takes in the prompt."""


class FamilySight(_Sight):
    """Of a model whose processor is there: every figure is what `Encoder` makes."""

    exact = True

    def __init__(self, name: str, family: Family, processor: Any, folder: Path) -> None:
        super().__init__(name, family)
        self.processor, self._folder = processor, folder
        self._tokenizer = getattr(processor, "tokenizer", processor)

    @cached_property
    def positions(self) -> int | None:
        """As its configuration says, with its class's default where that is left out."""
        return _positions(self._folder)

    def text_tokens(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _processor(self, width: int, height: int) -> Any:
        return self.processor

    def _tokens(self, view: View) -> int:
        """What a second picture adds: what a template writes about a picture may melt into what the processor
        writes in its place, so that neither can be counted alone."""
        one, two = (
            len(self._tokenizer(asked.replace(self.processor.image_token, view.text))["input_ids"])
            for asked in self._questions
        )
        return two - one

    @cached_property
    def _questions(self) -> tuple[str, str]:
        """The conversation that asks about one picture and about two, as the template writes it."""
        return self._question(1), self._question(2)

    def _question(self, pictures: int) -> str:
        content = [{"type": "image", "text": None}] * pictures + [{"type": "text", "text": "Summarize."}]
        return str(
            self.processor.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
            )
        )


class PublishedSight(_Sight):
    """Of a family without files: pictures by its published settings, texts by an estimate.

    processors: by the largest side in pixels that each is taken for; the last one serves all that are larger.
    """

    exact = False
    positions = None

    def __init__(
        self, name: str, family: Family, published: Published, processors: Sequence[tuple[int, Any]]
    ) -> None:
        super().__init__(name, family)
        self.published, self.processors = published, processors

    def text_tokens(self, text: str) -> int:
        return estimated_tokens(text)

    def _processor(self, width: int, height: int) -> Any:
        longer = max(width, height)
        return next((found for side, found in self.processors if longer <= side), self.processors[-1][1])

    def _tokens(self, view: View) -> int:
        """Special tokens are one each, and so are newlines that stand together."""
        return len(PIECE.findall(view.text)) + self.published.around


def _positions(folder: Path) -> int | None:
    """folder: of a model, or of an adapter whose base is at hand."""
    from transformers import AutoConfig

    base = read_config(folder).get("base_model_name_or_path")
    if base is not None:
        return _positions(Path(base)) if (Path(base) / "config.json").is_file() else None
    if is_v1(read_config(folder)):  # its configuration is code of its own, which is not run
        stated = (read_config(folder).get("language_config") or {}).get("max_position_embeddings")
        return int(stated) if stated else None
    kind: Any = AutoConfig
    try:
        with quiet_library():
            text = kind.from_pretrained(folder, trust_remote_code=False).get_text_config()
    except (OSError, ValueError, KeyError):
        text = None  # a configuration with its own code: what it says in plain words is taken
    stated = getattr(text, "max_position_embeddings", None) or read_config(folder).get("max_position_embeddings")
    return int(stated) if stated else None
