"""The models that the process keeps: loaded once, lent to several at once, the longest unused let go for room."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redraft.core.errors import Busy, InputError
from redraft.inference.opening import open_predictor
from redraft.inference.predictor import LocalPredictor
from redraft.models.layout import MANIFEST, find_checkpoint
from redraft.worker.answering.memory import VARIABLE, memory_to_use
from redraft.worker.answering.weights import weights_of
from redraft.worker.model_names import resolve_model

DEVICE = "REDRAFT_ANSWER_DEVICE"
PATIENCE = 300.0
"""Seconds to wait for room while others use what is loaded."""


@dataclass
class Held:
    """A model on the shelf. stamp: changes when other weights lie in its folder. users: who must not lose it."""

    predictor: LocalPredictor
    folder: Path
    stamp: tuple[int, ...]
    bytes: int
    used: float
    users: int = 0


class Shelf:
    """limit: bytes of weights that are kept at once; None takes REDRAFT_ANSWER_MEMORY_GB, else half of the memory
    that they live in. One model that is larger is an InputError.

    device: None takes REDRAFT_ANSWER_DEVICE, else the best there is.
    """

    def __init__(self, limit: int | None = None, device: str | None = None) -> None:
        self.limit = limit if limit is not None else memory_to_use()
        self.device = device or os.environ.get(DEVICE) or "auto"
        self.loads = 0
        """Models loaded since the start."""
        self._held: dict[Path, Held] = {}
        self._change = threading.Condition()
        self._loading = threading.Lock()

    @contextmanager
    def lend(self, name: str) -> Iterator[LocalPredictor]:
        """The model of a folder or of "default/<task>"; while the block runs it stays loaded."""
        held = self._take(find_checkpoint(resolve_model(name)))
        try:
            yield held.predictor
        finally:
            with self._change:
                held.users -= 1
                held.used = time.monotonic()
                self._change.notify_all()

    def names(self) -> list[str]:
        """Of what is loaded now."""
        with self._change:
            return [held.predictor.name for held in self._held.values()]

    def clear(self) -> None:
        """Lets go of every model that nobody uses."""
        with self._change:
            for held in [held for held in self._held.values() if not held.users]:
                self._drop(held)

    def _take(self, folder: Path) -> Held:
        with self._change:
            held = self._held.get(folder)
            if held is not None and held.stamp == stamp_of(folder):
                held.users += 1
                return held
        # One model is loaded at a time: two that are wanted at once would each see the room that the other takes.
        with self._loading:
            with self._change:
                held = self._held.get(folder)
                stamp = stamp_of(folder)
                if held is not None and held.stamp == stamp:
                    held.users += 1
                    return held
                if held is not None and not held.users:
                    self._drop(held)
                elif held is not None:  # still in use as it was: it goes when its users have gone
                    self._held[Path(f"{folder}#{time.monotonic_ns()}")] = self._held.pop(folder)
                needed = weights_of(folder)
                self._make_room(needed, folder)
            predictor = open_predictor(folder, device=self.device)
            assert isinstance(predictor, LocalPredictor)
            size = sum(p.numel() * p.element_size() for p in predictor.loaded.model.parameters())
            self.loads += 1
            with self._change:
                held = Held(predictor, folder, stamp, size, time.monotonic(), users=1)
                self._held[folder] = held
            return held

    def _make_room(self, needed: int, folder: Path) -> None:
        """Lets go of what was not used for longest until so many bytes fit; waits where all is in use."""
        if needed > self.limit:
            raise InputError(
                f"this model takes {needed / 2**30:.1f} GiB, and models may take {self.limit / 2**30:.1f} here",
                where=folder.name,
                remedy=f"Set {VARIABLE} to more, or take a smaller model",
            )
        until = time.monotonic() + PATIENCE
        while sum(held.bytes for held in self._held.values()) + needed > self.limit:
            unused = [held for held in self._held.values() if not held.users]
            if unused:
                self._drop(min(unused, key=lambda held: held.used))
            elif not self._change.wait(max(0.0, until - time.monotonic())):
                raise Busy(
                    "other models are in use, and there is no room for this one beside them",
                    where=folder.name,
                    remedy="Try again later",
                )

    def _drop(self, held: Held) -> None:
        for place in [place for place, one in self._held.items() if one is held]:
            del self._held[place]
        on_gpu = held.predictor.loaded.device.type == "cuda"
        del held
        gc.collect()
        if on_gpu:
            import torch

            torch.cuda.empty_cache()


def stamp_of(folder: Path) -> tuple[int, ...]:
    """Changes when the checkpoint in that folder is another one."""
    for name in (MANIFEST, "config.json", "adapter_config.json"):
        if (folder / name).is_file():
            facts = (folder / name).stat()
            return facts.st_mtime_ns, facts.st_ino, facts.st_size
    return ()
