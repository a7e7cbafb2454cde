"""PDF files read by PDFium in a process behind walls: a hostile file finds nothing there to read, write or reach.

The child is started as `python -m redraft.tasks.summary.documents.pdf_process`; it reads one request, encloses
itself for good (`redraft.walls`), and answers in one line of JSON, which the caller reads as untrusted data.
Pages come back as raw grey pixels, so that nothing has to be decoded out here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, WorkerLost
from redraft.walls import enclosure
from redraft.walls.limits import Limits

TIMEOUT = 120.0
"""Seconds for one file."""
MEMORY_MB = 1024
MAX_TEXT = 64 * 2**20
"""Bytes of an answer."""
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


def ask(path: Path, request: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The child's answer to one request about a file. folder: an empty one, which the child may write.

    request: {job: one of `pdf_jobs.JOBS`, and what it wants}, or {job: "walls"}, which tells what stands.
    A file that cannot be read is an InputError of `FAULTS`; one that takes too much time or memory as well.
    """
    own = folder / "own"
    own.mkdir(mode=0o700)
    (folder / enclosure.SECRET).write_text("no walled process should read this\n")
    limits = Limits(memory_mb=MEMORY_MB, cpu_seconds=int(TIMEOUT), file_mb=64, open_files=64)
    whole = {**request, "own": str(own.resolve()), "path": str(path.resolve()), "limits": limits.as_data()}
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    search = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "redraft.tasks.summary.documents.pdf_process"],
            input=json.dumps(whole).encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
            cwd=own,
            env={**kept, "PYTHONPATH": search, "HOME": str(own), "TMPDIR": str(own)},
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"reading this PDF took more than {TIMEOUT:.0f} s", where=str(path), remedy="Split it into parts"
        ) from None
    try:
        if len(done.stdout) > MAX_TEXT:
            raise ValueError("too long")
        answer = json.loads(done.stdout.splitlines()[-1])
        fault, memory = answer.get("fault"), answer.get("memory", False)
    except (IndexError, AttributeError, TypeError, ValueError):
        raise _lost(done, path) from None
    if memory:
        raise _too_much(path)
    if fault is not None:
        what, remedy = FAULTS.get(str(fault), FAULTS["broken"])
        raise InputError(what, where=str(path), remedy=remedy)
    return dict(answer)


def _lost(done: subprocess.CompletedProcess[bytes], path: Path) -> Exception:
    errors = done.stderr.decode(errors="replace")
    if "No module named" in errors or "ImportError" in errors:
        return WorkerLost(
            f"the process that reads PDF files does not start ({errors.strip().splitlines()[-1][:200]})",
            remedy="Run `make setup` again",
        )
    if "MemoryError" in errors or "bad_alloc" in errors:
        return _too_much(path)
    return InputError(
        f"the process that read this PDF ended with {done.returncode}: the file is damaged or hostile",
        where=str(path),
        remedy="Make it anew (`qpdf in.pdf out.pdf`), or leave it out",
    )


def _too_much(path: Path) -> InputError:
    return InputError(
        f"reading this PDF took more than {MEMORY_MB} MB of memory", where=str(path), remedy="Split it into parts"
    )


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for `ask`."""
    return tempfile.TemporaryDirectory(prefix="redraft-pdf-")


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
