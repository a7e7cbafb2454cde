"""The verb "evaluate": a model's answers on a split of a dataset, with their scores."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from redraft.core.atomic import new_folder
from redraft.core.discovery import load_task
from redraft.core.errors import InputError, RedraftError, UsageError
from redraft.core.offers import HasBaselines, offers
from redraft.core.prediction import Predictor
from redraft.core.recipe import Evaluate
from redraft.core.task import Task
from redraft.core.verb import Request, Result, Verb
from redraft.core.work import Work
from redraft.datasets.manifest import read_manifest
from redraft.datasets.reader import Dataset
from redraft.inference.evaluation import evaluate
from redraft.inference.held import held
from redraft.inference.judged import Measure
from redraft.inference.limits import those_that_fit
from redraft.inference.openai_server import OpenAIServer
from redraft.inference.opening import checkpoint_recipe, open_predictor, open_untrained
from redraft.inference.predictor import LocalPredictor
from redraft.models.layout import MANIFEST, find_checkpoint
from redraft.models.layout import read_manifest as read_checkpoint
from redraft.worker.model_names import resolve_model
from redraft.worker.report import write_report

UNTRAINED, NONE = "untrained", "none"
EVALUATIONS = "evaluations"
"""The folder of a run whose content its report shows."""
SETTINGS = ("batch_size", "max_new_tokens")


def evaluate_verb(request: Request, work: Work) -> Result:
    """request: checkpoint, dataset, and as wanted task, split (test), limit (all), samples, keep_samples, against
    ("untrained", a model, or "none"), text (also answer from the text itself), measures (NAME or NAME=SETTING),
    batch_size, max_new_tokens, temperature, seed, device, out.

    Where the task has baselines, a checkpoint is compared with what it was before its training too, unless against
    says otherwise.

    Inside a run's folder `evaluations` the result becomes part of the run's report, which is written again. A bad
    score is a finding of this work and no fault: the exit code is 0.
    """
    out = Path(request["out"]) if request.get("out") else None
    dataset, task = _dataset(request)
    split = dataset.split(request.get("split") or "test")
    examples = split.evenly(request.get("limit"))
    work.log(f"{len(examples):,} of {len(split):,} examples of the split '{split.name}' of {dataset.folder.name}")
    predictor, baseline = _predictors(request, task, work)
    settings = Evaluate(
        split=split.name,
        limit=request.get("limit"),
        batch_size=request.get("batch_size") or predictor.settings.batch_size,
        max_new_tokens=predictor.settings.max_new_tokens,
        samples=request.get("samples") or 1,
        keep_samples=request.get("keep_samples") or 4,
    )
    chosen = those_that_fit(held(examples), [predictor, *([baseline] if baseline else [])], work)
    keeping: AbstractContextManager[Path | None] = new_folder(out) if out else nullcontext()
    with keeping as folder:
        value = evaluate(
            predictor,
            task,
            chosen,
            settings,
            work,
            baseline=baseline,
            folder=folder,
            step=_step(request["checkpoint"]),
            seed=int(request.get("seed") or 0),
            text=bool(request.get("text")),
            measures=_measures(request),
            about={
                "dataset": str(dataset.folder),
                "fingerprint": dataset.fingerprint,
                "examples_in_split": len(split),
                "temperature": predictor.temperature,
                "trained_on": split.name == "train" and dataset.fingerprint == _trained_on(request["checkpoint"]),
            },
        )
        work.permit.check()
    if out is not None:
        value["out"] = str(out)
        value["report"] = _renew_report(out)
    return Result(value)


def _dataset(request: Request) -> tuple[Dataset, Task]:
    folder = Path(request["dataset"])
    if not folder.is_dir():
        raise UsageError("there is no such dataset", where=str(folder), remedy="Give a dataset folder")
    manifest = read_manifest(folder)
    name = manifest.task if manifest is not None else request.get("task")
    if not name:
        Dataset.open(folder)  # a folder that is no dataset at all says so
        raise UsageError(
            "this dataset does not say which task it is for", where=str(folder), remedy="Name it with --task"
        )
    task = load_task(name)
    return Dataset.open(folder, task), task


def _predictors(
    request: Request, task: Task, work: Work
) -> tuple[LocalPredictor | OpenAIServer, Predictor | None]:
    wanted = {name: request[name] for name in SETTINGS if request.get(name)}
    wanted |= {name: request[name] for name in ("temperature", "seed") if request.get(name) is not None}
    device = request.get("device") or "auto"
    against = request.get("against")
    model = model_place(request["checkpoint"])
    predictor = open_predictor(model, device=device, **wanted)
    baseline: Predictor | None = None
    if against is None and offers(task, HasBaselines) is not None and _has_recipe(model):
        try:
            baseline = open_untrained(model, device=device, **wanted)
        except RedraftError as error:  # nobody asked for it: it may be missing, and is said
            work.log(f"the untrained model does not stand beside this one: {error}", "warning")
        except torch.OutOfMemoryError:
            work.log("the untrained model does not stand beside this one: there is no memory for both", "warning")
    elif against == UNTRAINED:
        baseline = open_untrained(model, device=device, **wanted)
    elif against and against != NONE:
        baseline = open_predictor(model_place(against), device=device, **wanted)
    return predictor, baseline


def _has_recipe(model: str) -> bool:
    """Whether the model says what it was trained from; a server and a plain folder do not."""
    if model.startswith(("http://", "https://")):
        return False
    try:
        return checkpoint_recipe(find_checkpoint(Path(model))) is not None
    except InputError:
        return False  # opening the model will say what is wrong with it


def _measures(request: Request) -> list[Measure]:
    given = [str(text).partition("=") for text in request.get("measures") or ()]
    return [Measure(name, setting) for name, _, setting in given]


def model_place(name: str) -> str:
    """What `open_predictor` takes for a model as the user named it; a path that is not there is a UsageError."""
    if name == "default":
        return str(resolve_model(name))
    if not name.startswith(("http://", "https://")) and not Path(name).exists():
        raise UsageError(
            "there is no such model", where=name, remedy="Give a checkpoint, a run, a model folder, or a server"
        )
    return name


def _checkpoint(name: str) -> dict[str, Any]:
    """The manifest of a checkpoint, empty for a plain model folder or a server."""
    if name.startswith(("http://", "https://")):
        return {}
    try:
        folder = find_checkpoint(Path(model_place(name)))
        return read_checkpoint(folder) if (folder / MANIFEST).is_file() else {}
    except InputError:
        return {}  # opening the model will say what is wrong with it


def _step(name: str) -> int | None:
    step = _checkpoint(name).get("step")
    return int(step) if step is not None else None


def _trained_on(name: str) -> str | None:
    dataset = _checkpoint(name).get("dataset")
    return dataset.get("fingerprint") if isinstance(dataset, dict) else dataset


def _renew_report(out: Path) -> str | None:
    """Writes the run's report again where out lies in `<run>/evaluations`; else there is none to write."""
    run = out.resolve().parent.parent
    if out.resolve().parent.name != EVALUATIONS or not (run / "events.jsonl").is_file():
        return None
    return str(write_report(run))


VERBS: dict[str, Verb] = {"evaluate": evaluate_verb}
