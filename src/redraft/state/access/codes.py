"""One-time codes: the link that `redraft serve` and `redraft token --link` print opens a browser's session once.

A code lies in the state folder as an empty file named by the code's hash, so that any process of this folder may
issue it and the server redeems it, also after a restart. Removing the file is what redeems it: it succeeds once.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from pathlib import Path

from redraft.core.atomic import output_error
from redraft.core.home import home

FOLDER = "codes"
LIFETIME = 900.0
"""Seconds within which a code must be used."""
LONGEST = 200
"""Characters of what may be a code; longer ones are not even hashed."""


def issue_code() -> str:
    """A new code. Those that were never used in time are removed. OutputError where the disk takes no file."""
    folder = home() / FOLDER
    code = secrets.token_urlsafe(24)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not _is_fresh(old):
                old.unlink(missing_ok=True)
        _file(folder, code).touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise output_error(folder, error) from error
    return code


def redeem_code(code: str) -> bool:
    """Whether the code was issued here, is not too old, and was not used before; it is used from now on."""
    if not 0 < len(code) <= LONGEST:
        return False
    file = _file(home() / FOLDER, code)
    fresh = _is_fresh(file)
    with contextlib.suppress(FileNotFoundError):
        file.unlink()
        return fresh
    return False


def _file(folder: Path, code: str) -> Path:
    return folder / hashlib.sha256(code.encode()).hexdigest()


def _is_fresh(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime < LIFETIME
    except FileNotFoundError:
        return False
