"""The model card (README.md) of an uploaded checkpoint: measured figures, and what they were measured on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from redraft.models.layout import RESULT
from redraft.models.remote import HUB

MARK = "<!-- made by redraft; without this line the card is yours and uploads leave it alone -->"


def model_card(repo: str, facts: Mapping[str, Any], recipe: Mapping[str, Any], licence: str | None) -> str:
    """Markdown with the head that hubs read. facts: a checkpoint's manifest with `scores` and `training` as
    `run_facts` finds them. licence: of the base model, where it is known."""
    adapter = facts.get("kind") == "adapter"
    base, dataset = dict(facts.get("base") or {}), dict(facts.get("dataset") or {})
    head: dict[str, Any] = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": [tag for tag in ("redraft", facts.get("task")) if tag],
    }
    if licence:
        head["license"] = licence
    if str(base.get("name", "")).startswith(HUB):
        head["base_model"] = base["name"].removeprefix(HUB)
        head["base_model_relation"] = "adapter" if adapter else "finetune"
    if isinstance(dataset.get("hub"), dict):
        head["datasets"] = [dataset["hub"].get("repo")]
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False, allow_unicode=True).strip(),
        "---",
        MARK,
        "",
        f"# {repo.rpartition('/')[2]}",
        "",
        _opening(facts, base, adapter),
        "",
        *_scores(facts.get("scores")),
        *_table("What it was trained on", _dataset(dataset)),
        *_table("How it was trained", _training(facts, recipe)),
        *_use(repo, facts, adapter),
        *_recipe(recipe),
    ]
    return "\n".join(lines) + "\n"


def run_facts(checkpoint: Path, step: int | None) -> dict[str, Any]:
    """What the checkpoint's run says of it: `scores` (the evaluation at its step) and `training` (its result, or
    the figures of its last step). Empty for a checkpoint that lies outside of a run."""
    run = checkpoint.parent.parent
    found: dict[str, Any] = {}
    try:
        rows = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        rows = []
    for row in rows:
        if row.get("kind") == "evaluation" and row.get("step") == step:
            found["scores"] = row
        elif row.get("kind") == "step" and (step is None or row.get("step", 0) <= step):
            found["training"] = {"train_loss": row.get("loss"), **{k: row.get(k) for k in ("step", "epoch")}}
    try:
        result = json.loads((run / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        result = {}
    if isinstance(result, dict) and str(result.get("checkpoint", "")).endswith(checkpoint.name):
        found["training"] = {**found.get("training", {}), **result}
        found.setdefault("scores", result.get("scores"))
    return found


def _opening(facts: Mapping[str, Any], base: Mapping[str, Any], adapter: bool) -> str:
    name = str(base.get("name") or "")
    what = "A LoRA adapter" if adapter else "A vision-language model"
    task = f" for the task **{facts['task']}**" if facts.get("task") else ""
    if name == "tiny":
        return f"{what}{task}, trained from random weights with redraft."
    if not name:
        return f"{what}{task}, uploaded with redraft."
    at = f" at commit `{base['revision']}`" if base.get("revision") else ""
    return f"{what}{task}, fine-tuned from `{name}`{at} with redraft."


def _scores(scores: Any) -> list[str]:
    if not isinstance(scores, dict) or scores.get("mean") is None:
        return ["## Measured", "", "This checkpoint has not been evaluated.", ""]
    rows = {
        "score (mean)": _figure(scores["mean"], scores.get("interval")),
        "valid answers": _figure(scores.get("valid"), scores.get("valid_interval")),
        "median score": _figure(scores.get("median"), None),
        "examples": f"{scores.get('examples', 0):,} of the split `{scores.get('split')}`",
    }
    if scores.get("trained_on"):
        rows["beware"] = "these are training examples"
    failures = ", ".join(f"{count} {reason}" for reason, count in (scores.get("failures") or {}).items())
    if failures:
        rows["failures, each scored 0"] = failures
    intervals = "Intervals hold 95 % (bootstrap over examples; Wilson for rates). A failed answer counts as zero."
    return [*_table("Measured", rows), intervals, ""]


def _figure(value: Any, interval: Any) -> str:
    if value is None:
        return "not measured"
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _dataset(dataset: Mapping[str, Any]) -> dict[str, str]:
    counts = dataset.get("counts") or {}
    hub = dataset.get("hub") if isinstance(dataset.get("hub"), dict) else None
    found = {
        "dataset": f"`{HUB}{hub['repo']}` at commit `{hub['commit']}`"
        if hub
        else f"`{dataset.get('folder', '')}`",
        "examples": ", ".join(f"{count:,} {split}" for split, count in counts.items()),
        "trained on": f"{dataset['examples']:,}" if dataset.get("examples") is not None else "",
        "fingerprint": f"`{dataset['fingerprint']}`" if dataset.get("fingerprint") else "",
    }
    return {name: text for name, text in found.items() if text and text != "``"}


def _training(facts: Mapping[str, Any], recipe: Mapping[str, Any]) -> dict[str, str]:
    training, versions = dict(facts.get("training") or {}), facts.get("versions") or {}
    first, last = training.get("first_loss"), training.get("train_loss")
    speed, memory = training.get("examples_per_second"), training.get("peak_memory_bytes")
    software = [
        f"{name} {versions[name]}" for name in ("redraft", "torch", "transformers", "peft") if name in versions
    ]
    found = {
        "steps": f"{facts['step']:,}" if facts.get("step") is not None else "",
        "loss": " to ".join(f"{loss:.3f}" for loss in (first, last) if loss is not None),
        "examples a second": f"{speed:.1f}" if speed else "",
        "peak memory": f"{memory / 1e6:,.0f} MB" if memory else "",
        "seed": str(recipe["seed"]) if "seed" in recipe else "",
        "software": ", ".join(software),
    }
    return {name: text for name, text in found.items() if text}


def _table(title: str, rows: Mapping[str, str]) -> list[str]:
    if not rows:
        return []
    return [f"## {title}", "", "| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items()), ""]


def _use(repo: str, facts: Mapping[str, Any], adapter: bool) -> list[str]:
    code = (
        f"from peft import AutoPeftModel\n\nmodel = AutoPeftModel.from_pretrained({repo!r})"
        if adapter
        else "from transformers import AutoModelForImageTextToText, AutoProcessor\n\n"
        f"model = AutoModelForImageTextToText.from_pretrained({repo!r})\n"
        f"processor = AutoProcessor.from_pretrained({repo!r})"
    )
    return ["## How to use", "", "```bash", f"redraft models pull {repo}", "```", "", "```python", code, "```", ""]


def _recipe(recipe: Mapping[str, Any]) -> list[str]:
    if not recipe:
        return []
    text = yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True).strip()
    return ["## Recipe", "", "```yaml", text, "```"]
