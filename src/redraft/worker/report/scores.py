"""The tables of scores: every evaluation of the run, what failed, and what the task measures besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from redraft.inference.statistics import signed
from redraft.worker.report.gather import Evaluation, Run
from redraft.worker.report.samples import samples

HEAD = ("", "Score", "95 % interval", "This model above it", "Median", "Valid", "Loss", "Wrong images")


def score_tables(run: Run) -> str:
    """One line an evaluation, then the details and failures of the last one."""
    if not run.evaluations:
        return ""
    last = run.evaluations[-1].figures
    return _evaluations(run.evaluations) + _failures(last) + _details(last, run.evaluations[0].figures, {})


def final_sections(run: Run) -> list[tuple[str, str]]:
    """The evaluations made after training, such as the one on the test split, each with its samples."""
    return [_final(evaluation, evaluation is run.last) for evaluation in run.finals]


def _final(evaluation: Evaluation, said: bool) -> tuple[str, str]:
    """said: its sentences stand at the head of the report already."""
    figures = evaluation.figures
    rows = [_row("This model", figures)]
    if "against" in figures:
        rows.append(_row(_capital(str(figures["against"]["model"])), figures["against"]))
    others = {**figures.get("baselines", {}), **figures.get("text", {})}
    rows += _beside(figures)
    first = figures.get("against", figures)
    table = _table(HEAD, rows)
    says = "".join(f"<li>{escape(sentence)}</li>" for sentence in figures.get("says", []) if not said)
    details = f"{_failures(figures)}{_details(figures, first, others)}"
    html = f'{table}<ul class="says">{says}</ul>{details}{samples(evaluation)}'
    split = str(figures.get("split", "test"))
    name = "" if evaluation.base.name == split else f" ({evaluation.base.name})"
    return f"On the {split} split{name}", html


def _evaluations(evaluations: list[Evaluation]) -> str:
    rows = [_row("Untrained" if e.step == 0 else f"Step {e.step or 0:,}", e.figures) for e in evaluations]
    rows += _beside(evaluations[-1].figures)  # they answer the same at every step
    return _table(HEAD, rows)


def _beside(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """The rows of what else answered the same examples."""
    named = {f"Baseline {name}": other for name, other in figures.get("baselines", {}).items()}
    for name, other in figures.get("text", {}).items():
        named[f"This model on {name} ({other['prompt_tokens']:,.0f} tokens a prompt)"] = other
    return [_row(name, other) for name, other in named.items()]


def _row(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    interval = figures.get("interval")
    return (
        escape(name),
        _number(figures.get("mean")),
        _between(interval) or "none",
        _gain(figures.get("gain")),
        _number(figures.get("median")),
        f"{100 * figures['valid']:.1f} %" if figures.get("valid") is not None else "none",
        _number(figures.get("loss")),
        _number(figures.get("loss_shuffled")),
    )


def _gain(gain: dict[str, Any] | None) -> str:
    """By how much the model is above this one on the same examples."""
    if not gain:
        return ""
    return f"{signed(gain['difference'])} <small>{_between(gain['interval'], signed)}</small>"


def _between(interval: list[float] | None, form: Callable[[float], str] = "{:.3f}".format) -> str:
    return f"{form(interval[0])} to {form(interval[1])}" if interval else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _failures(figures: dict[str, Any]) -> str:
    if not figures["failures"]:
        return ""
    total = figures["examples"]
    rows = [
        (escape(reason), str(count), f"{100 * count / total:.1f} %")
        for reason, count in figures["failures"].items()
    ]
    return _table((f"Failures, of {total:,} answers", "Count", "Share"), rows)


def _details(last: dict[str, Any], first: dict[str, Any], others: dict[str, Any]) -> str:
    """Only answers for which a measure exists are in its mean, so the number of them stands beside it. others:
    what else answered the same examples, by name."""
    rows = []
    for name, detail in last["details"].items():
        before = first["details"].get(name, {})
        shown = _middle(detail)
        if shown is None:
            continue
        rows.append(
            (
                escape(name.replace("_", " ")),
                _short(_middle(before)) if first is not last else "",
                _short(shown),
                _between(detail.get("interval"), _short),
                _short(detail.get("median")),
                f"{detail['count']:,}",
                *(_short(_middle(other["details"].get(name, {}))) for other in others.values()),
            )
        )
    if not rows:
        return ""
    head = ("Measured besides", "Before, mean", "After, mean", "95 % interval", "After, median", "Answers")
    return _table((*head, *others), rows)


def _middle(detail: dict[str, Any]) -> Any:
    return detail.get("mean", detail.get("share"))


def _short(value: Any) -> str:
    """Three decimals for the usual range, three figures for what is smaller or larger."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    return f"{value:.3f}" if 0.01 <= abs(value) < 100 else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _number(value: Any) -> str:
    return (
        f"{value:.3f}"
        if isinstance(value, int | float) and abs(value) < 1000
        else ""
        if value is None
        else f"{value:.4g}"
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    columns = [i for i, name in enumerate(head) if i == 0 or any(row[i] for row in rows)]
    top = "".join(f"<th>{escape(head[i])}</th>" for i in columns)
    lines = "".join("<tr>" + "".join(f"<td>{row[i]}</td>" for i in columns) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'
