"""The head of the report: what the run reached in a few figures and sentences, and its curves."""

from __future__ import annotations

import statistics
from html import escape
from typing import Any

from redraft.inference.statistics import signed
from redraft.worker.report.curves import Curve, chart, smooth
from redraft.worker.report.gather import Evaluation, Run

WRONG_IMAGES = "Wrong images are those of other examples: the gap to them is what the images tell the model."


def headline(run: Run) -> tuple[str, str]:
    """The title, and one HTML sentence under it."""
    task, base = str(run.recipe.get("task", "a task")), str((run.recipe.get("model") or {}).get("base", "tiny"))
    model = (
        "the built-in tiny model" if base == "tiny" else base.removeprefix("hf:").rstrip("/").rpartition("/")[2]
    )
    steps = run.result.get("steps") or (run.steps[-1]["step"] if run.steps else 0)
    dataset = str(run.recipe.get("dataset", "")).rstrip("/").rpartition("/")[2]
    status = str(run.result.get("status", "unfinished"))
    ended = {"finished": "finished", "paused": "is paused", "failed": "failed"}.get(status, "has not finished")
    reason = f": {escape(str(run.result['reason']))}" if run.result.get("reason") else ""
    lede = (
        f"The run {escape(run.folder.name)} {ended} after {steps:,} step{'' if steps == 1 else 's'}"
        f"{' on the dataset ' + escape(dataset) if dataset else ''}{reason}."
    )
    return f"Training {model} on {task}", lede


def key_figures(run: Run) -> str:
    last = run.last
    parts = []
    if last is not None:
        parts.append(
            _figure(
                f"Score, {escape(str(last.figures.get('split')))} split",
                f"{last.figures['mean']:.3f}",
                _interval(last.figures["interval"]),
            )
        )
        wide = last.figures.get("valid_interval")
        share = f"{100 * last.figures['valid']:.0f} %"
        between = f"{100 * wide[0]:.0f} to {100 * wide[1]:.0f} % (95 %)" if wide else ""
        parts.append(_figure("Valid answers", share, between))
        parts += _best_baseline(last.figures)
    if run.steps:
        parts.append(_loss_figure(run))
        speed = _per_second(run)
        if speed:
            parts.append(_figure("Examples a second", f"{speed:.3g}", "in training, without evaluations"))
    memory = run.result.get("peak_memory_bytes")
    if memory:
        parts.append(_figure("Peak memory", f"{memory / 2**30:.2f} GiB", "of the training process"))
    return f'<dl class="figures">{"".join(parts)}</dl>' if parts else ""


def _figure(name: str, value: str, note: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>"


def _best_baseline(figures: dict[str, Any]) -> list[str]:
    """The best of what needs no model, and by how much the model is above it."""
    made = figures.get("baselines")
    if not made:
        return []
    name, best = max(made.items(), key=lambda pair: pair[1]["mean"])
    gain, between = best["gain"]["difference"], best["gain"]["interval"]
    note = f"the model {signed(gain)}" + (
        f", {signed(between[0])} to {signed(between[1])} (95 %)" if between else ""
    )
    return [_figure(f"Best baseline, {escape(name)}", f"{best['mean']:.3f}", note)]


def _interval(interval: list[float] | None) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f} (95 %)" if interval else "no interval: one example"


def _loss_figure(run: Run) -> str:
    """As the run's result has it: the mean over its last epoch (docs/training.md), against the first step."""
    first, last = run.result.get("first_loss"), run.result.get("train_loss")
    if first is None or last is None:
        first, last = run.steps[0]["loss"], smooth([(s["step"], s["loss"]) for s in run.steps])[-1][1]
    change = f"from {first:.3g}" + (f", {100 * (1 - last / first):.0f} % less" if 0 <= last < first else "")
    return _figure("Training loss", f"{last:.3g}", change)


def _per_second(run: Run) -> float | None:
    speeds = [step["examples_per_second"] for step in run.steps if step.get("examples_per_second")]
    return run.result.get("examples_per_second") or (statistics.median(speeds) if speeds else None)


def says(run: Run) -> str:
    """The last evaluation's own sentences, a blind model's first and set apart."""
    last = run.last
    if last is None:
        return '<p class="warn">This run has not been evaluated yet.</p>'
    sentences = list(last.figures.get("says", []))
    warning = ""
    if last.figures.get("blind"):
        blind = last.figures["images"]["says"]
        sentences = [sentence for sentence in sentences if sentence != blind]
        warning = f'<p class="warn">{escape(blind)}</p>'
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in [*sentences, *run.notes])
    return f'{warning}<ul class="says">{items}</ul>'


def curves(run: Run) -> str:
    large, small = [_loss_chart(run), _score_chart(run)], _rate_charts(run)
    groups = [("charts", large), ("charts small", small)]
    return "".join(f'<div class="{name}">{"".join(drawn)}</div>' for name, drawn in groups if any(drawn))


def _loss_chart(run: Run) -> str:
    raw = [(float(step["step"]), float(step["loss"])) for step in run.steps]
    own = _over_steps(run.evaluations, "loss")
    shuffled = _over_steps(run.evaluations, "loss_shuffled")
    split = str(run.evaluations[-1].figures.get("split")) if run.evaluations else ""
    return chart(
        "Loss",
        "nats a token, over steps",
        [
            Curve("each batch", raw, "faint") if len(raw) >= 8 else Curve("training", raw, "main", dots=True),
            *([Curve("smoothed", smooth(raw), "main")] if len(raw) >= 8 else []),
            Curve(split, own, "good", dots=True),
            Curve(f"{split}, wrong images", shuffled, "other", dots=True),
        ],
        note=WRONG_IMAGES if shuffled else "",
    )


def _score_chart(run: Run) -> str:
    measured = [e for e in run.evaluations if e.step is not None and e.figures.get("mean") is not None]
    points = [(float(e.step or 0), float(e.figures["mean"])) for e in measured]
    band = [
        (float(e.step or 0), e.figures["interval"][0], e.figures["interval"][1])
        for e in measured
        if e.figures.get("interval")
    ]
    valid = _over_steps(run.evaluations, "valid")
    count = measured[-1].figures["examples"] if measured else 0
    split = measured[-1].figures.get("split") if measured else ""
    return chart(
        "Score of generated answers",
        "0 to 1, over steps",
        [
            Curve("valid", valid, "good", dots=True),
            *_baseline_curve(measured),
            Curve("score", points, "main", band, dots=True),
        ],
        zero=True,
        top=1.0,
        note=f"On {count:,} examples of the {split} split, failures as zero; the area is the 95 % interval.",
    )


def _baseline_curve(measured: list[Evaluation]) -> list[Curve]:
    """The best baseline's score as a level line; nothing for a task without any."""
    made = measured[-1].figures.get("baselines") if measured else None
    if not made:
        return []
    name, best = max(made.items(), key=lambda pair: pair[1]["mean"])
    steps = [float(e.step or 0) for e in measured]
    ends = sorted({min(steps), max(steps)})
    return [Curve(name, [(step, float(best["mean"])) for step in ends], "other")]


def _rate_charts(run: Run) -> list[str]:
    charts = []
    for key, title, unit in (
        ("learning_rate", "Learning rate", "over steps"),
        ("examples_per_second", "Throughput", "examples a second, over steps"),
        ("gradient_norm", "Gradient norm", "before clipping, over steps"),
    ):
        points = [(float(s["step"]), float(s[key])) for s in run.steps if isinstance(s.get(key), int | float)]
        charts.append(chart(title, unit, [Curve(title.lower(), points)], zero=True))
    return charts


def _over_steps(evaluations: list[Evaluation], key: str) -> list[tuple[float, float]]:
    found: list[tuple[float, Any]] = [
        (float(e.step), e.figures.get(key)) for e in evaluations if e.step is not None
    ]
    return [(step, float(value)) for step, value in found if value is not None]
