"""Holds the files of a dataset folder against its manifest."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from redraft.core.score import Fault
from redraft.core.work import Work
from redraft.datasets.fingerprint import combine
from redraft.datasets.manifest import File
from redraft.datasets.reader import Dataset


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_faults(dataset: Dataset, work: Work) -> list[Fault]:
    """Files that are missing, changed or unknown to the manifest, and a manifest that contradicts itself.

    Shards that cannot be opened are the reader's to report, and are passed over here.
    """
    manifest = dataset.manifest
    if manifest is None:
        return []
    faults = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
        for done, fault in enumerate(threads.map(lambda f: _file_fault(dataset.folder, f), manifest.files), 1):
            work.progress("checking files", done, len(manifest.files))
            if fault is not None:
                faults.append(fault)
    known = {file.path for file in manifest.files}
    for path in sorted((dataset.folder / "data").glob("*.parquet")):
        name = f"data/{path.name}"
        if name not in known:
            faults.append(Fault(name, "changed_file", "error", "the manifest does not know this file"))
    expected = combine(manifest.task, manifest.revision, manifest.options, manifest.fingerprints)
    if expected != manifest.fingerprint:
        reason = "the manifest's fingerprint does not belong to its own task, revision, options and splits"
        faults.append(Fault("manifest.json", "fingerprint", "error", reason))
    return faults


def _file_fault(folder: Path, file: File) -> Fault | None:
    path = folder / file.path
    if file.leads_out:
        return None
    if not path.is_file():
        if file.rows is not None:
            return None
        return Fault(file.path, "broken_file", "error", "this file of the dataset is missing")
    try:
        if file_digest(path) != file.sha256:
            return Fault(file.path, "changed_file", "error", "its SHA-256 is not the one in the manifest")
    except OSError as error:
        return Fault(file.path, "broken_file", "error", f"cannot be read ({error.strerror})")
    return None
