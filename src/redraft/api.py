"""The same verbs as the command line's, for notebooks and other programs: `import redraft`.

Each function does its verb in this process and returns what `--json` prints. Errors are `redraft.core.errors`.
Where the work found a fault (an invalid solid, a dataset with errors), the value says so; nothing is raised.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft.core.permit import FREE
from redraft.core.prediction import Predictor
from redraft.core.sight import Sight
from redraft.core.work import Lent

log = logging.getLogger("redraft")

PathLike = str | Path


class _Work:
    """Logs what is said; lends models as a worker does."""

    permit = FREE

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        log.debug("%s %s/%s %s", stage, done, total, note)

    def log(self, message: str, level: str = "info") -> None:
        log.log(logging.WARNING if level == "warning" else logging.INFO, "%s", message)

    def metric(self, values: Mapping[str, Any]) -> None:
        log.debug("%s", dict(values))

    def left_out(self, id: str, reason: str) -> None:
        log.info("left out: %s: %s", id, reason)

    def predictor(self, model: str, **settings: Any) -> Predictor:
        from redraft.worker.context import lend

        return lend(model, **settings)

    def sight(self, model: str) -> Sight:
        from redraft.worker.context import lend_sight

        return lend_sight(model)

    def examples(self, dataset: str, split: str, limit: int | None = None) -> Lent:
        from redraft.worker.context import lend_examples

        return lend_examples(dataset, split, limit)


def do(verb: str, **request: Any) -> dict[str, Any]:
    """Any verb by its name, with its request as keywords: `redraft.do("cad.measure", files=["part.step"])`."""
    from redraft.worker.verbs import find_verb

    return find_verb(verb)(request, _Work()).value


def generate(
    task: str, out: PathLike, count: int, *, validation: int = 0, test: int = 0, seed: int = 0, **options: Any
) -> dict[str, Any]:
    """Makes a dataset of `count` training examples; options are the task's own (see its README)."""
    return do("data.generate", task=task, out=str(out), count=count, validation=validation, test=test, seed=seed,
              options=options)  # fmt: skip


def import_data(importer: str, source: PathLike, out: PathLike, **settings: Any) -> dict[str, Any]:
    """Turns somebody's files into a dataset; settings: train, validation, test, split_file, seed, ..."""
    return do("data.import", importer=importer, source=str(source), out=str(out), **settings)


def check(dataset: PathLike, **settings: Any) -> dict[str, Any]:
    """Every fault of a dataset: {examples, faults: [{id, kind, severity, reason}], errors, warnings}."""
    return do("data.check", dataset=str(dataset), **settings)


def export(dataset: PathLike, out: PathLike, format: str = "tinyllava", **settings: Any) -> dict[str, Any]:
    """Writes a dataset in another tool's format: tinyllava, sharegpt or openai."""
    return do("data.export", dataset=str(dataset), out=str(out), format=format, **settings)


def train(recipe: PathLike, overrides: Iterable[str] = (), *, out: PathLike | None = None) -> dict[str, Any]:
    """Trains as a recipe file says, with `key=value` overrides, and returns the run's result."""
    request = {"recipe": str(recipe), "overrides": list(overrides), "out": None if out is None else str(out)}
    return do("train", **request)


def plan(
    recipe: PathLike, overrides: Iterable[str] = (), *, out: PathLike | None = None, memory_gb: float | None = None
) -> dict[str, Any]:
    """What a run will take, tried in a child process: memory, time, disk, and whether it fits (docs/plan.md)."""
    request = {"recipe": str(recipe), "overrides": list(overrides), "memory_gb": memory_gb}
    return do("plan", **request, out=None if out is None else str(out))


def resume(run: PathLike) -> dict[str, Any]:
    """Goes on with a stopped run from its last whole checkpoint."""
    return do("train", resume=str(run))


def evaluate(checkpoint: PathLike, dataset: PathLike, split: str = "test", **settings: Any) -> dict[str, Any]:
    """Scores of a model's own answers, with confidence intervals, and its loss with right and shuffled images."""
    return do("evaluate", checkpoint=str(checkpoint), dataset=str(dataset), split=split, **settings)


def reconstruct(
    *pictures: PathLike, output: PathLike, model: PathLike = "default/cad", size: Sequence[float] | None = None,
    scale: float | None = None, samples: int | None = None, force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Front, top and right view (three files, a sheet or a folder) to a part; see docs/reconstruct.md."""
    return do("cad.reconstruct", pictures=[str(path) for path in pictures], output=str(output), model=str(model),
              size=size, scale=scale, samples=samples, force=force)  # fmt: skip


def summarize(document: PathLike, model: PathLike = "default/summary", **settings: Any) -> dict[str, Any]:
    """A document's summary, or those of a folder's documents; settings as in docs/summarize.md (output, pages,
    style, max_pages, pdf_pages, language, max_new_tokens, force)."""
    return do("summary.summarize", source=str(document), name=str(document), model=str(model),
              **_paths(settings, "output", "pages"))  # fmt: skip


def draw_pages(document: PathLike, output: PathLike, **settings: Any) -> dict[str, Any]:
    """Draws a document's pages into a new folder and says what stands on each; settings: style, model, ..."""
    return do("summary.pages", file=str(document), name=str(document), output=str(output),
              **_paths(settings, "model"))  # fmt: skip


def plan_pages(document: PathLike, model: PathLike, **settings: Any) -> dict[str, Any]:
    """Which pages show a document to a model in the fewest tokens; settings: ratio, letters, style, ..."""
    return do("summary.plan", file=str(document), name=str(document), model=str(model), **settings)


def search_styles(dataset: PathLike, model: PathLike, output: PathLike, **settings: Any) -> dict[str, Any]:
    """Tries page styles against a model; settings: split, limit, grid, trials, ... (docs/style-search.md)."""
    return do("summary.search", dataset=str(dataset), model=str(model), output=str(output), **settings)


def _paths(settings: dict[str, Any], *names: str) -> dict[str, Any]:
    """Settings with those of the names that are paths as strings."""
    return settings | {name: str(settings[name]) for name in names if settings.get(name) is not None}


def measure(*files: PathLike) -> dict[str, Any]:
    """Validity, faces, volume, area and box of parts."""
    return do("cad.measure", files=[str(path) for path in files])


def compare(a: PathLike, b: PathLike) -> dict[str, Any]:
    """How far part a agrees with part b: iou, iou_aligned, iou_scaled, Chamfer distances, Betti numbers."""
    return do("cad.compare", a=str(a), b=str(b))


def convert(file: PathLike, to: str, output: PathLike | None = None, **settings: Any) -> dict[str, Any]:
    """Writes a program in another dialect."""
    return do("cad.convert", file=str(file), to=to, output=None if output is None else str(output), **settings)
