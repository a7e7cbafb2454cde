"""All that a run is made of before its first step, in the order in which one needs the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from redraft.core.example import Example
from redraft.core.home import home
from redraft.core.recipe import Recipe
from redraft.core.work import Work
from redraft.models.collate import Batch, collate
from redraft.models.encode import Encoder, Encoding
from redraft.models.load import Loaded
from redraft.models.loss import summed_loss
from redraft.models.packing import enable_packing, pack
from redraft.training.augmented import Augmentation
from redraft.training.device import DTYPES, fit_precision, make_accelerator, return_freed_memory, set_threads
from redraft.training.efficiency import apply_switches
from redraft.training.feature_cache import keeping_pays, open_wanted
from redraft.training.offload import Offload
from redraft.training.optimiser import make_optimiser
from redraft.training.order import Row
from redraft.training.parallel import spread
from redraft.training.prepare import Prepared, prepare
from redraft.training.processes import Processes
from redraft.training.schedule import LearningRate, Pace
from redraft.training.step import Stepper
from redraft.training.token_order import make_order


class Setup:
    """Examples read and checked, their order, the model as it is spread over processes, the optimiser."""

    def __init__(
        self,
        loaded: Loaded,
        encoder: Encoder,
        examples: Sequence[Example],
        recipe: Recipe,
        work: Work,
        processes: Processes,
        augmentation: Augmentation | None = None,
    ) -> None:
        settings = recipe.train
        self.loaded, self.recipe, self.settings = loaded, recipe, settings
        self.work, self.processes = work, processes
        self.device = loaded.device
        self.threads = set_threads(settings.threads)
        self.precision = fit_precision(settings.precision, self.device, work)
        # The main process first: the others find the features that it has kept.
        self.prepared: Prepared = processes.main_first(lambda: self._prepare(examples, encoder, augmentation))
        self.order = make_order(self.prepared.lengths, settings, recipe.seed)
        self.pace = Pace.of(settings, self.order)
        self.rate = LearningRate(settings, self.pace)
        self.accelerator = make_accelerator(self.device, self.precision)
        level = self.prepared.cache.level if self.prepared.cache else None
        self.offload = Offload(loaded.model, projector_too=level == "projector") if level else None
        self.pad_id, self.family = encoder.pad_id, encoder.family
        if settings.pack:
            few = [self.prepared.at(Row(place, 0)) for place in range(min(2, len(self.prepared)))]
            enable_packing(loaded.model, few, self.pad_id, self.family)
        apply_switches(loaded.model, settings)
        self.spread = spread(loaded, self._loss, recipe, processes)
        self.optimiser = make_optimiser(loaded.model, settings, self.device)
        self.scaler = self.accelerator.scaler
        self.stepper = Stepper(self.spread, self.optimiser, self.accelerator, settings, processes, work.permit)

    def together(self, encodings: list[Encoding]) -> Batch:
        """One batch of them, packed or padded."""
        if self.settings.pack:
            return pack(self.loaded.model, encodings, self.family)
        return collate(encodings, self.pad_id)

    def whole(self) -> AbstractContextManager[Any]:
        """While it lasts, all of the model is on its device, its vision side too."""
        return self.offload.back() if self.offload is not None else nullcontext()

    def _prepare(
        self, examples: Sequence[Example], encoder: Encoder, augmentation: Augmentation | None
    ) -> Prepared:
        cache = None
        if keeping_pays(self.loaded, self.settings, len(examples)):
            return_freed_memory(self.device)  # a page's pixels are tens of megabytes, and come one after the other
            place, dtype = home() / "features", DTYPES[self.precision]
            cache = open_wanted(self.loaded, self.settings, place, dtype, self.work)
        return prepare(examples, encoder, self.settings, self.work, cache, augmentation)

    def _loss(self, model: Any, batch: Batch) -> torch.Tensor:
        return summed_loss(model, batch, chunk=self.settings.loss_chunk, family=self.family)
