"""The dataset card: what the dataset is, how many, from where, under which licence and how it was made.

The YAML head is what the Hugging Face hub and `datasets.load_dataset` read: which files are which split.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from redraft.datasets.manifest import Manifest

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
"""The hub's size classes, below each bound; above them "1M<n<10M"."""
HUB_LICENCES = {"apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "unknown"}
"""Licences that are written as such into the head; any other text is "other", and stands in the card."""
SHOWN_REASONS = 20
SHOWN_SOURCES = 50


def card_text(manifest: Manifest, title: str = "") -> str:
    """README.md of a dataset. The same manifest gives the same text; it holds no dates and no paths."""
    total = sum(manifest.counts.values())
    title = title or f"A dataset for the task {manifest.task}"
    head = yaml.safe_dump(_head(manifest, title, total), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{head}---\n\n# {title}\n\n" + "\n".join(_body(manifest, total))


def _head(manifest: Manifest, title: str, total: int) -> dict[str, Any]:
    licences = {rights.licence for rights in manifest.ledger} or {manifest.source.licence}
    licence = next(iter(licences)).lower() if len(licences) == 1 else "several licences"
    head: dict[str, Any] = {"pretty_name": title}
    if manifest.languages:
        head["language"] = sorted({tag.split("-")[0].lower() for tag in manifest.languages})
    if licence in HUB_LICENCES:
        head["license"] = licence
    else:
        head |= {
            "license": "other",
            "license_name": re.sub(r"[^a-z0-9]+", "-", licence).strip("-")[:60] or "other",
        }
    return head | {
        "task_categories": list(manifest.about.categories) or ["image-to-text"],
        "tags": ["redraft", manifest.task],
        "size_categories": [next((name for bound, name in SIZES if total < bound), "1M<n<10M")],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": s, "path": f"data/{s}-*.parquet"} for s in manifest.counts],
            }
        ],
    }


def _body(manifest: Manifest, total: int) -> list[str]:
    source = manifest.source
    lines = ["| split | examples | MB |", "|---|---:|---:|"]
    for split, count in manifest.counts.items():
        size = sum(file.bytes for file in manifest.files if file.split == split and file.rows is not None)
        lines.append(f"| {split} | {count:,} | {size / 1e6:.1f} |")
    lines.append(f"| all | {total:,} | {manifest.bytes / 1e6:.1f} |")
    lines += [
        "",
        f"- Task: {manifest.task}, revision {manifest.revision}",
        f"- Made by: {source.how or 'not said'}",
        f"- From: {source.origin or 'not said'}",
        f"- Licence of the content: {source.licence}",
        f"- Images: {_images(manifest)}",
        f"- Seed: {'none' if manifest.seed is None else manifest.seed}",
        f"- Fingerprint: `{manifest.fingerprint}`",
    ]
    if manifest.languages:
        lines.append("- Languages: " + ", ".join(f"{tag} ({n:,})" for tag, n in manifest.languages.items()))
    if manifest.versions:
        lines.append("- Versions: " + ", ".join(f"{name} {v}" for name, v in sorted(manifest.versions.items())))
    lines += _ledger(manifest) + _options(manifest) + _columns(manifest) + _left_out(manifest)
    return [*lines, ""]


def _images(manifest: Manifest) -> str:
    if manifest.images == "stored":
        return "stored in the column `images`"
    return (
        "not stored; redraft draws them from `truth` and `seed`, `redraft data export --materialise` writes them"
    )


def _ledger(manifest: Manifest) -> list[str]:
    whole = (manifest.source.origin, manifest.source.licence)
    if all((rights.source, rights.licence) == whole for rights in manifest.ledger):
        return []
    lines = ["", "## Sources and licences", "", "| source | licence | examples |", "|---|---|---:|"]
    lines += [
        f"| {_cell(r.source)} | {_cell(r.licence)} | {r.examples:,} |" for r in manifest.ledger[:SHOWN_SOURCES]
    ]
    if len(manifest.ledger) > SHOWN_SOURCES:
        lines += ["", f"and {len(manifest.ledger) - SHOWN_SOURCES:,} further sources, which `manifest.json` lists"]
    return lines


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _options(manifest: Manifest) -> list[str]:
    if not manifest.options:
        return []
    text = yaml.safe_dump(manifest.options, sort_keys=True, allow_unicode=True).rstrip()
    return ["", "## Options", "", "```yaml", text, "```"]


def _columns(manifest: Manifest) -> list[str]:
    fields = manifest.about.fields
    truth = [
        "",
        "| field of `truth` | what |",
        "|---|---|",
        *(f"| `{name}` | {fields[name]} |" for name in fields),
    ]
    return [
        "",
        "## Columns",
        "",
        "| column | what |",
        "|---|---|",
        "| `id` | unique in the dataset |",
        "| `images` | PNG or JPEG files with their names, in the order of their places in `messages` |",
        "| `messages` | role and content; one `image` part an image; the last message is the answer |",
        "| `truth` | JSON: what the images show, from which they are drawn and answers are scored |",
        "| `seed` | decides every random choice of the drawing |",
        *(truth if fields else ()),
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        'dataset = load_dataset("path/to/this/folder")',
        "```",
    ]


def _left_out(manifest: Manifest) -> list[str]:
    left_out = manifest.left_out
    if not left_out.count:
        return []
    where = f"`{left_out.file}`" if left_out.file else "`manifest.json`"
    lines = ["", "## Left out", "", f"{left_out.count:,} inputs did not become examples; {where} lists them.", ""]
    shown = list(left_out.reasons.items())[:SHOWN_REASONS]
    lines += [f"- {count:,}: {reason}" for reason, count in shown]
    if len(left_out.reasons) > SHOWN_REASONS:
        lines.append(f"- and {len(left_out.reasons) - SHOWN_REASONS} further reasons")
    return lines
