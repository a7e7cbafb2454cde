"""A folder has one writer, and a dead writer's lock goes with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from redraft.core.errors import UsageError
from redraft.core.locking import only_writer

HOLD = """
import sys, time
from pathlib import Path
from redraft.core.locking import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another process"), only_writer(tmp_path, patience=0.3):
            pass
        holder.kill()
        holder.wait()
    with only_writer(tmp_path, patience=5):
        pass
