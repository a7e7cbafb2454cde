"""One checkpoint while it is written: a hidden neighbour, hashed and flushed, that gets its name by one rename.

Where several processes save, each writes its file of tensors into the same hidden folder; after a barrier the
first one publishes it. The token in the folder's name is its writer's fencing token: a writer that was given up
and wakes again never touches its successor's folder.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from redraft.core.atomic import HashedFile, hash_and_sync, sync_folder
from redraft.core.errors import RedraftError
from redraft.models import layout
from redraft.models.load import Loaded
from redraft.models.saving import check_saved, save_model
from redraft.models.tensor_file import write_tensors
from redraft.training.faults import paused

TEMPORARY = ".step-*.tmp"
"""Remains of saves and prunings that were cut off."""


class Pending:
    """Used as a context: when the block ends by an error, the hidden folder is removed and nothing has changed.

    A failed write (full disk, failing disk, quota) becomes a Paused error that says how to go on.
    """

    def __init__(self, run: Path, step: int, token: str) -> None:
        """token: letters, digits, "-" and "_"; the same in every process of one save."""
        if not re.fullmatch(r"[\w-]+", token):
            raise ValueError(f"a token that is no part of a file's name: {token!r}")
        self.run, self.step, self.token = run, step, token
        self.final = run / layout.CHECKPOINTS / f"step-{step}"
        self.folder = self.final.with_name(f".step-{step}.{token}.tmp")
        self.files: dict[str, dict[str, int | str]] = {}
        """Sizes and hashes of what was written so far, here and by other processes."""

    def begin(self) -> None:
        """Makes the hidden folder; done by the first process, before the others write."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def model(self, loaded: Loaded) -> None:
        """Writes the model and proves that what was written is the model."""
        written = save_model(loaded, self.folder / layout.MODEL)
        check_saved(loaded, self.folder / layout.MODEL, written)
        self.files |= {f"{layout.MODEL}/{name}": found.facts for name, found in written.items()}

    def tensors(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Writes one file of tensors (`shard_name`); any process may."""
        self.files[name] = write_tensors(self.folder / name, tensors).facts

    def json(self, name: str, data: Any) -> None:
        """A figure that is no number becomes null: JSON has no other word for it."""
        plain = json.loads(json.dumps(data), parse_constant=lambda _: None)
        text = json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
        with HashedFile(self.folder / name) as file:
            file.write(text.encode())
        self.files[name] = {"bytes": file.bytes, "sha256": file.sha256}

    def publish(self, about: Mapping[str, Any]) -> Path:
        """Writes the manifest and gives the folder its name; done by the first process, after the others wrote.

        about: what the manifest says beside sizes and hashes. A damaged checkpoint of this step makes room.
        """
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            name = path.relative_to(self.folder).as_posix()
            path.chmod(0o644)
            if name not in self.files:  # written by a library, or by another process
                size, digest = hash_and_sync(path)
                self.files[name] = {"bytes": size, "sha256": digest}
        for inner in sorted({path.parent for path in self.folder.rglob("*")} - {self.folder}, reverse=True):
            sync_folder(inner)
        files = dict(sorted(self.files.items()))
        self.json(layout.MANIFEST, {"format": layout.FORMAT, "step": self.step, **about, "files": files})
        sync_folder(self.folder)
        if self.final.exists():
            remove(self.final, self.token)
        self.folder.rename(self.final)
        sync_folder(self.final.parent)
        return self.final

    def __enter__(self) -> Pending:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        if (cause := system_error(error)) is not None:
            raise paused(cause, self.final, self.run) from error


def shard_name(process: int, processes: int) -> str:
    """The file of tensors of one process (from 0); the first one's is there in every checkpoint."""
    return layout.TENSORS if process == 0 else f"training-{process:05d}-of-{processes:05d}.safetensors"


def remove(folder: Path, token: str) -> None:
    """Removes a checkpoint whole: it loses its name first, so that none is ever seen in part."""
    hidden = folder.with_name(f".{folder.name}.{token}.old.tmp")
    shutil.rmtree(hidden, ignore_errors=True)
    folder.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def system_error(error: BaseException) -> OSError | None:
    """The system's error in a failed write; libraries written in Rust tell of it in words of their own.

    Want of memory is none: the disk is not to blame.
    """
    found: OSError | None = None
    if isinstance(error, OSError):
        found = error
    elif isinstance(error, RedraftError):
        found = error.__cause__ if isinstance(error.__cause__, OSError) else None
    elif isinstance(error, Exception) and (said := re.search(r"\(os error (\d+)\)", str(error))) is not None:
        found = OSError(int(said[1]), os.strerror(int(said[1])))
    return None if found is not None and found.errno == errno.ENOMEM else found
