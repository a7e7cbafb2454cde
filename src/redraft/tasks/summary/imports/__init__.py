"""Other people's documents with summaries, turned into examples."""

from __future__ import annotations

from redraft.core.task import Importer
from redraft.tasks.summary.imports.documents import import_documents

IMPORTERS = {
    importer.name: importer
    for importer in (
        Importer(
            "documents",
            "documents with summaries: JSON Lines, CSV, TSV, Parquet, or a folder of texts, Markdown and PDFs",
            import_documents,
            licence="unknown: say it with --licence, or in a column licence",
            resumes=True,
        ),
    )
}
