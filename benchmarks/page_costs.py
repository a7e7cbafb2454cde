"""What a long document costs as pages in each model family: pages, tokens, compression, height of its letters.

One of the PEPs, of some 17,000 characters, is laid out in the default style on square pages that each family sees
without resizing them, in two sizes of letters. Pages are counted by the layout, tokens by the family's published
settings, and the text's own tokens by the estimate of models/text_estimate.py, as no published tokenizer was at
hand. Nothing is timed. Run from the checkout, with the PEPs beside it:

    python benchmarks/page_costs.py [--documents ../shared/data/documents/peps.jsonl]

Writes page_costs.json and page_costs.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from redraft.models.sight import sight_of
from redraft.tasks.summary.drawing import lay_out_truth
from redraft.tasks.summary.options import complete
from redraft.tasks.summary.truth import truth_of

HERE = Path(__file__).resolve().parent
PEPS = HERE.parents[1] / "shared" / "data" / "documents" / "peps.jsonl"
LONG = 17_000
FONTS = (16, 12)
PAGES = (
    ("deepseek_ocr:tiny", 512),
    ("deepseek_ocr:small", 640),
    ("deepseek_ocr:base", 1024),
    ("deepseek_ocr:large", 1280),
    ("deepseek_ocr:gundam", 1280),
    ("deepseek_ocr2:small", 768),
    ("deepseek_ocr2:base", 1024),
    ("deepseek_ocr2:gundam", 1536),
    ("unlimited_ocr:base", 1024),
    ("granite_docling", 512),
    ("granite_docling", 1024),
    ("smolvlm:base", 1024),
    ("qwen2_5_vl", 1008),
    ("qwen3_vl", 1024),
)


def measured(text: str, name: str, side: int, font: int) -> dict[str, Any]:
    sight = sight_of(name)
    seen = sight.picture(side, side)
    style = {"width": side, "height": side, "font_size": font}
    layout = lay_out_truth(truth_of(text, ""), 0, complete({"style": style, "max_pages": 1000}))
    pages = len(layout.pages)
    return {
        "family": name,
        "page": side,
        "tokens_a_page": seen.tokens,
        "scale": seen.scale,
        "font_size": font,
        "letters": round(layout.letter_height * seen.scale, 1),
        "pages": pages,
        "tokens": pages * seen.tokens,
        "ratio": round(sight.text_tokens(layout.document.text) / (pages * seen.tokens), 2),
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| family | page | tokens a page | letters of 16: pages, tokens, ratio "
        "| letters of 12: pages, tokens, ratio |",
        "|---|---|---|---|---|",
    ]
    for large, small in zip(rows[:: len(FONTS)], rows[1 :: len(FONTS)], strict=True):
        cells = [f"{row['pages']}, {row['tokens']:,}, {row['ratio']}" for row in (large, small)]
        lines.append(
            f"| `{large['family']}` | {large['page']} | {large['tokens_a_page']:,} | {cells[0]} | {cells[1]} |"
        )
    return "\n".join(lines)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=Path, default=PEPS)
    given = options.parse_args()
    if not given.documents.is_file():
        print(f"there is no {given.documents}: give a JSON Lines file of documents", file=sys.stderr)
        return 2
    documents = [json.loads(line) for line in given.documents.read_text(encoding="utf-8").splitlines()]
    chosen = min(documents, key=lambda document: abs(len(document["text"]) - LONG))
    rows = [measured(chosen["text"], name, side, font) for name, side in PAGES for font in FONTS]
    about = {"document": chosen["id"], "characters": len(chosen["text"])}
    (HERE / "page_costs.json").write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n", encoding="utf-8")
    letters = " and ".join(f"{row['letters']}" for row in rows[: len(FONTS)])
    (HERE / "page_costs.md").write_text(
        "# What a long document costs as pages\n\n"
        f"`{chosen['id']}`, {len(chosen['text']):,} characters, on square pages that no model resizes, in the "
        f"default style with letters of 16 and of 12 pixels (x-heights of {letters} pixels in the model). The "
        "ratio is that of text tokens, estimated at 0.24 a character, to page tokens. Written by "
        "`page_costs.py`.\n\n"
        f"{table(rows)}\n\n"
        "A page is not full of text: headings, short lines, code and the last page leave room. Above a ratio of "
        "10 less is read; below 1 the text itself is cheaper.\n",
        encoding="utf-8",
    )
    print((HERE / "page_costs.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
