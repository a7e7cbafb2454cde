"""A table of a model's modules: how many numbers of each are frozen and how many are trained."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from redraft.models.families.base import inner
from redraft.models.parts import numbers, place_of_each

ORDER = ("vision", "projector", "embeddings", "language", "adapter", "head", "other")


@dataclass(frozen=True, slots=True)
class ModuleCounts:
    """Numbers of one module of a model, less those that another row counts."""

    part: str
    module: str
    frozen: int
    trainable: int


def parameter_summary(model: Any) -> list[ModuleCounts]:
    """One entry for each module of a part, in the order in which data passes them. Weights that two parts share
    (embeddings tied to the output) are counted once."""
    places = place_of_each(model)
    counts: dict[tuple[str, str], list[int]] = {}
    for name, parameter in inner(model).named_parameters():
        counts.setdefault(places[name], [0, 0])[parameter.requires_grad] += numbers(parameter)
    ordered = sorted(counts.items(), key=lambda item: ORDER.index(item[0][0]))
    return [ModuleCounts(part, module, *numbers) for (part, module), numbers in ordered]


def print_parameter_summary(model: Any, to: TextIO | logging.Logger | Callable[[str], None] | None = None) -> None:
    """Writes the table of FROZEN and TRAINABLE numbers by module, line by line.

    to: a stream (standard output where None), a logger, or a function that takes a line.
    """
    say = _writer(to)
    rows = parameter_summary(model)
    frozen, trained = sum(row.frozen for row in rows), sum(row.trainable for row in rows)
    width = max(len(row.module) for row in rows)
    say(f"{'':<10}  {'':<{width}}  {'FROZEN':>15}  {'TRAINABLE':>15}")
    for row in rows:
        say(f"{row.part:<10}  {row.module:<{width}}  {row.frozen:>15,}  {row.trainable:>15,}")
    say(f"{'in all':<10}  {'':<{width}}  {frozen:>15,}  {trained:>15,}")
    say(f"{trained / max(frozen + trained, 1):.2%} of {frozen + trained:,} parameters are trained")


def _writer(to: TextIO | logging.Logger | Callable[[str], None] | None) -> Callable[[str], None]:
    if isinstance(to, logging.Logger):
        logger = to
        return lambda line: logger.info("%s", line)
    if to is not None and not hasattr(to, "write"):
        return to
    stream: Any = sys.stdout if to is None else to
    return lambda line: print(line, file=stream)
