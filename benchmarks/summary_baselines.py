"""Summaries that need no model, on the 395 PEPs: what a model has to beat.

The texts are the PEPs' bodies, the references their abstracts. Every figure is a mean over the documents with its
95 % bootstrap interval (2,000 resamples of the documents), from 0 to 1. "Another document's" is the TextRank
summary of the next document: what words in common are worth by themselves. docs/summary-scoring.md defines the
figures. Run from the checkout:

    python benchmarks/summary_baselines.py [--result FILE ...]

FILE is what `redraft evaluate ... --json` printed, or the evaluation.json of its --out: its model stands in a
table of its own, with the baselines on the same examples. Results of earlier runs are kept until new ones are
given. Writes summary_baselines.json and summary_baselines.md beside this file.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rouge_score.rouge_scorer import RougeScorer

from redraft.core.example import Example
from redraft.core.score import Score
from redraft.core.work import Silent
from redraft.inference.summary import summarise
from redraft.tasks.summary.baselines import baselines
from redraft.tasks.summary.score import score_answers
from redraft.tasks.summary.score.rouge import NAMES, rouge
from redraft.tasks.summary.score.sentences import sentences
from redraft.tasks.summary.textrank import textrank

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEPS = ROOT.parent / "shared" / "data" / "documents" / "peps.jsonl"
LIBRARIES = ("rouge-score", "sacrebleu", "regex", "numpy", "scipy")
KEPT = ("model", "task", "split", "examples", "fingerprint")

sys.path.insert(0, str(ROOT / "tests" / "summary"))
from ten_scripts import TEXTS  # noqa: E402  the texts that the tests score


def documents() -> list[Example]:
    lines = PEPS.read_text(encoding="utf-8").splitlines()
    return [Example(row["id"], (), (), row) for row in map(json.loads, lines)]


def own(reference: str, answer: str, stem: bool) -> dict[str, float]:
    """rouge-score with its own tokenizer, one sentence a line."""
    lines = ["\n".join(sentences(text)) for text in (reference, answer)]
    found = RougeScorer(list(NAMES), use_stemmer=stem).score(*lines)
    return {name: float(found[name].fmeasure) for name in NAMES}


def beside(examples: Sequence[Example], answers: Sequence[str], stem: bool) -> dict[str, Any]:
    """The mean figures of both tokenizers on the same texts, and on how many texts all four are the same."""
    pairs = [
        (rouge(str(e.truth["summary"]), answer, stem=stem), own(str(e.truth["summary"]), answer, stem))
        for e, answer in zip(examples, answers, strict=True)
    ]
    plain = [
        str(e.truth["summary"]).isascii() and answer.isascii() for e, answer in zip(examples, answers, strict=True)
    ]
    return {
        "ours": {name: statistics.fmean(ours[name] for ours, _ in pairs) for name in NAMES},
        "rouge-score": {name: statistics.fmean(theirs[name] for _, theirs in pairs) for name in NAMES},
        "ascii": sum(plain),
        "equal_of_ascii": sum(ours == theirs for (ours, theirs), ascii in zip(pairs, plain, strict=True) if ascii),
        "examples": len(pairs),
    }


def measure() -> dict[str, Any]:
    examples = documents()
    started = time.perf_counter()
    made = dict(baselines(examples, Silent()))
    seconds = time.perf_counter() - started
    made["another document's"] = [*made["textrank"][1:], made["textrank"][0]]
    rows: dict[str, Any] = {}
    for name, answers in made.items():
        started = time.perf_counter()
        scores: list[Score] = score_answers(answers, examples, Silent())
        rows[name] = summarise(scores) | {"scoring_seconds": time.perf_counter() - started}
    text = " ".join(str(example.truth["text"]) for example in examples)
    long = sentences(" ".join(text[:100_000].split()))
    started = time.perf_counter()
    textrank(long)
    ranking = time.perf_counter() - started
    return {
        "documents": len(examples),
        "reference": summarise(score_answers([str(e.truth["summary"]) for e in examples], examples, Silent())),
        "rows": rows,
        "tokenizers": {
            name: {str(stem): beside(examples, made[name], stem) for stem in (False, True)}
            for name in ("lead-3", "textrank")
        },
        "scripts": {
            script: {
                "ours": rouge(text, text)["rougeLsum"],
                "rouge-score": own(text, text, stem=False)["rougeLsum"],
            }
            for script, text in TEXTS.items()
        },
        "seconds": {
            "baselines": seconds,
            "textrank_100k": ranking,
            "sentences_100k": len(long),
        },
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}",
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def model_result(path: Path) -> dict[str, Any]:
    """What is kept of an evaluation: the model, the untrained one, baselines and text on the same examples."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if "baselines" not in found:
        raise SystemExit(f"{path}: this evaluation has no baselines beside its model")
    systems = {
        "the model": found,
        **({found["against"]["model"]: found["against"]} if "against" in found else {}),
        **found["baselines"],
        **found.get("text", {}),
    }
    kept = {name: found.get(name) for name in KEPT}
    kept["systems"] = {
        name: {key: system.get(key) for key in ("mean", "interval", "gain", "details", "prompt_tokens")}
        for name, system in systems.items()
    }
    return kept


def cell(detail: dict[str, Any] | None, digits: int = 3, wide: bool = True) -> str:
    if not detail or "mean" not in detail:
        return ""
    shown = f"{detail['mean']:.{digits}f}"
    return f"{shown} ({detail['interval'][0]:.{digits}f} to {detail['interval'][1]:.{digits}f})" if wide else shown


def baseline_table(result: dict[str, Any]) -> list[str]:
    lines = [
        "| summary | ROUGE-1 | ROUGE-2 | ROUGE-L | ROUGE-Lsum | chrF2 | words | new pairs of words |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in result["rows"].items():
        details = row["details"]
        cells = [
            *(cell(details[key]) for key in ("rouge1", "rouge2")),
            cell(details["rougeL"], wide=False),
            *(cell(details[key]) for key in ("rougeLsum", "chrf")),
            cell(details["words"], 0, wide=False),
            cell(details["novel_2"], wide=False),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    own = result["reference"]["details"]
    words, new = cell(own["words"], 0, wide=False), cell(own["novel_2"], wide=False)
    return [
        *lines,
        f"| the reference itself | 1 | 1 | 1 | 1 | 1 | {words} | {new} |",
    ]


def model_tables(results: Sequence[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for found in results:
        head = (
            f"{found['examples']} examples of the split {found['split']}, dataset {str(found['fingerprint'])[:19]}"
        )
        lines += [f"### {found['model']}", "", f"{head}.", ""]
        lines += [
            "| summary | ROUGE-Lsum | the model above it | ROUGE-1 | ROUGE-2 | chrF2 | words |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, system in found["systems"].items():
            gain, details = system.get("gain"), system["details"]
            above = (
                f"{gain['difference']:+.3f} ({gain['interval'][0]:+.3f} to {gain['interval'][1]:+.3f})"
                if gain
                else ""
            )
            score = f"{system['mean']:.3f} ({system['interval'][0]:.3f} to {system['interval'][1]:.3f})"
            rest = [cell(details.get(key), wide=False) for key in ("rouge1", "rouge2", "chrf")]
            words = cell(details.get("words"), 0, wide=False)
            lines.append(f"| {name} | {score} | {above} | {' | '.join(rest)} | {words} |")
        lines.append("")
    return lines


def tokenizer_table(result: dict[str, Any]) -> list[str]:
    lines = [
        "| summary | tokenizer | ROUGE-1 | ROUGE-2 | ROUGE-L | ROUGE-Lsum | equal to the last digit |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, both in result["tokenizers"].items():
        for stem, found in both.items():
            how = ", stemmed" if stem == "True" else ""
            same = f"{found['equal_of_ascii']} of {found['ascii']} in ASCII"
            for whose in ("ours", "rouge-score"):
                figures = " | ".join(f"{found[whose][key]:.4f}" for key in NAMES)
                lines.append(f"| {name} | {whose}{how} | {figures} | {same if whose == 'ours' else ''} |")
    return lines


def page(result: dict[str, Any]) -> str:
    text = (__doc__ or "").split("\n\n")
    seconds = result["seconds"]
    scoring = result["rows"]["textrank"]["scoring_seconds"]
    lines = [
        "# Summaries without a model",
        "",
        f"{result['documents']} documents. " + text[1].replace(" Run from the checkout:", "").replace("\n", " "),
        "",
        *baseline_table(result),
        "",
        f"All {result['documents']} documents took {seconds['baselines']:.1f} s for the three baselines and "
        f"{scoring:.1f} s to score one of them; TextRank of {seconds['sentences_100k']} sentences in 100,000 "
        f"characters {seconds['textrank_100k']:.2f} s.",
        "",
        "## Beside rouge-score's own tokenizer",
        "",
        f"The same texts, one sentence a line, by rouge-score {result['versions']['rouge-score']} with its "
        "default tokenizer ([a-z0-9] only) and with ours. On texts in ASCII all four figures are the same. The "
        "others hold a letter or mark beyond ASCII, at which the default tokenizer cuts words apart.",
        "",
        *tokenizer_table(result),
        "",
        "## The same text twice, in other scripts",
        "",
        "ROUGE-Lsum of a text against itself.",
        "",
        "| script | " + " | ".join(result["scripts"]) + " |",
        "|---|" + "---|" * len(result["scripts"]),
        *(
            f"| {whose} | " + " | ".join(f"{found[whose]:.1f}" for found in result["scripts"].values()) + " |"
            for whose in ("ours", "rouge-score")
        ),
        "",
        "## Models",
        "",
        *(model_tables(result["results"]) or ["None has been given with `--result` yet.", ""]),
        f"{result['machine']}; "
        + ", ".join(f"{name} {found}" for name, found in result["versions"].items())
        + ".",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--result", type=Path, action="append", default=[], help="JSON of `redraft evaluate`")
    given = parser.parse_args().result
    kept = HERE / "summary_baselines.json"
    results = [model_result(path) for path in given]
    if not results and kept.is_file():
        results = json.loads(kept.read_text(encoding="utf-8")).get("results", [])
    if not PEPS.is_file():
        print("the PEPs are not beside this checkout (shared/data/documents/peps.jsonl): nothing measured")
        return
    result = measure() | {"results": results}
    kept.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (HERE / "summary_baselines.md").write_text(page(result), encoding="utf-8")
    print(page(result))


if __name__ == "__main__":
    main()
