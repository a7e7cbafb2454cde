"""The rest of the report: dataset, machine, recipe, files, and what the figures do not say."""

from __future__ import annotations

from html import escape
from typing import Any

import yaml

from redraft.worker.report.gather import Run

SHOWN_FILES = 40


LABELS = {
    "cpu_capability": "CPU instructions",
    "counts": "Examples by split",
    "examples": "Examples trained on",
    "longest": "Longest example, tokens",
    "supervised_tokens": "Tokens with loss, all examples",
    "base": "Base model",
    "frozen": "Frozen weights",
    "trainable": "Trained weights",
}
"""What the names of a run's "start" event mean to a reader; others are shown as they are."""


def dataset_facts(run: Run) -> str:
    data = dict(_mapping(_first(run, "start").get("dataset")))
    data.pop("folder", None)
    left_out = data.pop("left_out", None) or []
    facts = {"Dataset": run.recipe.get("dataset", ""), **{_label(name): value for name, value in data.items()}}
    if left_out:
        facts["Left out"] = "; ".join(": ".join(map(str, pair)) for pair in left_out)
    facts["Examples seen"] = run.result.get("examples_seen")
    return _facts(facts)


def machine_facts(run: Run) -> str:
    """Model, time, machine; the versions in one line."""
    start, result = _first(run, "start"), run.result
    facts = {_label(name): value for name, value in _mapping(start.get("model")).items()}
    if (seconds := result.get("train_seconds")) is not None:
        facts["Time in training"] = f"{seconds / 60:.1f} minutes, without evaluations and saving"
    if (variation := result.get("batch_variation")) is not None:
        facts["Batch-to-batch variation"] = f"{variation:.1%} of the loss, at the end"
    facts |= {_label(name): value for name, value in _mapping(start.get("machine")).items()}
    facts["Versions"] = ", ".join(f"{name} {value}" for name, value in _mapping(start.get("versions")).items())
    return _facts(facts)


def recipe_text(run: Run) -> str:
    if not run.recipe:
        return ""
    text = yaml.safe_dump(run.recipe, sort_keys=False, allow_unicode=True, width=100)
    return f'<pre class="wide">{escape(text)}</pre>'


def files_table(run: Run) -> str:
    """Paths relative to the run, with their sizes; folders as one line."""
    rows = []
    for path in sorted(run.folder.iterdir()):
        if path.name.startswith(".") or path.name == "report.html":
            continue
        inside = [path] if path.is_file() else sorted(path.iterdir())
        for entry in inside:
            if not entry.name.startswith("."):
                name = entry.relative_to(run.folder).as_posix() + ("/" if entry.is_dir() else "")
                rows.append((name, _size(entry)))
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_bytes(size)}</td></tr>"
        for name, size in rows[:SHOWN_FILES]
    )
    more = f'<p class="note">and {len(rows) - SHOWN_FILES} more.</p>' if len(rows) > SHOWN_FILES else ""
    where = f'<p class="note">In <code>{escape(str(run.folder.resolve()))}</code>, when this was written.</p>'
    return f'{where}<div class="scroll"><table><tbody>{lines}</tbody></table></div>{more}'


def limits(run: Run) -> str:
    """What a reader might take from the figures and should not."""
    last = run.last
    said = []
    if last is None:
        said.append("No answer was generated and scored, so nothing is known of how good the model is.")
    else:
        figures = last.figures
        said.append(
            f"The scores hold for {figures['examples']:,} examples of the split “{figures.get('split')}” of this "
            "dataset. Pictures made in another way (another drawing style, scans, photographs) were not tested."
        )
        said.append(
            "The intervals cover the choice of these examples, not the luck of one training run: another seed "
            "gives another model."
        )
        if not run.finals:
            said.append(
                "The model was evaluated during training on these same examples. If a checkpoint was chosen by "
                "this score, a split that played no part in the choice gives the fairer figure."
            )
    if _mapping(run.recipe.get("train")).get("max_minutes"):
        said.append("The run ended by the clock, so repeating it gives other bits on another or busier machine.")
    said.append("Throughput and memory are of this machine, with whatever else ran on it.")
    return '<ul class="says">' + "".join(f"<li>{escape(sentence)}</li>" for sentence in said) + "</ul>"


def _facts(facts: dict[str, Any]) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_text(value))}</dd>"
        for name, value in facts.items()
        if value not in ("", None)
    )
    return f'<dl class="facts">{rows}</dl>' if rows else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)


def _label(key: str) -> str:
    return LABELS.get(key, (key[:1].upper() + key[1:]).replace("_", " "))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(run: Run, kind: str) -> dict[str, Any]:
    found = run.of_kind(kind)
    return found[0] if found else {}


def _size(path: Any) -> int:
    return path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError
