"""The main job of the task summary, as the commands a user would type. Light: it only names them.

Sizes follow the minutes given: training gets what making and checking the documents leaves, but for a reserve.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from redraft.core.atomic import write_text
from redraft.core.demo import Step, Steps

SEED = 1
VALIDATION = 64
LONG = 9.0
"""Minutes from which on the test split has its full size."""
TEST = 200
USED = 2 / 3
"""The part of the minutes given that it plans for: the rest is for slower machines."""
DOCUMENTS_A_MINUTE = 340
"""Training documents for each minute of the demonstration."""
STARTS, REST = 0.4, 0.9
"""Minutes kept back from training: for starting processes, and (of a long demonstration) for reading the pages,
evaluating and summarising on two slow cores."""
STYLE = "{width: 128, height: 128, font_size: 12, line_spacing: 1.3334, paragraph_spacing: 0, margin: 0.03}"
"""Small pages of large letters: a line is 16 pixels high, as are the cells that the model cuts a page into."""
HELD_OUT = f"document-{SEED}-000000"
"""The first document of the test split: whatever it is, nobody chose it."""
READS = (
    "What it can: read large letters off a small page, and tell what a notice says in a sentence, for the",
    "three kinds of notices and the hundred words that it was trained on. It learned that here; where it had",
    "too few steps, hours and names are still guesses. The report shows its answers beside the right ones.",
)
BLIND = (
    "It has not learned to read its pages yet: it writes a likely notice, whatever it is shown. That alone can",
    "score more than the baselines, and the loss with other pages shows it. Give it more --minutes.",
)


def steps(out: Path, minutes: float) -> Steps:
    """Yields the steps; returns the closing lines."""
    documents, run, held_out = out / "documents", out / "run", out / "held-out"
    text, summary, pages = held_out / "document.md", out / "summary.txt", out / "pages"
    started = time.monotonic()
    share = min(minutes / LONG, 1.0)
    test, validation = max(2, round(TEST * share)), max(2, round(VALIDATION * share))
    yield Step(
        "documents",
        "Make documents with their summaries",
        ("data", "generate", "summary", str(documents), "--count", str(int(DOCUMENTS_A_MINUTE * minutes)),
         "--validation", str(validation), "--test", str(test), "--seed", str(SEED), "--option", "level=simple",
         "--option", f"style={STYLE}", "--json"),
        makes=documents,
        told=lambda v: f"{v['examples']:,} documents in {v['seconds']:.0f} s; their pages are drawn when they are "
        "read",
    )  # fmt: skip
    yield Step(
        "check",
        "Check every document: pages, letters, summaries, duplicates",
        ("data", "check", str(documents), "--json"),
        makes=out / "no-such-file",
        told=lambda v: f"{v['examples']:,} examples, {v['errors']} errors, {v['warnings']} warnings",
        findings=frozenset({1}),
    )
    spent = (time.monotonic() - started) / 60
    recipe = _recipe(out, documents, max(USED * minutes - spent - STARTS - REST * share, minutes / 5))
    yield Step(
        "train",
        "Train the small model from nothing on pictures of the pages",
        ("train", str(recipe), "--out", str(run), "--json"),
        makes=run,
        resume=("train", "--resume", str(run), "--json"),
        told=lambda v: f"{v['steps']:,} steps, loss {v['train_loss']:.2f}",
    )
    scored = yield Step(
        "evaluate",
        f"Score its summaries of {test} documents it has not seen, beside baselines and the untrained model",
        ("evaluate", str(run), str(documents), "--split", "test", "--against", "untrained",
         "--out", str(run / "evaluations" / "test"), "--json"),
        makes=run / "evaluations" / "test",
        told=lambda v: v["says"][0],
    )  # fmt: skip
    shown = yield Step(
        "held-out",
        "Take a document it has not seen",
        ("data", "show", str(documents), HELD_OUT, "--out", str(held_out), "--json"),
        makes=held_out,
        told=lambda v: f"{HELD_OUT}, the first of the test split; its text goes to {text.name}",
    )
    write_text(text, shown["truth"]["text"])
    answer = yield Step(
        "summarize",
        "Draw its pages and summarise them",
        ("summarize", str(text), "--model", str(run), "--output", str(summary), "--pages", str(pages), "--force",
         "--json"),
        makes=pages,
        told=lambda v: f"from {v['pages']} page{'s' * (v['pages'] != 1)}: {v['summary']}",
    )  # fmt: skip
    return _closing(out, scored, shown, answer)


def _recipe(out: Path, documents: Path, minutes: float) -> Path:
    """The demonstration's recipe with its dataset and its minutes of training; one that is there is kept."""
    recipe = out / "recipe.yaml"
    if not recipe.exists():
        text = (Path(__file__).parent / "demo.yaml").read_text(encoding="utf-8")
        text = text.replace("DATASET", str(documents.absolute())).replace("MINUTES", f"{minutes:.2f}")
        write_text(recipe, text)
    return recipe


def _closing(out: Path, scored: dict[str, Any], shown: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    words = shown["truth"]["summary"]
    run = out / "run"
    return [
        "",
        *scored["says"],
        "",
        f"The document's own summary:  {words}",
        f"The model's:                 {answer['summary']}",
        "",
        *(BLIND if (scored["images"] or {}).get("blind") is not False else READS),
        "What it cannot: anything else. Shown a document of yours, it would write one of its notices about it.",
        "For your documents, train a large model: see the recipes for DeepSeek-OCR 2 and others in recipes/.",
        "",
        f"report     {run / 'report.html'}",
        f"document   {out / 'held-out' / 'document.md'}, its pages {out / 'pages'}",
        f"summary    {out / 'summary.txt'}",
        f"model      {run}: try it on a notice of your own with `redraft summarize ... --model {run}`",
    ]
