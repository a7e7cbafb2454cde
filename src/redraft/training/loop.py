"""The training loop: batches in, steps, events and checkpoints out. `step.py` does one step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

import torch

from redraft.core.errors import Interrupted, RedraftError
from redraft.core.example import Example
from redraft.core.home import home
from redraft.core.recipe import Recipe
from redraft.core.work import Work
from redraft.models.collate import Batch, collate
from redraft.models.encode import Encoder, Encoding
from redraft.models.load import Loaded
from redraft.models.loss import summed_loss
from redraft.models.packing import enable_packing, pack
from redraft.models.summary import print_parameter_summary
from redraft.training import checkpoint, faults, randomness
from redraft.training.device import fit_precision, machine, make_accelerator, peak_memory, set_threads, versions
from redraft.training.efficiency import apply_switches, training_mode
from redraft.training.events import Events, Unwritten, read
from redraft.training.feature_cache import keeping_pays, open_wanted
from redraft.training.feed import windows
from redraft.training.moments import moments
from redraft.training.mps_memory import MPSMemoryCallback
from redraft.training.offload import Offload
from redraft.training.optimiser import load_state, make_optimiser, state_tensors
from redraft.training.parallel import spread
from redraft.training.prepare import Prepared, prepare
from redraft.training.processes import ALONE, Processes
from redraft.training.progress import Meter, sentence, summary
from redraft.training.resuming import say_differences
from redraft.training.run import FINISHED, end
from redraft.training.schedule import LearningRate, Pace
from redraft.training.step import Done, NotANumber, Stepper
from redraft.training.stopping import StopRequest
from redraft.training.token_order import make_order
from redraft.training.trackers import Trackers

EvaluateStep = Callable[[int], dict[str, Any]]
"""Evaluates the model at a step; returns JSON data whose "mean" (higher is better) chooses the best checkpoint."""
STAGE = "training"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
NAMED = 8
"""Examples named in an error; the rest are counted."""


def train(
    loaded: Loaded,
    encoder: Encoder,
    examples: Sequence[Example],
    recipe: Recipe,
    run_folder: Path,
    work: Work,
    evaluate: EvaluateStep | None = None,
    resume: Path | None = None,
    *,
    dataset: dict[str, Any] | None = None,
    on_save: Callable[[Path], None] | None = None,
    processes: Processes = ALONE,
) -> dict[str, Any]:
    """Trains to the recipe's end and returns what result.json then holds.

    run_folder: made by `run.begin`. resume: a verified checkpoint of it, from which loaded was opened. dataset:
    facts for the events, its "fingerprint" among them, which a resumed run must share. on_save: told of each new
    checkpoint. processes: those that train this run together; each calls this, and the main one alone writes,
    evaluates and tells.

    SIGTERM and Ctrl-C finish the step, save and raise Interrupted; a full or failing disk raises Paused. Both
    leave result.json with status "paused". A loss that is not a number raises a RedraftError before the step is
    taken, want of memory an OutOfMemory; both leave status "failed" and the last checkpoint.
    """
    training = _Training(loaded, encoder, examples, recipe, run_folder, work, evaluate, dataset or {}, processes)
    training.on_save = on_save
    return training.run(resume)


class _Training:
    def __init__(
        self,
        loaded: Loaded,
        encoder: Encoder,
        examples: Sequence[Example],
        recipe: Recipe,
        folder: Path,
        work: Work,
        evaluate: EvaluateStep | None,
        dataset: dict[str, Any],
        processes: Processes,
    ) -> None:
        self.loaded, self.recipe, self.settings = loaded, recipe, recipe.train
        self.folder, self.work, self.evaluate, self.dataset = folder, work, evaluate, dataset
        self.processes = processes
        self.device = loaded.device
        self.threads = set_threads(self.settings.threads)
        self.precision = fit_precision(self.settings.precision, self.device, work)
        # The main process first: the others find the features that it has kept.
        self.prepared: Prepared = processes.main_first(lambda: self._prepare(examples, encoder))
        self.order = make_order(self.prepared.lengths, self.settings, recipe.seed)
        self.pace = Pace.of(self.settings, self.order)
        self.rate = LearningRate(self.settings, self.pace)
        self.accelerator = make_accelerator(self.device, self.precision)
        level = self.prepared.cache.level if self.prepared.cache else None
        self.offload = Offload(loaded.model, projector_too=level == "projector") if level else None
        self.clear_memory = MPSMemoryCallback()
        self.pad_id, self.family = encoder.pad_id, encoder.family
        if self.settings.pack:
            few = [self.prepared[place] for place in range(min(2, len(self.prepared)))]
            enable_packing(loaded.model, few, self.pad_id, self.family)
        apply_switches(loaded.model, self.settings)
        self.spread = spread(loaded, self._loss, recipe, processes)
        self.optimiser = make_optimiser(loaded.model, self.settings, self.device)
        self.scaler = self.accelerator.scaler
        self.stepper = Stepper(self.spread, self.optimiser, self.accelerator, self.settings, processes)
        self.step, self.seconds = 0, 0.0
        self.best: dict[str, Any] | None = None
        self.waited = 0
        """Evaluations since the best one."""
        self.scores: dict[str, Any] | None = None
        self.saved: Path | None = None
        self.meter = Meter()
        self.on_save: Callable[[Path], None] | None = None

    def _prepare(self, examples: Sequence[Example], encoder: Encoder) -> Prepared:
        cache = None
        if keeping_pays(self.loaded, self.settings, len(examples)):
            place, dtype = home() / "features", DTYPES[self.precision]
            cache = open_wanted(self.loaded, self.settings, place, dtype, self.work)
        return prepare(examples, encoder, self.settings, self.work, cache)

    def _loss(self, model: Any, batch: Batch) -> Any:
        return summed_loss(model, batch, chunk=self.settings.loss_chunk, family=self.family)

    def run(self, resume: Path | None) -> dict[str, Any]:
        with self._told(), randomness.deterministic(self.device):
            length = self._restore(resume)
            main = self.processes.main
            trackers = Trackers(self.recipe, self.folder, self.work, main, self.step)
            self.events = Events(self.folder, self.work, length, trackers.event) if main else Unwritten()
            with trackers, contextlib.closing(self.events), StopRequest() as self.stop:
                self._begin(resume)
                if resume is None and self.settings.evaluate_first:
                    self._evaluate()
                self._steps()
                self._finish()
            return self._result(FINISHED)

    def _told(self) -> Any:
        """Around the whole run: what a fault means, and in the main process result.json with it."""
        if self.processes.main:
            return faults.told(self.folder, self.recipe, self._result)
        return faults.memory_told(self.recipe, self.folder)

    def _restore(self, resume: Path | None) -> int | None:
        """Puts a checkpoint's state back; the length of the events that belong to it, or 0 for a fresh start."""
        if resume is None:
            randomness.seed_all(self.recipe.seed)
            return 0
        state, _ = checkpoint.load(resume)
        found = moments(resume, state, self.loaded.model, self.spread, self.processes)
        load_state(self.optimiser, self.loaded.model, found)
        self._restore_randomness(resume, state)
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        self.scores, self.saved, self.waited = state["scores"], resume, state.get("waited", 0)
        if self.scaler is not None and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        return int(state["events_bytes"])

    def _restore_randomness(self, resume: Path, state: dict[str, Any]) -> None:
        """As this process left it; a process that was not there draws by seed, step and rank from here on."""
        writers = int(state.get("processes", 1))
        if self.processes.rank < writers:
            randomness.restore(checkpoint.load(resume, self.processes.rank, writers)[1])
        if writers != self.processes.count:
            self.work.log(
                f"saved by {writers} processes, going on with {self.processes.count}: the same steps, "
                f"but not the same bits",
                "warning",
            )

    def _begin(self, resume: Path | None) -> None:
        counts = self.loaded.counts
        self.work.log(str(counts))
        here = {"machine": machine(self.device, self.threads), "versions": versions()}
        if resume is not None:
            differs = say_differences(self.folder, here, self.work)
            place = self._relative(resume)
            self.events.row("resume", step=self.step, checkpoint=place, differs=differs, **here)
            return
        print_parameter_summary(self.loaded.model, self.work.log)
        self.events.row(
            "start",
            **here,
            processes={"count": self.processes.count, "parallel": self.settings.parallel},
            model={
                "base": self.loaded.source.name,
                "revision": self.loaded.source.revision,
                "family": self.loaded.family,
                "frozen": counts.frozen,
                "trainable": counts.trainable,
                "precision": self.precision,
            },
            dataset={
                **self.dataset,
                "examples": len(self.prepared),
                "left_out": [list(pair) for pair in self.prepared.bad],
                "supervised_tokens": self.prepared.supervised,
                "longest": max(self.prepared.lengths),
            },
        )

    def _steps(self) -> None:
        training_mode(self.loaded.model)
        if self.offload is not None:
            self.offload.leave()
        place = self.processes.rank, self.processes.count
        batches = windows(self.prepared, self.order, self.step, self._together, *place)
        try:
            while self.pace.part(self.step, self.seconds) < 1.0:
                window = next(batches, None)
                if window is None:
                    break
                self._one(window)
                if self._due(self.settings.evaluate_every):
                    self._evaluate()
                if (self._due(self.settings.save_every) or self._is_best()) and not self._ending():
                    self._save()
                self._stop_if_asked()
                if self._has_waited():
                    break
        finally:
            if isinstance(batches, Iterator) and hasattr(batches, "close"):
                batches.close()
            if self.offload is not None:
                self.offload.come_back()

    def _whole(self) -> AbstractContextManager[Any]:
        """While it lasts, all of the model is on its device."""
        return self.offload.back() if self.offload is not None else nullcontext()

    def _together(self, encodings: list[Encoding]) -> Batch:
        if self.settings.pack:
            return pack(self.loaded.model, encodings, self.family)
        return collate(encodings, self.pad_id)

    def _one(self, window: list[Batch]) -> None:
        """One optimiser step."""
        scale = self.rate.at(self.step, self.seconds)
        randomness.seed_step(self.recipe.seed, self.step, self.processes.rank)
        try:
            done = self.stepper.step(window, scale)
        except NotANumber as error:
            self._not_a_number(error)
        self.step += 1
        self.seconds += done.seconds
        self._report(done, scale)
        self.clear_memory(self.step)

    def _report(self, done: Done, scale: float) -> None:
        self.meter.add(done.loss, done.examples, done.seconds)
        last = self.pace.expected(self.step, self.seconds)
        if self.step % self.settings.log_every == 0 or self.step == 1 or self._ending():
            self.events.row(
                "step",
                step=self.step,
                epoch=self._epoch(),
                loss=done.loss,
                learning_rate=self.settings.learning_rate * scale,
                gradient_norm=done.norm,
                examples=done.examples,
                tokens=done.tokens,
                seconds=done.seconds,
                examples_per_second=done.examples / done.seconds,
                memory_bytes=peak_memory(self.device),
            )
        left = (last - self.step) * self.seconds / max(self.step, 1)
        if self.pace.seconds is not None:
            left = min(left, max(self.pace.seconds - self.seconds, 0.0))
        self.work.progress(STAGE, self.step, max(last, self.step), self.meter.note(left))

    def _epoch(self) -> float:
        return self.order.seen(self.step) / len(self.prepared)

    def _is_best(self) -> bool:
        """Whether this step was just found to be the best, and so needs a checkpoint."""
        return self.best is not None and self.best["checkpoint"] == f"step-{self.step}"

    def _has_waited(self) -> bool:
        """Whether the score has not become better for as many evaluations as the recipe allows."""
        if self.settings.patience is None or self.waited < self.settings.patience or self.best is None:
            return False
        self.work.log(
            f"stopped at step {self.step}: {self.waited} evaluations in a row were not better than "
            f"{self.best['mean']:.3f}, which {self.best['checkpoint']} reached"
        )
        return True

    def _due(self, every: int | None) -> bool:
        return every is not None and self.step % every == 0

    def _ending(self) -> bool:
        return self.pace.part(self.step, self.seconds) >= 1.0

    def _not_a_number(self, error: NotANumber) -> NoReturn:
        """Ends the run. Nothing was trained on the loss, so nothing is spoilt."""
        named = ", ".join(error.ids[:NAMED]) + (
            f" and {len(error.ids) - NAMED} more" if len(error.ids) > NAMED else ""
        )
        reason = f"the {error.what} is not a number"
        self.events.row("end", step=self.step, status="failed", reason=reason, examples=list(error.ids))
        self._write_end(self._result(faults.FAILED, reason))
        kept = (
            f"the checkpoint of step {self.saved.name.removeprefix('step-')} is kept"
            if self.saved
            else "nothing was saved yet"
        )
        raise RedraftError(
            f"the {error.what} became {error.value} at step {self.step + 1}, on the examples {named}; {kept}",
            where=str(self.folder),
            remedy="Look at them with `redraft data show`; lower train.learning_rate, raise train.warmup, or use "
            "precision bf16 or fp32",
        ) from None

    def _evaluate(self) -> None:
        if self.evaluate is None:
            return
        evaluate, step = self.evaluate, self.step
        with self._whole(), randomness.untouched(), self.spread.usable():
            try:
                self.stop.immediate = self.processes.main
                scores = self.processes.by_main(lambda: evaluate(step))
            except KeyboardInterrupt:
                self.work.log("the evaluation was broken off", "warning")
                return
            finally:
                self.stop.immediate = False
                training_mode(self.loaded.model)
        self.scores = {**scores, "step": self.step}
        self.events.row("evaluation", **self.scores)
        mean = scores.get("mean")
        if self.step == 0 or mean is None:
            return  # nothing was trained, so there is no checkpoint that could be the best
        self.waited = 0 if self.best is None or mean > self.best["mean"] else self.waited + 1
        if self.best is None or mean >= self.best["mean"]:
            self.best = {"mean": mean, "checkpoint": f"step-{self.step}"}

    def _save(self) -> None:
        if self.step == 0:
            return
        length = self.events.sync()
        state = {
            "step": self.step,
            "examples": self.order.seen(self.step),
            "epoch": self._epoch(),
            "seed": self.recipe.seed,
            "seconds": self.seconds,
            "events_bytes": length,
            "best": self.best,
            "waited": self.waited,
            "scores": self.scores,
            "scaler": self.scaler.state_dict() if self.scaler is not None else None,
            "processes": self.processes.count,
            "sharded": self.spread.sharded,
        }
        about = {
            "recipe": self.recipe.model_dump(mode="json"),
            "kind": "adapter" if self.loaded.adapter else "full",
            "task": self.recipe.task,
            "base": {
                "name": self.loaded.source.name,
                "revision": self.loaded.source.revision,
                "family": self.loaded.family,
            },
            "dataset": {**self.dataset, "examples": len(self.prepared)},
            "versions": versions(),
        }
        tensors = randomness.states()
        if self.processes.main or self.spread.sharded:
            kept = state_tensors(self.optimiser, self.loaded.model)
            tensors |= {f"optimiser/{name}": self.spread.mine(tensor) for name, tensor in kept.items()}
        with self._whole(), self.spread.gathered():
            self.saved = checkpoint.save(self.folder, self.loaded, tensors, state, about, processes=self.processes)
        self.events.row("checkpoint", step=self.step, path=self._relative(self.saved))
        if self.processes.main:
            if self.on_save is not None:
                self.on_save(self.saved)
            checkpoint.prune(self.folder, self.settings.keep, self.best["checkpoint"] if self.best else None)

    def _stop_if_asked(self) -> None:
        if not self.processes.any(self.stop.asked) or self._ending():
            return
        self._save()
        self._write_end(self._result(faults.PAUSED, "asked to stop"))
        raise Interrupted(
            f"stopped and saved at step {self.step}",
            where=str(self.folder),
            remedy=f"Continue with `redraft train --resume {self.folder}`",
        )

    def _finish(self) -> None:
        # Saved first: whatever happens to the evaluation, the training is not lost.
        if self.saved is None or self.saved.name != f"step-{self.step}":
            self._save()
        if self.scores is None or self.scores.get("step") != self.step:
            self._evaluate()
        result = self._result(FINISHED)
        self.events.row("end", **result)
        self._write_end(result)
        self.work.log(sentence(result))

    def _result(self, status: str, reason: str | None = None) -> dict[str, Any]:
        figures = summary(read(self.folder), len(self.prepared))
        return {
            "status": status,
            **({"reason": reason} if reason else {}),
            "steps": self.step,
            "checkpoint": self._relative(self.saved) if self.saved else None,
            "best_checkpoint": f"checkpoints/{self.best['checkpoint']}" if self.best else None,
            **figures,
            "peak_memory_bytes": peak_memory(self.device),
            "precision": self.precision,
            "dataset": {**self.dataset, "examples": len(self.prepared)},
            "scores": self.scores,
        }

    def _write_end(self, result: dict[str, Any]) -> None:
        if self.processes.main:
            end(self.folder, result)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()
