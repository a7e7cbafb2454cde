"""Fetches files of a hub repository into huggingface_hub's cache: resumed, verified, at one commit.

The client of today begins a file anew when its process has ended. Here a part stays beside the finished files as
`blobs/<checksum>.part`, and the next try asks for the rest. A file gets its name only when its content has the
checksum that the repository's listing states: SHA-256 for large files, the Git blob id for small ones. The cache's
layout is the client's own (`blobs/<etag>`, `snapshots/<commit>/<path>`, `refs/<revision>`), so whatever else reads
it finds the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.core.atomic import output_error, write_text
from redraft.core.errors import InputError, OutputError, RedraftError
from redraft.core.locking import only_writer
from redraft.core.work import Work
from redraft.models.remote import HUB, HubAway, Kind, Remote, RemoteFile, hub_error, reason

PART = ".part"
TRIES = 3
"""Tries of one file in which not one new byte arrives."""
PAUSE = 0.5
"""Seconds before the next try."""
SPARE = 64 * 2**20
"""Bytes left free on the disk."""


@dataclass(slots=True)
class Fetched:
    """folder: the snapshot. fetched: bytes that came over the network now. resumed: bytes of parts that were there
    from an earlier try. present: files that were whole already. seconds: wall time."""

    remote: Remote
    folder: Path
    files: tuple[RemoteFile, ...] = ()
    fetched: int = 0
    resumed: int = 0
    present: int = 0
    seconds: float = 0.0


def cache_folder(repo: str, kind: Kind) -> Path:
    """The repository's folder in the client's cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"{kind}s--{repo.replace('/', '--')}"


def fetch(
    remote: Remote,
    files: Iterable[RemoteFile],
    work: Work,
    so_far: Fetched | None = None,
    verify: bool = False,
) -> Fetched:
    """Fetches what is not there yet. A second call with `so_far` adds to the first.

    verify: hold what is there already against its checksum too, and fetch it again where it differs. A cut
    connection is tried again; one that stays away is an InputError, and what has come is kept. A checksum that
    does not fit is an InputError, and nothing of that file is kept. A full disk is an OutputError.
    """
    begin = time.monotonic()
    store = cache_folder(remote.repo, remote.kind)
    blobs, snapshot = store / "blobs", store / "snapshots" / remote.commit
    done = so_far or Fetched(remote, snapshot)
    wanted = sorted(files, key=lambda file: file.path)
    try:
        blobs.mkdir(parents=True, exist_ok=True)
        with only_writer(store):
            missing = [file for file in wanted if not _there(blobs / file.etag, file, verify, work)]
            done.present += len(wanted) - len(missing)
            _room(blobs, missing)
            meter = _Meter(work, remote.repo, missing, blobs)
            for file in missing:
                with meter.of(file):
                    resumed, fetched = _one(remote, file, blobs / file.etag, meter)
                done.resumed += resumed
                done.fetched += fetched
            for file in wanted:
                _point(snapshot / file.path, blobs / file.etag)
    except OSError as error:
        raise output_error(store, error) from error
    done.files += tuple(wanted)
    done.seconds += time.monotonic() - begin
    return done


def pin(remote: Remote) -> None:
    """Notes which commit the asked revision meant, once everything of it is there: found again without the hub."""
    if remote.revision != remote.commit:
        write_text(cache_folder(remote.repo, remote.kind) / "refs" / remote.revision, remote.commit)


def find_fetched(repo: str, revision: str | None, kind: Kind) -> Path | None:
    """The snapshot that an earlier fetch left, without asking the hub; None where there is none."""
    store = cache_folder(repo, kind)
    named = store / "refs" / (revision or "main")
    commit = named.read_text(encoding="utf-8").strip() if named.is_file() else revision
    folder = store / "snapshots" / commit if commit else store
    return folder if commit and folder.is_dir() else None


def _there(blob: Path, file: RemoteFile, verify: bool, work: Work) -> bool:
    if not blob.is_file():
        return False
    if blob.stat().st_size == file.bytes and (not verify or digest(blob, file) == file.etag):
        return True
    work.log(f"{file.path} has changed on this disk: it is fetched again", "warning")
    blob.unlink()
    return False


def _room(folder: Path, missing: list[RemoteFile]) -> None:
    held = sum(p.stat().st_size for p in (folder / (f.etag + PART) for f in missing) if p.is_file())
    needed = sum(file.bytes for file in missing) - held
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free and needed > 0:
        raise OutputError(
            f"the disk has {free / 1e6:,.0f} MB left and the download needs {needed / 1e6:,.0f} MB",
            where=str(folder),
            remedy="Free some space, or set HF_HOME to another disk",
        )


def _one(remote: Remote, file: RemoteFile, blob: Path, meter: _Meter) -> tuple[int, int]:
    """Fetches one file; the bytes that were there before and the bytes that came."""
    part = blob.with_name(blob.name + PART)
    part.touch()
    before = part.stat().st_size
    if before > file.bytes:
        os.truncate(part, 0)
        before = 0
    idle, held = 0, before
    while held < file.bytes:
        error: Exception | None = None
        try:
            _get(remote, file, part, held, meter)
        except Exception as met:  # of the client or its transport, which changes with its version: judged below
            error = met
        now = part.stat().st_size
        idle = 0 if now > held else idle + 1
        held = now
        final = isinstance(error, RedraftError | OSError) or getattr(error, "response", None) is not None
        if held < file.bytes and (final or idle >= TRIES):
            raise _lost(error, remote, file, held) from None
        if error is not None:
            time.sleep(PAUSE)
    if digest(part, file) != file.etag:
        part.unlink()
        raise InputError(
            f"{file.path} is not what the hub says it is: its {'SHA-256' if file.sha256 else 'Git id'} differs",
            where=HUB + remote.repo,
            remedy="Nothing of it is kept; run it again, and tell the hub if it stays so",
        )
    part.chmod(0o644)
    part.replace(blob)
    return before, file.bytes - before


def _get(remote: Remote, file: RemoteFile, part: Path, held: int, meter: _Meter) -> None:
    """Asks for what is missing and writes it as it comes, so that a cut connection costs nothing that came."""
    from huggingface_hub import hf_hub_url

    client: Any = importlib.import_module("huggingface_hub.utils")
    headers = {**client.build_hf_headers(), "Accept-Encoding": "identity"}
    if held:
        headers["Range"] = f"bytes={held}-"
    url = hf_hub_url(remote.repo, file.path, repo_type=remote.kind, revision=remote.commit)
    with client.get_session().stream("GET", url, headers=headers, follow_redirects=True) as response:
        client.hf_raise_for_status(response)
        whole = held > 0 and response.status_code == 200  # the range was passed over: it begins anew
        with part.open("wb" if whole else "ab") as out:
            if whole:
                meter.count(-held)
            for block in response.iter_raw():
                out.write(block)
                meter.count(len(block))


def _lost(error: Exception | None, remote: Remote, file: RemoteFile, held: int) -> RedraftError:
    """What a download ended with, and how much of the file stays."""
    if isinstance(error, OSError) and error.errno is not None and getattr(error, "response", None) is None:
        return output_error(cache_folder(remote.repo, remote.kind), error)
    why = "nothing more comes" if error is None else reason(error)
    if getattr(error, "response", None) is not None:
        assert error is not None
        answer = hub_error(error, remote.repo, remote.revision, remote.kind)
        if not isinstance(answer, HubAway):
            return answer
        why = answer.what
    return InputError(
        f"the download of {file.path} broke off after {held:,} of {file.bytes:,} bytes ({why})",
        where=HUB + remote.repo,
        remedy="Run it again: it goes on from there",
    )


def digest(content: Path | bytes, file: RemoteFile) -> str:
    """SHA-256 of the content, or for a file of which the hub states none, the id that Git gives it."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    found = hashlib.sha256() if file.sha256 is not None else hashlib.sha1(usedforsecurity=False)
    if file.sha256 is None:
        found.update(b"blob %d\0" % size)
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as opened:
        while block := opened.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _point(pointer: Path, blob: Path) -> None:
    """The snapshot's entry of a blob: a relative link, or a copy where the system has none."""
    if pointer.is_file() and (not pointer.is_symlink() or pointer.resolve() == blob.resolve()):
        return
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.unlink(missing_ok=True)
    up = Path(*[".."] * (len(pointer.relative_to(blob.parents[1]).parts) - 1))
    try:
        pointer.symlink_to(up / "blobs" / blob.name)
    except OSError:
        shutil.copyfile(blob, pointer)


class _Meter:
    """Says how far a download is: bytes and files done, speed, time left."""

    def __init__(self, work: Work, repo: str, missing: list[RemoteFile], blobs: Path) -> None:
        parts = [blobs / (file.etag + PART) for file in missing]
        self._work, self._repo, self._files = work, repo, len(missing)
        self._total = sum(file.bytes for file in missing)
        self._held = self._done = sum(part.stat().st_size for part in parts if part.is_file())
        self._number, self._name, self._begin = 0, "", time.monotonic()

    @contextlib.contextmanager
    def of(self, file: RemoteFile) -> Iterator[None]:
        self._number, self._name = self._number + 1, file.path
        self.count(0)
        yield

    def count(self, size: int) -> None:
        self._done += size
        seconds = time.monotonic() - self._begin
        speed = (self._done - self._held) / seconds if seconds > 0.5 else 0.0
        note = f"file {self._number} of {self._files}: {self._name}"
        if speed > 0:
            left = round((self._total - self._done) / speed)
            note += f", {speed / 1e6:,.1f} MB/s, {left // 60}:{left % 60:02d} left"
        self._work.progress(f"fetching {self._repo}", min(self._done, self._total), self._total, note)
