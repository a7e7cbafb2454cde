"""The training loop: batches in, steps, events and checkpoints out. `step.py` does one step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from redraft.core.errors import Interrupted, RedraftError
from redraft.core.example import Example
from redraft.core.recipe import Recipe
from redraft.core.work import Work
from redraft.models.collate import Batch
from redraft.models.encode import Encoder
from redraft.models.load import Loaded
from redraft.models.summary import print_parameter_summary
from redraft.training import checkpoint, faults, randomness
from redraft.training.augmented import Augmentation
from redraft.training.device import machine, peak_memory, versions
from redraft.training.efficiency import training_mode
from redraft.training.events import Events, Unwritten, read
from redraft.training.feed import windows
from redraft.training.mps_memory import MPSMemoryCallback
from redraft.training.processes import ALONE, Processes
from redraft.training.progress import Meter, sentence, summary
from redraft.training.resuming import say_differences
from redraft.training.run import FINISHED, end
from redraft.training.saving import restore, save
from redraft.training.setup import Setup
from redraft.training.standing import Standing
from redraft.training.step import Done, NotANumber
from redraft.training.stopping import StopRequest
from redraft.training.trackers import Trackers

EvaluateStep = Callable[[int], dict[str, Any]]
"""Evaluates the model at a step; returns JSON data whose "mean" (higher is better) chooses the best checkpoint."""
STAGE = "training"
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
    augmentation: Augmentation | None = None,
) -> dict[str, Any]:
    """Trains to the recipe's end and returns what result.json then holds.

    run_folder: made by `run.begin`. resume: a verified checkpoint of it, from which loaded was opened. dataset:
    facts for the events, its "fingerprint" among them, which a resumed run must share. on_save: told of each new
    checkpoint. processes: those that train this run together; each calls this, and the main one alone writes,
    evaluates and tells. augmentation: how examples are shown, where the recipe asks for it.

    SIGTERM and Ctrl-C finish the step, save and raise Interrupted; a full or failing disk raises Paused. Both
    leave result.json with status "paused". A loss that is not a number raises a RedraftError before the step is
    taken, want of memory an OutOfMemory; both leave status "failed" and the last checkpoint.
    """
    setup = Setup(loaded, encoder, examples, recipe, work, processes, augmentation)
    return _Training(setup, run_folder, work, evaluate, dataset or {}, on_save).run(resume)


class _Training:
    def __init__(
        self,
        setup: Setup,
        folder: Path,
        work: Work,
        evaluate: EvaluateStep | None,
        dataset: dict[str, Any],
        on_save: Callable[[Path], None] | None,
    ) -> None:
        self.setup, self.loaded, self.processes = setup, setup.loaded, setup.processes
        self.recipe, self.settings = setup.recipe, setup.settings
        self.order, self.pace, self.prepared = setup.order, setup.pace, setup.prepared
        self.folder, self.work, self.evaluate, self.dataset = folder, work, evaluate, dataset
        self.on_save = on_save
        self.now = Standing()
        self.meter = Meter()
        self.clear_memory = MPSMemoryCallback()

    def run(self, resume: Path | None) -> dict[str, Any]:
        with self._told(), randomness.deterministic(self.setup.device):
            length = self._restore(resume)
            main = self.processes.main
            trackers = Trackers(self.recipe, self.folder, self.work, main, self.now.step)
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

    def _restore(self, resume: Path | None) -> int:
        """Puts a checkpoint's state back; the length of the events that belong to it, or 0 for a fresh start."""
        if resume is None:
            randomness.seed_all(self.recipe.seed)
            return 0
        self.now, length = restore(resume, self.setup)
        return length

    def _begin(self, resume: Path | None) -> None:
        counts = self.loaded.counts
        self.work.log(str(counts))
        here = {"machine": machine(self.setup.device, self.setup.threads), "versions": versions()}
        if resume is not None:
            differs = say_differences(self.folder, here, self.work)
            place = self._relative(resume)
            self.events.row("resume", step=self.now.step, checkpoint=place, differs=differs, **here)
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
                "precision": self.setup.precision,
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
        if self.setup.offload is not None:
            self.setup.offload.leave()
        place = self.processes.rank, self.processes.count
        batches = windows(
            self.prepared, self.order, self.now.step, self.setup.together, *place, workers=self.settings.workers
        )
        try:
            self._pause_if_asked()
            self._catch_up()
            while self.pace.part(self.now.step, self.now.seconds) < 1.0:
                window = next(batches, None)
                if window is None:
                    break
                self._one(window)
                self._pause_if_asked()
                if self._due(self.settings.evaluate_every):
                    self._evaluate()
                    self._pause_if_asked()
                if (self._due(self.settings.save_every) or self.now.is_best) and not self._ending():
                    self._save()
                if self._has_waited():
                    break
        finally:
            if isinstance(batches, Iterator) and hasattr(batches, "close"):
                batches.close()
            if self.setup.offload is not None:
                self.setup.offload.come_back()

    def _catch_up(self) -> None:
        """Does the evaluation of this step that the last process of the run was stopped before."""
        due = self.now.step > 0 and self._due(self.settings.evaluate_every)
        if due and not self.now.is_scored and not self._ending():
            self._evaluate()
            self._pause_if_asked()

    def _one(self, window: list[Batch]) -> None:
        """One optimiser step."""
        scale = self.setup.rate.at(self.now.step, self.now.seconds)
        randomness.seed_step(self.recipe.seed, self.now.step, self.processes.rank)
        try:
            done = self.setup.stepper.step(window, scale)
        except NotANumber as error:
            self._not_a_number(error)
        self.now.step += 1
        self.now.seconds += done.seconds
        self._report(done, scale)
        self.clear_memory(self.now.step)

    def _report(self, done: Done, scale: float) -> None:
        self.meter.add(done.loss, done.examples, done.seconds)
        last = self.pace.expected(self.now.step, self.now.seconds)
        if self.now.step % self.settings.log_every == 0 or self.now.step == 1 or self._ending():
            self.events.row(
                "step",
                step=self.now.step,
                epoch=self._epoch(),
                loss=done.loss,
                learning_rate=self.settings.learning_rate * scale,
                gradient_norm=done.norm,
                examples=done.examples,
                tokens=done.tokens,
                seconds=done.seconds,
                examples_per_second=done.examples / done.seconds,
                memory_bytes=peak_memory(self.setup.device),
            )
        left = (last - self.now.step) * self.now.seconds / max(self.now.step, 1)
        if self.pace.seconds is not None:
            left = min(left, max(self.pace.seconds - self.now.seconds, 0.0))
        self.work.progress(STAGE, self.now.step, max(last, self.now.step), self.meter.note(left))

    def _epoch(self) -> float:
        return self.order.seen(self.now.step) / len(self.prepared)

    def _has_waited(self) -> bool:
        """Whether the score has not become better for as many evaluations as the recipe allows."""
        if self.settings.patience is None or self.now.waited < self.settings.patience or self.now.best is None:
            return False
        self.work.log(
            f"stopped at step {self.now.step}: {self.now.waited} evaluations in a row were not better than "
            f"{self.now.best['mean']:.3f}, which {self.now.best['checkpoint']} reached"
        )
        return True

    def _due(self, every: int | None) -> bool:
        return every is not None and self.now.step % every == 0

    def _ending(self) -> bool:
        return self.pace.part(self.now.step, self.now.seconds) >= 1.0

    def _not_a_number(self, error: NotANumber) -> NoReturn:
        """Ends the run. Nothing was trained on the loss, so nothing is spoilt."""
        named = ", ".join(error.ids[:NAMED]) + (
            f" and {len(error.ids) - NAMED} more" if len(error.ids) > NAMED else ""
        )
        reason = f"the {error.what} is not a number"
        self.events.row("end", step=self.now.step, status="failed", reason=reason, examples=list(error.ids))
        self._write_end(self._result(faults.FAILED, reason))
        kept = (
            f"the checkpoint of step {self.now.saved.name.removeprefix('step-')} is kept"
            if self.now.saved
            else "nothing was saved yet"
        )
        raise RedraftError(
            f"the {error.what} became {error.value} at step {self.now.step + 1}, on the examples {named}; {kept}",
            where=str(self.folder),
            remedy="Look at them with `redraft data show`; lower train.learning_rate, raise train.warmup, or use "
            "precision bf16 or fp32",
        ) from None

    def _evaluate(self) -> None:
        if self.evaluate is None:
            return
        evaluate, step = self.evaluate, self.now.step
        with self.setup.whole(), randomness.untouched(), self.setup.spread.usable():
            try:
                self.stop.immediate = self.processes.main
                scores = self.processes.by_main(lambda: evaluate(step))
            except KeyboardInterrupt:
                self.work.log("the evaluation was broken off", "warning")
                return
            finally:
                self.stop.immediate = False
                training_mode(self.loaded.model)
        self.now.judge(scores)
        self.events.row("evaluation", **(self.now.scores or {}))

    def _save(self) -> None:
        if self.now.step == 0:
            return
        saved = save(self.folder, self.setup, self.now, self.dataset, self.events.sync())
        self.now.saved = saved
        self.events.row("checkpoint", step=self.now.step, path=self._relative(saved))
        if self.processes.main:
            if self.on_save is not None:
                self.on_save(saved)
            best = self.now.best["checkpoint"] if self.now.best else None
            checkpoint.prune(self.folder, self.settings.keep, best)

    def _pause_if_asked(self) -> None:
        if self.processes.any(self.stop.asked) and not self._ending():
            self._pause()

    def _pause(self) -> NoReturn:
        self.work.permit.check()
        self._save()
        self._write_end(self._result(faults.PAUSED, "asked to stop"))
        raise Interrupted(
            f"stopped and saved at step {self.now.step}",
            where=str(self.folder),
            remedy=f"Continue with `redraft train --resume {self.folder}`",
        )

    def _finish(self) -> None:
        # Saved first: whatever happens to the evaluation, the training is not lost.
        if not self.now.is_saved:
            self._save()
        if not self.now.is_scored:
            self._pause_if_leased()
            self._evaluate()
            self._pause_if_leased()
        self.work.permit.check()
        result = self._result(FINISHED)
        self.events.row("end", **result)
        self._write_end(result)
        self.work.log(sentence(result))

    def _pause_if_leased(self) -> None:
        """A job's last evaluation waits too, where it is asked to stop; a person at the keyboard gets a finished
        run without it."""
        leased = self.processes.main and self.work.permit.token is not None and self.stop.asked
        if self.processes.any(leased) and not self.now.is_scored:
            self._pause()

    def _result(self, status: str, reason: str | None = None) -> dict[str, Any]:
        figures = summary(read(self.folder), len(self.prepared))
        return {
            "status": status,
            **({"reason": reason} if reason else {}),
            "steps": self.now.step,
            "checkpoint": self._relative(self.now.saved) if self.now.saved else None,
            "best_checkpoint": f"checkpoints/{self.now.best['checkpoint']}" if self.now.best else None,
            **figures,
            "peak_memory_bytes": peak_memory(self.setup.device),
            "precision": self.setup.precision,
            "dataset": {**self.dataset, "examples": len(self.prepared)},
            "scores": self.now.scores,
        }

    def _write_end(self, result: dict[str, Any]) -> None:
        if self.processes.main:
            end(self.folder, result)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()
