"""Published sets of documents with summaries: their columns, configurations and licences.

What stands here is what their pages on the hub say; a set that changes its form is read with `--column` and
`--name`. Splits are the sets' own. A licence is what a set's card says: news articles stay their publishers'.
"""

from __future__ import annotations

from redraft.core.offers import KnownSet

HUB = "https://huggingface.co/datasets/"
ENGLISH = {"language": "en"}
MLSUM = {"de": "de", "es": "es", "fr": "fr", "ru": "ru", "tu": "tr"}
"""MLSUM's configurations, and the language of each in BCP 47."""

KNOWN_SETS: dict[str, KnownSet] = {
    "abisee/cnn_dailymail": KnownSet(
        columns={"text": "article", "summary": "highlights", "id": "id"},
        licence="apache-2.0",
        page=HUB + "abisee/cnn_dailymail",
        name="3.0.0",
        constants=ENGLISH,
    ),
    "EdinburghNLP/xsum": KnownSet(
        columns={"text": "document", "summary": "summary", "id": "id"},
        licence="unknown",
        page=HUB + "EdinburghNLP/xsum",
        constants=ENGLISH,
    ),
    "ccdv/arxiv-summarization": KnownSet(
        columns={"text": "article", "summary": "abstract"},
        licence="unknown",
        page=HUB + "ccdv/arxiv-summarization",
        name="document",
        constants=ENGLISH,
    ),
    "FiscalNote/billsum": KnownSet(
        columns={"text": "text", "summary": "summary", "title": "title"},
        licence="cc0-1.0",
        page=HUB + "FiscalNote/billsum",
        constants=ENGLISH,
    ),
    "reciTAL/mlsum": KnownSet(
        columns={"text": "text", "summary": "summary", "title": "title"},
        licence="other: for research that is not commercial; the articles stay their publishers'",
        page=HUB + "reciTAL/mlsum",
        revision="refs/convert/parquet",
        of_name={name: {"language": language} for name, language in MLSUM.items()},
    ),
}
"""Splits: train, validation and test; BillSum has train, test and ca_test. MLSUM's main branch holds a program,
which is never run: the hub's own conversion to Parquet is read, and its language must be named."""
