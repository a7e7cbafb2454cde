"""The token of a state folder: the file `token`, readable by its owner alone.

The first line is the token. A second one, `expires 2027-01-31T12:00:00Z`, limits its life. Clients may be given
another by the variable REDRAFT_TOKEN; a server reads its own file alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from redraft.core.atomic import output_error, sync_folder
from redraft.core.errors import StateError, UsageError
from redraft.core.home import home

FILE = "token"
VARIABLE = "REDRAFT_TOKEN"
"""For clients: the token of a server elsewhere."""
PREFIX = "redraft_"
"""Lets a scanner for leaked secrets tell a token from other text."""
SHORTEST = 24
"""Characters below which a token that somebody wrote by hand is refused."""
_NEW = "Run `redraft token --new`"


@dataclass(frozen=True)
class Token:
    """A token and when it ends (seconds since 1970; None: never)."""

    value: str
    expires_at: float | None = None

    def __repr__(self) -> str:
        return f"Token(..., expires_at={self.expires_at})"

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and time.time() >= self.expires_at


def token_file() -> Path:
    return home() / FILE


def read_token(path: Path | None = None) -> Token | None:
    """The token of the state folder, expired or not; None where there is no file.

    StateError where the file is readable by others, or holds something else than a token.
    """
    path = path or token_file()
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StateError("the token's file cannot be read", where=str(path), remedy=_NEW) from error
    if os.name == "posix" and mode & 0o077:
        raise StateError(
            "others than its owner may read the token's file",
            where=str(path),
            remedy=f"Run `chmod 600` on it, and {_NEW[0].lower()}{_NEW[1:]} if somebody may have read it",
        )
    return _parsed(text, path)


def make_token(*, days: float | None = None) -> Token:
    """Writes a new token in the place of whatever was there. Every session of a browser ends with the old one.

    days: its life; None: it has no end. OutputError where the file cannot be written.
    """
    return _write(days, Path.replace)


def ensure_token() -> Token:
    """The token of the state folder; a new one where there is none. Two callers at once get the same."""
    found = read_token()
    if found is not None:
        return found
    with contextlib.suppress(FileExistsError):
        return _write(None, lambda new, path: os.link(new, path))
    found = read_token()
    assert found is not None
    return found


def client_token() -> str:
    """The token to send to a server: REDRAFT_TOKEN, else the state folder's. UsageError where there is none."""
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        return given
    found = read_token()
    if found is None:
        raise UsageError(
            "there is no token in this state folder",
            where=str(home()),
            remedy=f"Run `redraft token` to make one, or put the token of a server elsewhere in {VARIABLE}",
        )
    if found.has_expired:
        raise UsageError("the token has expired", where=str(token_file()), remedy=_NEW)
    return found.value


class TokenFile:
    """Reads the token again whenever its file has changed, so that a replaced one holds at once."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or token_file()
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int, int] | None = None
        self._token: Token | None = None

    def current(self) -> Token | None:
        """The token, or None where there is no file; StateError as `read_token`."""
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode)
        except FileNotFoundError:
            return None
        with self._lock:
            if seen != self._seen:
                self._token, self._seen = read_token(self._path), seen
            return self._token


def _parsed(text: str, path: Path) -> Token:
    lines = text.splitlines()
    value = lines[0].strip() if lines else ""
    if len(value) < SHORTEST or any(not 33 <= ord(character) <= 126 for character in value):
        raise StateError(
            f"the token's file must begin with a line of at least {SHORTEST} characters without a space",
            where=str(path),
            remedy=_NEW,
        )
    expires = None
    if len(lines) > 1 and lines[1].strip():
        word, _, moment = lines[1].strip().partition(" ")
        try:
            expires = datetime.fromisoformat(moment).astimezone(UTC).timestamp()
        except ValueError:
            word = ""
        if word != "expires":
            raise StateError(
                "the second line of the token's file must be like 'expires 2027-01-31T12:00:00Z'",
                where=str(path),
                remedy=_NEW,
            )
    return Token(value, expires)


def _write(days: float | None, put: Callable[[Path, Path], object]) -> Token:
    token = Token(
        PREFIX + secrets.token_urlsafe(32), None if days is None else float(int(time.time() + days * 86400))
    )
    text = token.value + "\n"
    if token.expires_at is not None:
        text += f"expires {datetime.fromtimestamp(token.expires_at, UTC):%Y-%m-%dT%H:%M:%SZ}\n"
    path = token_file()
    name = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path.parent, error) from error
    try:
        handle, name = tempfile.mkstemp(prefix=".token.", suffix=".tmp", dir=path.parent)  # mode 0600
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        put(Path(name), path)
        sync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)
    return token
