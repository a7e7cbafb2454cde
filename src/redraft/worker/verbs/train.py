"""The verb "train": a recipe becomes a run. Here the rooms meet: dataset, model, loop, evaluation, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from redraft.core.discovery import load_task
from redraft.core.errors import InputError, RecipeError, RedraftError, UsageError
from redraft.core.locking import only_writer
from redraft.core.recipe import Recipe, take_recipe
from redraft.core.task import Task
from redraft.core.verb import Request, Result, Verb
from redraft.core.work import Silent, Work
from redraft.datasets.reader import Dataset, Split
from redraft.datasets.repository import hub_name
from redraft.inference.evaluation import evaluate
from redraft.inference.held import held
from redraft.inference.judged import Judged, judge_baselines
from redraft.inference.limits import those_that_fit
from redraft.inference.predictor import LocalPredictor
from redraft.models.encode import Encoder
from redraft.models.hub import push
from redraft.models.load import TINY, Loaded, apply_freeze, load_checkpoint, load_model
from redraft.models.source import HUB
from redraft.training import checkpoint, run
from redraft.training.device import DTYPES, fit_precision, weight_type
from redraft.training.device_loss import device_watch
from redraft.training.faults import memory_told
from redraft.training.loop import EvaluateStep, train
from redraft.training.processes import Processes, before_meeting, join
from redraft.training.resuming import check_dataset, check_recipe
from redraft.training.trackers import check_trackers
from redraft.worker.augmenting import augmentation_of
from redraft.worker.device_choice import after_loss, take_device
from redraft.worker.hub_dataset import open_hub_dataset, row_options, tell
from redraft.worker.launched import after_restart, heed_launcher
from redraft.worker.report import write_report

TRAIN = "train"
SAMPLES = "samples"


def start(request: Request, work: Work) -> Result:
    """request: recipe (a path, or its data) with overrides and out, or resume (a run's folder), where dataset may
    say where the recipe's lies now. device: taken in place of the recipe's; lost: the device that an earlier
    process of this work lost, and how.

    The result is the run's result.json with `run` and `report`, its paths.
    """
    with device_watch():
        return _start(after_restart(after_loss(request, work)), work)


def _start(request: Request, work: Work) -> Result:
    with before_meeting():
        if request.get("resume"):
            folder = Path(request["resume"])
            recipe = run.recipe_of(folder)  # says what is wrong where it is no run
            if request.get("dataset"):
                recipe = recipe.model_copy(update={"dataset": str(request["dataset"])})
        else:
            recipe = take_recipe(request["recipe"], request.get("overrides") or ())
            folder = _folder(recipe, request)
        check_trackers(recipe.train.trackers)
        heed_launcher(recipe, work)
        device = take_device(request, recipe, work)
    with join(device, folder) as processes, memory_told(recipe, folder):
        # Of several processes the main one alone tells, holds the folder's lock and writes into it.
        heard: Work = work if processes.main else Silent()
        if not request.get("resume"):
            return _begin(folder, recipe, device, heard, processes)
        # The last writer may still be saving: its command was killed a moment ago.
        with _only_writer(folder, processes):
            return _resume(folder, recipe, device, heard, processes)


def _begin(folder: Path, recipe: Recipe, device: torch.device, work: Work, processes: Processes) -> Result:
    dataset, task = _opened(recipe, work, processes)
    loaded = _fresh(recipe, dataset, device, work, processes)
    processes.by_main(lambda: run.begin(folder, recipe))
    if not all(processes.each(run.is_run(folder))):
        raise UsageError(
            "not every process sees the run's folder",
            where=str(folder),
            remedy="Give --out on a disk that all machines share",
        )
    with _only_writer(folder, processes):
        return _train(folder, recipe, loaded, dataset, task, None, work, processes)


def _resume(folder: Path, recipe: Recipe, device: torch.device, work: Work, processes: Processes) -> Result:
    if processes.by_main(lambda: run.finished(folder)):
        work.log(f"{folder} is finished already; nothing is left to do")
        return _result(folder, run.result_of(folder), processes)
    dataset, task = _opened(recipe, work, processes)
    found = processes.by_main(lambda: checkpoint.newest(folder, work))
    if found is None:
        work.log(f"{folder} has no checkpoint yet: it starts at step 0")
        loaded = _fresh(recipe, dataset, device, work, processes)
        return _train(folder, recipe, loaded, dataset, task, None, work, processes)
    check_recipe(found, recipe, work)
    check_dataset(found, dataset.fingerprint, str(dataset.folder))
    types = _types(recipe, device, work)
    loaded = load_checkpoint(found, device=device, spec=recipe.model, **types)
    apply_freeze(loaded, recipe.model)
    work.log(f"going on from {found.name}")
    return _train(folder, recipe, loaded, dataset, task, found, work, processes)


def _opened(recipe: Recipe, work: Work, processes: Processes) -> tuple[Dataset, Task]:
    if recipe.dataset.startswith(HUB):  # fetched once, before the other processes look for it
        dataset, task = processes.main_first(lambda: open_dataset(recipe, work))
    else:
        dataset, task = open_dataset(recipe, work)
    augmentation_of(recipe, task, dataset.options)  # what is wrong with it is said before a model is loaded
    return dataset, task


def _fresh(recipe: Recipe, dataset: Dataset, device: torch.device, work: Work, processes: Processes) -> Loaded:
    """The recipe's base model as a run begins with it."""
    types = _types(recipe, device, work)
    split = dataset.split(TRAIN)
    texts = (example.answer for example in split.iterate(draw=False)) if recipe.model.base == TINY else None

    def load() -> Loaded:
        return load_model(recipe.model, device=device, texts=texts, seed=recipe.seed, work=work, **types)

    return processes.main_first(load) if recipe.model.base.startswith(HUB) else load()


def _types(recipe: Recipe, device: torch.device, work: Work) -> dict[str, torch.dtype]:
    """Of the weights and of the computation, which decides what attention can run on."""
    precision = fit_precision(recipe.train.precision, device, work)
    return {"dtype": weight_type(recipe, precision), "compute": DTYPES[precision]}


def _only_writer(folder: Path, processes: Processes) -> AbstractContextManager[None]:
    return only_writer(folder) if processes.main else nullcontext()


def _train(
    folder: Path,
    recipe: Recipe,
    loaded: Loaded,
    dataset: Dataset,
    task: Task,
    resume: Path | None,
    work: Work,
    processes: Processes,
) -> Result:
    encoder = Encoder(loaded)
    augmentation = augmentation_of(recipe, task, dataset.options)
    facts = {
        "folder": str(dataset.folder),
        "fingerprint": dataset.fingerprint,
        "counts": dataset.counts,
        "task": task.name,
        "revision": task.revision,
        "options": dataset.options,
    }
    if recipe.dataset.startswith(HUB):
        name = hub_name(recipe.dataset)[0]
        facts["hub"] = {"repo": name, "commit": dataset.folder.name}
    result = train(
        loaded,
        encoder,
        dataset.split(TRAIN),
        recipe,
        folder,
        work,
        _evaluation(folder, recipe, loaded, encoder, dataset, task, work),
        resume,
        dataset=facts,
        on_save=_uploads(recipe, work),
        processes=processes,
        augmentation=augmentation,
    )
    if processes.main and recipe.hub.repo is not None and recipe.hub.push == "end":
        work.log(f"uploaded to {push(folder / result['checkpoint'], recipe.hub.repo, recipe.hub.private)}")
    return _result(folder, result, processes)


def _uploads(recipe: Recipe, work: Work) -> Callable[[Path], None] | None:
    """Uploads each checkpoint where the recipe asks for it; a failed upload is said and does not stop the run."""
    repo = recipe.hub.repo
    if repo is None or recipe.hub.push != "every_save":
        return None

    def upload(checkpoint_folder: Path) -> None:
        try:
            work.log(f"uploaded to {push(checkpoint_folder, repo, recipe.hub.private)}")
        except RedraftError as error:
            work.log(str(error), "warning")

    return upload


def _evaluation(
    folder: Path, recipe: Recipe, loaded: Loaded, encoder: Encoder, dataset: Dataset, task: Task, work: Work
) -> EvaluateStep | None:
    """The evaluation of the model in training; None, said out loud, where the dataset has no such split."""
    settings = recipe.evaluate
    if not len(dataset.splits.get(settings.split, ())):
        work.log(f"the dataset has no split '{settings.split}': the run is not evaluated", "warning")
        return None
    split: Split = dataset.split(settings.split).evenly(settings.limit)
    predictor = LocalPredictor(loaded, encoder, settings, seed=recipe.seed, name=folder.name)
    examples = those_that_fit(held(split), [predictor], work, stop=recipe.train.bad_examples == "stop")
    if not examples:
        work.log(f"no example of the split '{settings.split}' fits the model: the run is not evaluated", "warning")
        return None
    beside: list[Judged] | None = None

    def at(step: int) -> dict[str, Any]:
        nonlocal beside
        if beside is None:  # they answer the same at every step
            beside = judge_baselines(task, examples, work)
        first = folder / SAMPLES / "step-0"
        figures = evaluate(
            predictor,
            task,
            examples,
            settings,
            work,
            folder=folder / SAMPLES / f"step-{step}",
            step=step,
            before=first if step and first.is_dir() else None,
            seed=recipe.seed,
            about={
                "dataset": str(dataset.folder),
                "fingerprint": dataset.fingerprint,
                "trained_on": settings.split == TRAIN,
            },
            beside=beside,
        )
        work.log(f"step {step}: " + " ".join(figures["says"][:3]))
        write_report(folder)
        return figures

    return at


def open_dataset(recipe: Recipe, work: Work) -> tuple[Dataset, Task]:
    """The dataset and the task that a recipe names; a RecipeError where they are not there or do not fit."""
    task = load_task(recipe.task)
    if recipe.dataset.startswith(HUB):
        dataset = open_hub_dataset(recipe.dataset, task, recipe.columns, work, recipe.options)
    else:
        folder = Path(recipe.dataset).expanduser()
        if not folder.is_dir():
            raise RecipeError(
                f"there is no dataset folder '{recipe.dataset}'",
                where="dataset",
                remedy=f"Make one with `redraft data generate {recipe.task} {recipe.dataset} --count 1000`",
            )
        dataset = Dataset.open(folder, task, columns=recipe.columns, options=row_options(task, recipe.options))
    tell(dataset, work)
    if recipe.options and (dataset.manifest is not None or not dataset.options):
        own = "has options of its own" if dataset.manifest is not None else "holds whole conversations"
        raise RecipeError(
            f"options are for rows that examples are made of, and this dataset {own}",
            where=str(dataset.folder),
            remedy="Leave the key options out, or make the dataset with them: data import ... --option",
        )
    if dataset.task is not None and dataset.task != task.name:
        raise RecipeError(
            f"this dataset was made for the task '{dataset.task}'",
            where=str(dataset.folder),
            remedy=f"Give task: {dataset.task}, or another dataset",
        )
    return dataset, task


def _folder(recipe: Recipe, request: Request) -> Path:
    given = request.get("out") or recipe.output
    if given:
        return Path(given)
    if isinstance(request["recipe"], Mapping):
        raise UsageError("a run needs a folder", where="out", remedy="Give out, or output in the recipe")
    return Path("runs") / Path(request["recipe"]).stem


def _result(folder: Path, result: dict[str, Any], processes: Processes) -> Result:
    if not processes.main:
        return Result({})
    report: Callable[[Path], Path] = write_report
    if not result:
        raise InputError("this run has no result", where=str(folder), remedy="Resume it")
    return Result({"run": str(folder), **result, "report": str(report(folder))})


VERBS: dict[str, Verb] = {"train": start}
