"""`python -m redraft.worker.answering`: answers until it is told to end, or has been idle for long.

One process a state folder: a lock decides, and a second one ends at once. The socket is made with mode 0600 in a
folder of mode 0700, so that only the same user can connect; that is all its authentication.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from pathlib import Path

from redraft.core.answers import LOCK, answering_folder, socket_path
from redraft.worker.answering.server import serve


def main() -> int:
    folder = own_folder(answering_folder())
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # another one answers already
    path = socket_path()
    own_folder(path.parent)
    path.unlink(missing_ok=True)  # of a process that was killed: who holds the lock is alone
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    try:
        serve(listening)
    finally:
        path.unlink(missing_ok=True)
    return 0


def own_folder(folder: Path) -> Path:
    """The folder, which only we can enter; one that belongs to somebody else is not used."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = folder.lstat()
    if facts.st_uid != os.geteuid() or folder.is_symlink():
        sys.exit(f"{folder} belongs to somebody else: remove it, or set REDRAFT_HOME")
    folder.chmod(0o700)
    return folder


if __name__ == "__main__":
    status = main()
    # Taking torch and models apart would take a second or more, and nothing is left to be written. Processes that
    # decode pictures and build parts end with this one.
    os._exit(status)
