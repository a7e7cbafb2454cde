"""PDF files read by PDFium in a process behind walls: a hostile file finds nothing there to read, write or reach.

The child is started as `python -m redraft.tasks.summary.documents.pdf_process`; it reads one request, encloses
itself for good (`redraft.walls`), and answers in one line of JSON, which the caller reads as untrusted data.
Pages come back as raw grey pixels, so that nothing has to be decoded out here.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, WorkerLost
from redraft.walls import enclosure
from redraft.walls.limits import Limits

TIMEOUT = 120.0
"""Seconds for one file."""
MEMORY_MB = 1024
FILE_MB, FOLDER_MB, MAX_FILES = 64, 512, 1000
"""What the child may write: its answer and each page; all of it, watched from outside; and how many files."""
LOOK_AROUND = 0.5
"""Seconds between two looks at what it wrote."""
REQUEST, ANSWER, ERRORS = "request.json", "answer.json", "errors.txt"
RAW = "page-{}.raw"
FAULTS: dict[str, tuple[str, str]] = {
    "password": (
        "this PDF is encrypted with a password",
        "Save a copy without one (`qpdf --decrypt --password=... in.pdf out.pdf`)",
    ),
    "broken": ("this is not a whole PDF, or it is damaged", "Get it again, or repair it (`qpdf in.pdf out.pdf`)"),
    "no pages": ("this PDF has no pages", "Look at it in a viewer"),
    "scanned": (
        "this PDF holds pictures of pages and no text",
        "Summarise it by its own pages as pictures, or add a text layer (`ocrmypdf in.pdf out.pdf`)",
    ),
    "empty": ("this PDF has pages but nothing on them that is text", "Look at it in a viewer"),
    "unreadable": (
        "most letters of this PDF cannot be told: its fonts do not say what they stand for",
        "Summarise it by its own pages as pictures, or add a text layer (`ocrmypdf --force-ocr in.pdf out.pdf`)",
    ),
    "long": ("this PDF holds more text than a document may have", "Split it"),
}
"""What the child may find wrong with a file, and what to do about it."""


@contextmanager
def ask(path: Path, request: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Path]]:
    """The child's answer to one request about a file, and the folder with what it wrote, removed at the end.

    request: {job: one of `pdf_jobs.JOBS`, and what it wants}, or {job: "walls"}, which tells what stands.
    A file that cannot be read is an InputError of `FAULTS`; one that takes too much time or memory as well.
    """
    with tempfile.TemporaryDirectory(prefix="redraft-pdf-") as scratch:
        folder = Path(scratch)
        own = folder / "own"
        own.mkdir(mode=0o700)
        (folder / enclosure.SECRET).write_text("no walled process should read this\n")
        status = _run(path, request, folder, own)
        yield _answer(path, folder, status), own


def _run(path: Path, request: Mapping[str, Any], folder: Path, own: Path) -> int:
    """Exit status of the child. It answers into files, whose size the system limits as that of all it writes."""
    limits = Limits(memory_mb=MEMORY_MB, cpu_seconds=int(TIMEOUT) + 1, file_mb=FILE_MB, open_files=64)
    whole = {**request, "own": str(own.resolve()), "path": str(path.resolve()), "limits": limits.as_data()}
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    search = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    (folder / REQUEST).write_text(json.dumps(whole))
    until = time.monotonic() + TIMEOUT
    with (
        (folder / REQUEST).open("rb") as asked,
        (folder / ANSWER).open("wb") as answer,
        (folder / ERRORS).open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "redraft.tasks.summary.documents.pdf_process"],
            stdin=asked,
            stdout=answer,
            stderr=errors,
            cwd=own,
            env={**kept, "PYTHONPATH": search, "HOME": str(own), "TMPDIR": str(own)},
        ) as child,
    ):
        try:
            while True:
                try:
                    return child.wait(LOOK_AROUND)
                except subprocess.TimeoutExpired:
                    if time.monotonic() > until:
                        raise InputError(
                            f"reading this PDF took more than {TIMEOUT:.0f} s",
                            where=str(path),
                            remedy="Split it into parts",
                        ) from None
                    if _size(own) > FOLDER_MB * 2**20:
                        raise hostile(path, "it wrote too much") from None
        finally:
            child.kill()


def _size(folder: Path) -> float:
    """Bytes of a folder's files; infinite where there are more than it may have."""
    total = 0
    for number, entry in enumerate(os.scandir(folder)):
        if number > MAX_FILES:
            return float("inf")
        with contextlib.suppress(OSError):
            total += entry.stat(follow_symlinks=False).st_size
    return total


def _answer(path: Path, folder: Path, status: int) -> dict[str, Any]:
    try:
        answer = json.loads((folder / ANSWER).read_bytes().splitlines()[-1])
        fault, memory = answer.get("fault"), answer.get("memory", False)
    except (IndexError, AttributeError, TypeError, ValueError):
        raise _lost(path, (folder / ERRORS).read_text(errors="replace"), status) from None
    if memory:
        raise _too_much(path)
    if fault is not None:
        what, remedy = FAULTS.get(str(fault), FAULTS["broken"])
        raise InputError(what, where=str(path), remedy=remedy)
    return dict(answer)


def _lost(path: Path, errors: str, status: int) -> Exception:
    if "No module named" in errors or "ImportError" in errors:
        return WorkerLost(
            f"the process that reads PDF files does not start ({errors.strip().splitlines()[-1][:200]})",
            remedy="Run `make setup` again",
        )
    if "MemoryError" in errors or "bad_alloc" in errors:
        return _too_much(path)
    return hostile(path, f"the process that read it ended with {status}")


def hostile(path: Path, why: str) -> InputError:
    """The error for a file whose reader did what it should not."""
    return InputError(
        f"this PDF is damaged or hostile ({why})",
        where=str(path),
        remedy="Make it anew (`qpdf in.pdf out.pdf`), or leave it out",
    )


def _too_much(path: Path) -> InputError:
    return InputError(
        f"reading this PDF took more than {MEMORY_MB} MB of memory", where=str(path), remedy="Split it into parts"
    )


def serve() -> int:
    """The child: reads one request, encloses itself for good, works, and answers in one line."""
    from redraft.tasks.summary.documents import pdf_jobs

    request = json.loads(sys.stdin.buffer.read())
    own, path = Path(request["own"]), Path(request["path"])
    # The answer leaves by the first descriptor alone; what a library prints must not mix with it.
    out = os.dup(1)
    os.dup2(2, 1)
    facts = enclosure.enclose(own, Limits(**request["limits"]), also_readable=[path])
    try:
        if request["job"] == "walls":
            answer = enclosure.describe(facts)
        else:
            answer = pdf_jobs.JOBS[request["job"]](path, own, request)
    except pdf_jobs.Fault as fault:
        answer = {"fault": str(fault)}
    except MemoryError:
        answer = {"memory": True}
    data = memoryview(json.dumps(answer).encode() + b"\n")
    while data:
        data = data[os.write(out, data) :]
    return 0


if __name__ == "__main__":
    sys.exit(serve())
