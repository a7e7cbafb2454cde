"""`redraft summary search`: styles tried against a model on a dataset."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft.core.atomic import output_error, write_bytes, write_json
from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.prediction import Predictor
from redraft.core.verb import Request, Result
from redraft.core.work import Lent, Silent, Work
from redraft.tasks.summary import options as summary_options
from redraft.tasks.summary.baselines import LEAD, prose
from redraft.tasks.summary.drawing import draw_pages
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.score import score_answers
from redraft.tasks.summary.search.chart import draw_front
from redraft.tasks.summary.search.findings import Findings, Tried, findings
from redraft.tasks.summary.search.pareto import interval
from redraft.tasks.summary.search.record import TRIALS, Record
from redraft.tasks.summary.search.report import write_report
from redraft.tasks.summary.search.space import Trial, default_grid, trials_of
from redraft.tasks.summary.search.trying import Trying
from redraft.tasks.summary.summarising import LOOP_STOP
from redraft.tasks.summary.verbs.summarize import SETTINGS

TRIED = 24
LIMIT = 64
RESULT = "search.json"


def search_styles(request: Request, work: Work) -> Result:
    """request: dataset, model, output, and as wanted split (validation), limit, grid (field of a style to values),
    trials, seed, max_new_tokens, batch_size, device, loop_stop. Goes on from the trials that lie in the output."""
    started = time.monotonic()
    lent = work.examples(request["dataset"], request.get("split") or "validation", request.get("limit") or LIMIT)
    options, examples = _documents(lent, work)
    seed = int(request.get("seed") or 0)
    sight = work.sight(request["model"])
    base = PageStyle.from_data(options["style"])
    grid = request.get("grid") or default_grid(base, sight)
    trials = trials_of(base, grid, int(request.get("trials") or TRIED), seed)
    output = Path(request["output"])
    settings = {
        "model": request["model"],
        "dataset": lent.fingerprint,
        "split": lent.split,
        "documents": [example.id for example in examples],
        "options": {name: value for name, value in options.items() if name != "keep_images"},
        "styles": [dict(trial.changes) for trial in trials],
        "seed": seed,
        "max_new_tokens": request.get("max_new_tokens"),
        "loop_stop": request.get("loop_stop"),
    }
    record = Record(output, json.loads(json.dumps(settings)))
    if record.known:
        work.log(f"{len(record.known):,} answers are there already and are not asked for again")
    lend = _Lender(request, work)
    trying = Trying(examples, options, sight, lend, record, work, seed)
    left = {trial.number for trial in trying.run(trials)}
    tried = [_tried(trial, trying, trial.number in left, seed) for trial in trials]
    found = findings(tried, _lead(examples), seed)
    about = {
        "model": lend.name or _known_name(output) or Path(request["model"]).name,
        "dataset": lent.name,
        "split": lent.split,
        "documents": len(examples),
        "seed": seed,
    }
    files = _write(output, found, about, options, examples[0])
    value = {
        **about,
        "documents_in_split": lent.size,
        "trials": [one.as_data() for one in tried],
        "front": found.front,
        "best": found.best,
        "advice": found.advice,
        "most_per_token": found.most_per_token,
        "style": found.of(found.advice).trial.style.model_dump(),
        "lead": round(found.lead, 5),
        "says": list(found.says),
        "record": str(output / TRIALS),
        "files": files,
        "seconds": round(time.monotonic() - started, 3),
    }
    write_json(output / RESULT, value)
    return Result(value)


class _Lender:
    """Opens the model when it is first asked for: a search that is whole needs none."""

    def __init__(self, request: Request, work: Work) -> None:
        self._request, self._work, self.name = request, work, ""

    def __call__(self) -> Predictor:
        wanted = {name: self._request[name] for name in SETTINGS if self._request.get(name)}
        stop = self._request.get("loop_stop")
        found = self._work.predictor(
            self._request["model"], **wanted, loop_stop=LOOP_STOP if stop is None else stop or None
        )
        self.name = found.name
        return found


def _documents(lent: Lent, work: Work) -> tuple[dict[str, Any], list[Example]]:
    """The dataset's options and the documents whose pages can be drawn in any style."""
    if lent.task and lent.task != "summary":
        raise UsageError(
            f"this dataset is for the task {lent.task}",
            where=lent.name,
            remedy="Give one of documents and summaries",
        )
    options = summary_options.complete(lent.options)
    found = []
    for example in lent.examples:
        if example.truth.get("pages") == "given" or not str(example.truth.get("text") or "").strip():
            work.left_out(example.id, "its pages are pictures, which cannot be drawn in another style")
        elif not str(example.truth.get("summary") or "").strip():
            work.left_out(example.id, "it has no summary to score by")
        else:
            found.append(example)
    if not found:
        raise InputError(
            f"the split '{lent.split}' has no document to draw",
            where=lent.name,
            remedy="Choose another with --split",
        )
    return options, found


def _tried(trial: Trial, trying: Trying, whole: bool, seed: int) -> Tried:
    rows = trying.answers(trial)
    return Tried(trial, rows, whole, interval([row.value for row in rows], seed))


def _lead(examples: Sequence[Example]) -> float:
    """The score of each document's first sentences: what every style has to be held against."""
    texts = [" ".join(prose(example.truth)[:LEAD]) for example in examples]
    scores = score_answers(texts, examples, Silent())
    return statistics.fmean(score.value if score.ok else 0.0 for score in scores)


def _write(
    output: Path, found: Findings, about: Mapping[str, Any], options: Mapping[str, Any], example: Example
) -> dict[str, str]:
    """Chart, report and the first page of one document in each style of the front."""
    try:
        with tempfile.TemporaryDirectory(prefix=".search-", dir=output) as name:
            made = Path(name)
            png, svg = draw_front(found, about["model"], made)
            pages = {number: _first_page(found.of(number).trial, options, example) for number in found.front}
            write_report(made / "report.html", found, about, pages, svg)
            shutil.rmtree(output / "pages", ignore_errors=True)
            for number, data in pages.items():
                write_bytes(output / "pages" / f"style-{number:02d}.png", data)
            for file in (png, svg, made / "report.html"):
                write_bytes(output / file.name, file.read_bytes())
    except OSError as error:
        raise output_error(output, error) from error
    return {
        "report": str(output / "report.html"),
        "front_png": str(output / "front.png"),
        "front_svg": str(output / "front.svg"),
        "pages": str(output / "pages"),
    }


def _first_page(trial: Trial, options: Mapping[str, Any], example: Example) -> bytes:
    shown = {**options, "variety": 0.0, "keep_images": True, "max_pages": 1, "long": "cut"}
    return draw_pages(example.truth, example.seed, shown, style=trial.style).images[0].bytes


def _known_name(output: Path) -> str:
    """The model's name as an earlier run of the same search has it."""
    try:
        return str(json.loads((output / RESULT).read_text(encoding="utf-8"))["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
