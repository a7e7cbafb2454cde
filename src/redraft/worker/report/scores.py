"""The tables of scores: every evaluation of the run, what failed, and what the task measures besides."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from redraft.worker.report.gather import Evaluation, Run
from redraft.worker.report.samples import samples


def score_tables(run: Run) -> str:
    """One line an evaluation, then the details and failures of the last one."""
    if not run.evaluations:
        return ""
    last = run.evaluations[-1].figures
    return _evaluations(run.evaluations) + _failures(last) + _details(last, run.evaluations[0].figures)


def final_sections(run: Run) -> list[tuple[str, str]]:
    """The evaluations made after training, such as the one on the test split, each with its samples."""
    return [_final(evaluation, evaluation is run.last) for evaluation in run.finals]


def _final(evaluation: Evaluation, said: bool) -> tuple[str, str]:
    """said: its sentences stand at the head of the report already."""
    figures = evaluation.figures
    rows = [_row("This model", figures)]
    if "against" in figures:
        rows.append(_row(_capital(str(figures["against"]["model"])), figures["against"]))
    first = figures.get("against", figures)
    table = _table(("", "Score", "95 % interval", "Median", "Valid", "Loss", "Wrong images"), rows)
    says = "".join(f"<li>{escape(sentence)}</li>" for sentence in figures.get("says", []) if not said)
    html = (
        f'{table}<ul class="says">{says}</ul>{_failures(figures)}{_details(figures, first)}{samples(evaluation)}'
    )
    split = str(figures.get("split", "test"))
    name = "" if evaluation.base.name == split else f" ({evaluation.base.name})"
    return f"On the {split} split{name}", html


def _evaluations(evaluations: list[Evaluation]) -> str:
    rows = [_row("Untrained" if e.step == 0 else f"Step {e.step or 0:,}", e.figures) for e in evaluations]
    return _table(("", "Score", "95 % interval", "Median", "Valid", "Loss", "Wrong images"), rows)


def _row(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    interval = figures.get("interval")
    return (
        escape(name),
        _number(figures.get("mean")),
        f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "none",
        _number(figures.get("median")),
        f"{100 * figures['valid']:.1f} %" if figures.get("valid") is not None else "none",
        _number(figures.get("loss")),
        _number(figures.get("loss_shuffled")),
    )


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


def _details(last: dict[str, Any], first: dict[str, Any]) -> str:
    """Only answers for which a measure exists are in its mean, so the number of them stands beside it."""
    rows = []
    for name, detail in last["details"].items():
        before = first["details"].get(name, {})
        shown = detail.get("mean", detail.get("share"))
        if shown is None:
            continue
        rows.append(
            (
                escape(name.replace("_", " ")),
                _short(before.get("mean", before.get("share"))) if first is not last else "",
                _short(shown),
                _short(detail.get("median")),
                f"{detail['count']:,}",
            )
        )
    if not rows:
        return ""
    return _table(("Measured besides", "Before, mean", "After, mean", "After, median", "Answers"), rows)


def _short(value: Any) -> str:
    return "" if value is None else f"{value:.4g}"


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
