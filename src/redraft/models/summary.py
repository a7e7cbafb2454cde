"""A table of a model's modules: how many numbers of each are frozen and how many are trained."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from redraft.models.families.base import inner
from redraft.models.parts import PARTS, part_modules, part_of_each


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Numbers of one part of a model. modules: its names in the model."""

    part: str
    modules: tuple[str, ...]
    frozen: int
    trainable: int


def parameter_summary(model: Any) -> list[PartCounts]:
    """One entry for each part that has parameters, in the order of data: vision first, head last."""
    core, parts = inner(model), part_of_each(model)
    found = []
    for part in ("vision", "projector", "embeddings", "language", "adapter", "head", "other"):
        own = [(name, p) for name, p in core.named_parameters() if parts[name] == part]
        if own:
            trained = sum(p.numel() for _, p in own if p.requires_grad)
            total = sum(p.numel() for _, p in own)
            names = [name for name, _ in own]
            found.append(PartCounts(part, _modules(model, part, names), total - trained, trained))
    return found


def print_parameter_summary(model: Any, to: TextIO | logging.Logger | Callable[[str], None] | None = None) -> None:
    """Writes the table of FROZEN and TRAINABLE numbers by module, line by line.

    to: a stream (standard output where None), a logger, or a function that takes a line. Weights that two parts
    share (embeddings tied to the output) are counted once.
    """
    say = _writer(to)
    rows = parameter_summary(model)
    width = max(len(_label(row)) for row in rows)
    say(f"{'part (module)':<{width}}  {'FROZEN':>15}  {'TRAINABLE':>15}")
    for row in rows:
        say(f"{_label(row):<{width}}  {row.frozen:>15,}  {row.trainable:>15,}")
    frozen, trained = sum(row.frozen for row in rows), sum(row.trainable for row in rows)
    say(f"{'in all':<{width}}  {frozen:>15,}  {trained:>15,}")
    say(f"{trained / max(frozen + trained, 1):.2%} of {frozen + trained:,} parameters are trained")


def _label(row: PartCounts) -> str:
    return f"{row.part} ({', '.join(row.modules)})"


def _modules(model: Any, part: str, names: list[str]) -> tuple[str, ...]:
    if part in PARTS and part != "adapter":
        return tuple(name for name, _ in part_modules(model, part))
    # An adapter sits in hundreds of layers; what they have in common says where.
    first, last = min(names).split("."), max(names).split(".")
    common = [a for a, b in zip(first, last, strict=False) if a == b]
    place = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(common))
    return (".".join(first[:place]) or names[0],)


def _writer(to: TextIO | logging.Logger | Callable[[str], None] | None) -> Callable[[str], None]:
    if isinstance(to, logging.Logger):
        logger = to
        return lambda line: logger.info("%s", line)
    stream = sys.stdout if to is None else to
    if hasattr(stream, "write"):
        return lambda line: print(line, file=stream)
    return stream
