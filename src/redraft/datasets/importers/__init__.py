"""Importers that serve every task: conversations in TinyLLaVA's form, and Hugging Face datasets."""

from __future__ import annotations

from collections.abc import Mapping

from redraft.core.task import Importer
from redraft.datasets.importers.huggingface import import_huggingface
from redraft.datasets.importers.tinyllava import import_tinyllava

IMPORTERS: Mapping[str, Importer] = {
    importer.name: importer
    for importer in (
        Importer(
            "tinyllava",
            "conversations in the form of TinyLLaVA and LLaVA: a JSON file, or a folder with one a split",
            import_tinyllava,
        ),
        Importer(
            "huggingface",
            "a folder of Parquet files, or hf:<repo> on the hub, with a mapping of its columns",
            import_huggingface,
            resumes=True,
        ),
    )
}
