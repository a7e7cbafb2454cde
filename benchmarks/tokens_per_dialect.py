"""Tokens a part in each dialect, on generated parts and on the real histories.

Three counts, all offline: bytes of the text; words, where a run of digits, a run of letters, or any other single
character that is not white space counts one; and tokens of a byte-level BPE with 2,000 entries, trained here on
as many bytes of every dialect, from parts that are not measured. Compact is measured as models answer it (no
header, grid 128) and as `cad convert` writes it (header, grid 1,000). Means are over the parts that every form
can hold. Run from the checkout:

    python benchmarks/tokens_per_dialect.py [--count 300]

Writes tokens_per_dialect.json and tokens_per_dialect.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from redraft.core.discovery import load_task
from redraft.core.errors import Refusal
from redraft.core.work import Silent
from redraft.tasks.cad.dialects import DIALECTS, read_program, write_program
from redraft.tasks.cad.program import codec
from redraft.tasks.cad.program.types import Program

HERE = Path(__file__).resolve().parent
HISTORIES = HERE.parents[1] / "shared" / "data" / "deepcad"
VOCABULARY = 2_000
FORMS: dict[str, Callable[[Program], str]] = {
    "compact, grid 128": lambda p: write_program(p, "compact", grid=128, header=False),
    "compact, grid 1000": lambda p: write_program(p, "compact"),
    **{name: (lambda p, name=name: write_program(p, name)) for name in DIALECTS[::-1] if name != "compact"},
}
WORD = re.compile(r"\d+|[A-Za-z]+|[^\s\w]|_")


def generated(count: int, seed: int) -> list[Program]:
    """Programs of the built-in generator, at its default options."""
    task = load_task("cad")
    options = task.options({"keep_images": False})
    examples = task.generate(count, seed, options, Silent())
    return [codec.from_data(example.truth["program"]) for example in examples]


def real() -> list[Program]:
    """The histories beside this checkout; none where they are absent."""
    return [read_program(file.read_bytes(), where=file.name)[0] for file in sorted(HISTORIES.glob("0*.json"))]


def texts(programs: Iterable[Program]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The texts of every form, of the parts that all forms can hold; and how many parts each form cannot."""
    found: dict[str, list[str]] = {form: [] for form in FORMS}
    refused = dict.fromkeys(FORMS, 0)
    for program in programs:
        row: dict[str, str] = {}
        for form, write in FORMS.items():
            try:
                row[form] = write(program)
            except Refusal:
                refused[form] += 1
        if len(row) == len(FORMS):
            for form, text in row.items():
                found[form].append(text)
    return found, refused


def train(programs: list[Program]) -> Tokenizer:
    """A byte-level BPE on the same number of bytes of every form."""
    samples = {form: "\n".join(found) for form, found in texts(programs)[0].items()}
    size = min(len(sample) for sample in samples.values())
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([sample[:size] for sample in samples.values()], trainer)
    return tokenizer


def counts(found: list[str], tokenizer: Tokenizer) -> dict[str, float]:
    """Means over the parts, and the median of the tokens."""
    tokens = [len(tokenizer.encode(text).ids) for text in found]
    return {
        "bytes": round(statistics.fmean(len(text.encode()) for text in found), 1),
        "words": round(statistics.fmean(len(WORD.findall(text)) for text in found), 1),
        "tokens": round(statistics.fmean(tokens), 1),
        "tokens_median": float(statistics.median(tokens)),
    }


def table(rows: dict[str, dict[str, float]]) -> list[str]:
    lines = [
        "| form | bytes | words | tokens, mean | tokens, median | parts it cannot hold |",
        "|---|---|---|---|---|---|",
    ]
    for form, row in rows.items():
        cells = [row["bytes"], row["words"], row["tokens"], row["tokens_median"], row["refused"]]
        lines.append(f"| {form} | {' | '.join(f'{cell:g}' for cell in cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=300, help="generated parts to measure")
    count = parser.parse_args().count
    tokenizer = train(generated(count, seed=1))
    sources = {f"{count} generated parts": generated(count, seed=2), "8 real histories": real()}
    result: dict[str, dict[str, dict[str, float]]] = {}
    for title, programs in sources.items():
        if not programs:
            continue
        found, refused = texts(programs)
        result[title] = {form: counts(found[form], tokenizer) | {"refused": refused[form]} for form in FORMS}
    lines = [
        "# Tokens a part in each dialect",
        "",
        (__doc__ or "").split("\n\n")[1].replace(" Run from the checkout:", ""),
        "",
    ]
    for title, rows in result.items():
        lines += [f"## {title}", "", *table(rows), ""]
    (HERE / "tokens_per_dialect.json").write_text(json.dumps(result, indent=2) + "\n")
    (HERE / "tokens_per_dialect.md").write_text("\n".join(lines).rstrip() + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
