"""Turns PyTorch's pickled weight files into safetensors, in a process behind walls.

A pickle is a program. torch's own reader for weights alone (`weights_only=True`) runs none of it beyond the making
of tensors; and because readers have had holes, it runs in a process that can write only its own folder, read only
the given files and Python's, start nothing and reach nobody (`redraft.walls`). What comes back is safetensors and
JSON, read by the caller as untrusted data. The child is started as `python -m redraft.models.unpickling`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, OutputError, WorkerLost
from redraft.walls import enclosure
from redraft.walls.limits import Limits

TIMEOUT = 3600.0
"""Seconds for all files together."""
SLOW_DISK = 20.0
"""Megabytes a second below which the time limit is not lowered."""


def unpickle(files: Sequence[Path], work_folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """Each file as a safetensors file in a new folder inside work_folder, in order, and which walls stood.

    A file that is more than tensors by name is an InputError that says what it holds; nothing of it was run.
    """
    own = work_folder / "unpickled"
    own.mkdir(mode=0o700)
    (work_folder / enclosure.SECRET).write_text("no walled process should read this\n")
    size = sum(file.stat().st_size for file in files) // 2**20 + 1
    limits = Limits(memory_mb=3 * size + 4096, cpu_seconds=int(TIMEOUT), file_mb=2 * size + 64, open_files=256)
    request = {"own": str(own.resolve()), "files": [str(f.resolve()) for f in files], "limits": limits.as_data()}
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "redraft.models.unpickling"],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
            cwd=own,
            env={**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HOME": str(own), "TMPDIR": str(own)},
        )
    except subprocess.TimeoutExpired:
        raise WorkerLost(
            f"reading the pickled weights took more than {TIMEOUT:.0f} s", remedy="Use a faster disk"
        ) from None
    finally:
        (work_folder / enclosure.SECRET).unlink(missing_ok=True)
    return _judge(done, files, own)


def _judge(
    done: subprocess.CompletedProcess[bytes], files: Sequence[Path], own: Path
) -> tuple[list[Path], dict[str, Any]]:
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
        walls = enclosure.describe(dict(answer["walls"]))
        fault = answer.get("fault")
    except (IndexError, KeyError, TypeError, ValueError):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise WorkerLost(
            f"the process that read the pickled weights ended with {done.returncode} ({' '.join(last)[:200]})",
            remedy="Free some memory, and run `redraft doctor`",
        ) from None
    if fault is not None:
        at = int(fault["file"])
        what = str(fault["what"])[:300]
        if fault.get("full"):
            raise OutputError("the disk is full", where=str(own), remedy="Free some space and run it again")
        raise InputError(
            f"this file is not weights alone ({what})",
            where=str(files[at]) if 0 <= at < len(files) else "",
            remedy="Nothing of it was run. Take the weights from somewhere that you trust, as safetensors",
        )
    made = [own / f"{number}.safetensors" for number in range(len(files))]
    if not all(path.is_file() and not path.is_symlink() for path in made):
        raise WorkerLost("the process that read the pickled weights left files out", remedy="Run it again")
    return made, walls


def _tensors(found: Any) -> dict[str, Any]:
    """The tensors by name of a loaded file; they may lie below one "state_dict"."""
    import torch

    if isinstance(found, dict) and set(found) <= {"state_dict", "model"} and len(found) == 1:
        found = next(iter(found.values()))
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__} in place of tensors by name")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ValueError(f"under {str(name)[:80]!r} lies a {type(value).__name__}, which is no tensor")
    return {name: value.detach().contiguous().clone() for name, value in found.items()}


def _load(path: Path) -> Any:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def serve(load: Callable[[Path], Any] = _load) -> int:
    """The child: reads one request, encloses itself for good, converts, and answers in one line."""
    from safetensors.torch import save_file

    request = json.loads(sys.stdin.buffer.read())
    own, files = Path(request["own"]), [Path(name) for name in request["files"]]
    facts = enclosure.enclose(own, Limits(**request["limits"]), also_readable=files)
    for number, path in enumerate(files):
        try:
            save_file(_tensors(load(path)), own / f"{number}.safetensors")
        except BaseException as error:
            text = " ".join(str(error).split())
            print(json.dumps({"walls": facts, "fault": {"file": number, "what": _plain(error, text)}}), flush=True)
            return 1
    print(json.dumps({"walls": facts}), flush=True)
    return 0


def _plain(error: BaseException, text: str) -> str:
    """torch's page of advice on unsafe loading, as the one thing that matters: what the pickle wanted."""
    for mark in ("GLOBAL ", "Unsupported operand ", "Unsupported class "):
        if mark in text:
            wanted = text.partition(mark)[2].split()[0].rstrip(".,")
            return f"it asks for {wanted}, which weights do not need"
    return f"{type(error).__name__}: {text[:200]}"


if __name__ == "__main__":
    sys.exit(serve())
