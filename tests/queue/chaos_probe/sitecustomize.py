"""On the PYTHONPATH of everything that a chaos run starts: each process of a job's work holds its job's lock, from
before its first line until the system knows it no more. One that finds it held has met another one at work."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

FOLDER, JOB = os.environ.get("REDRAFT_CHAOS"), os.environ.get("REDRAFT_JOB")

if FOLDER and JOB and "redraft.worker" in sys.orig_argv[:4]:
    import fcntl

    HELD = os.open(Path(FOLDER, JOB), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(HELD, fcntl.LOCK_EX | fcntl.LOCK_NB)
        twice = False
    except OSError:
        twice = True
    line = json.dumps({"job": JOB, "pid": os.getpid(), "at": time.time(), "twice": twice}) + "\n"
    record = os.open(Path(FOLDER, "starts.jsonl"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(record, line.encode())
    os.close(record)
