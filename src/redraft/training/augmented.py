"""Examples as a run shows them: as they are, or each epoch in another way.

What an example looks like is a function of the seed, its epoch and its id alone, so it does not matter which
thread or process makes it, or when; a resumed run shows what the unbroken one would have shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redraft.core.errors import RedraftError
from redraft.core.example import Example
from redraft.core.offers import Transform
from redraft.models.encode import Encoder, Encoding
from redraft.training.sampling import Readable

Examples = Sequence[Example] | Readable
"""In memory, or as a dataset's reader opens them, which need not draw them."""


@dataclass(frozen=True)
class Augmentation:
    """variants: how many ways an example is shown in, used in turn; None for another one in every epoch."""

    transform: Transform
    variants: int | None = None

    def variant(self, epoch: int) -> int:
        """The number of the way that an example is shown in."""
        return epoch if self.variants is None else epoch % self.variants

    def example(self, examples: Examples, index: int, variant: int) -> Example:
        """Example `index` in that way."""
        if isinstance(examples, Readable):
            return self.transform(examples.example(index, draw=not self.transform.redraws), variant)
        return self.transform(examples[index], variant)

    def both(
        self, examples: Examples, index: int, variant: int, encoder: Encoder, longest: int
    ) -> tuple[Example, Encoding]:
        """The same with its encoding. longest: tokens of the plain example, which its batch was made for."""
        example = self.example(examples, index, variant)
        encoding = encoder.encode(example)
        if len(encoding) > longest:
            raise RedraftError(
                f"augmentation made it {len(encoding):,} tokens long, and it has {longest:,} as it is",
                where=example.id,
                remedy="Train without train.augment, and report this: a task must not make an example longer",
            )
        return example, encoding
