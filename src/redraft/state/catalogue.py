"""The base models that redraft is known to fine-tune, as rows of the table `model`.

catalogue.yaml holds the facts; a new database gets them all, and a newer redraft adds what its list has more.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, insert, select, update

from redraft.state.tables import Model

BUILT_IN = "tiny"
ACTIVATIONS = 34
"""Bytes a token, layer and width of activations in 16 bits without the attention matrix: Korthikanti et al. 2022,
"Reducing Activation Recomputation in Large Transformer Models", equation 2."""
TOKENS = 1000
"""Tokens of the one example at a time for which memory is given: three views and an answer, or three pages."""


class Entry(BaseModel):
    """adapter: numbers of a LoRA adapter of rank 16 on its attention. width, layers: of its decoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    family: str
    licence: str | None = None
    parameters: int
    adapter: int | None = None
    width: int
    layers: int
    tasks: tuple[str, ...]
    recipes: tuple[str, ...]
    note: str = ""

    @property
    def id(self) -> str:
        """The same on every machine: "model-smolvlm-500m-instruct"."""
        return "model-" + re.sub(r"[^a-z0-9.]+", "-", self.name.split("/")[-1].lower())[:34]

    @property
    def bytes(self) -> int:
        """Of the weights in 16 bits, as they are published."""
        return 2 * self.parameters

    @property
    def memory_to_train(self) -> dict[str, int]:
        """Bytes of the device while it trains on one example of 1,000 tokens at a time, by way of training.

        lora: the weights in 16 bits, and 16 bytes a number of the adapter (weight, gradient, two moments).
        whole: 16 bytes a parameter. Both with activations; `gradient_checkpointing` takes most of those away.
        docs/estimates.md has the formulas; `redraft plan` measures one recipe on one machine.
        """
        activations = ACTIVATIONS * TOKENS * self.width * self.layers
        found = {"whole": 16 * self.parameters + activations}
        if self.adapter:
            found["lora"] = self.bytes + 16 * self.adapter + activations
        return found

    @property
    def about(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "memory_to_train": self.memory_to_train,
            "tasks": list(self.tasks),
            "recipes": list(self.recipes),
            "note": self.note,
        }


@cache
def entries() -> tuple[Entry, ...]:
    """The catalogue, the smallest model first."""
    text = files("redraft.state").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    return tuple(Entry.model_validate(entry) for entry in yaml.safe_load(text))


def fill(connection: Connection, now: float) -> int:
    """Adds the models that the table lacks, and brings the facts of those up to date that are only known of.

    now: seconds since 1970. The number of models added.
    """
    present = dict(connection.execute(select(Model.name, Model.status)).all())
    added = 0
    for entry in entries():
        built_in = entry.name == BUILT_IN
        facts = {
            "family": entry.family,
            "licence": entry.licence,
            "parameters": entry.parameters,
            "bytes": None if built_in else entry.bytes,
            "about": entry.about,
        }
        if entry.name not in present:
            row = {"id": entry.id, "name": entry.name, "kind": "base", "owner": "local", "created_at": now}
            status = "ready" if built_in else "known"
            connection.execute(insert(Model).values(**row, status=status, **facts))
            added += 1
        elif present[entry.name] == "known" or built_in:
            connection.execute(update(Model).where(Model.name == entry.name).values(**facts))
    return added
