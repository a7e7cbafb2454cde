"""Work in steps with checkpoints, as a training is, that starts in a third of a second.

Its state is a number that every step changes by what that step drew, so that a step which was left out, done twice
or done out of order shows in the end. Checkpoints get their names by a rename, between the permit's two questions.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import signal
import sys
import time
from pathlib import Path

from redraft.core.errors import Interrupted, LeaseLost, Paused, RedraftError
from redraft.core.verb import Request, Result
from redraft.core.work import Work


def go(request: Request, work: Work) -> Result:
    """request: folder, steps, seconds of each step, save_every; loading: seconds before the first; deaf: whether
    it ignores requests to stop; full_at: the step at which the disk is full; fault_at: one at which it fails;
    chatter: metrics a step."""
    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if request.get("deaf"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("loading", file=sys.stderr)
        time.sleep(request.get("loading", 0.0))
        step, state = _newest(folder)
        work.log(f"from step {step}")
        try:
            while step < request["steps"]:
                work.permit.check()
                time.sleep(request.get("seconds", 0.01))
                step, state = step + 1, hashlib.sha256(f"{state} {step + 1}".encode()).hexdigest()
                _heard(request, work, step)
                if step % request.get("save_every", 5) == 0 or step == request["steps"]:
                    _save(folder, step, state, work)
        except KeyboardInterrupt:
            _save(folder, step, state, work)
            raise Interrupted(f"stopped and saved at step {step}") from None
    return Result({"steps": step, "state": state})


def _heard(request: Request, work: Work, step: int) -> None:
    for number in range(request.get("chatter", 1)):
        work.metric({"kind": "step", "step": step, "number": number})
    work.progress("stepping", step, request["steps"])
    if step == request.get("full_at") and not Path(request["folder"], "room").exists():
        raise Paused("the disk is full", where=request["folder"], remedy="Free some space")
    if step == request.get("fault_at"):
        raise RedraftError("it cannot be done", where="step", remedy="Leave it")


@contextlib.contextmanager
def _alone(folder: Path):
    """One process at a time: a second one at once is written into the file `twice`, which no test may find."""
    mine = folder / "running"
    try:
        mine.mkdir()
        (mine / str(os.getpid())).touch()
    except FileExistsError:
        others = [int(path.name) for path in mine.iterdir()]
        if any(_is_running(pid) for pid in others):
            (folder / "twice").write_text(f"{os.getpid()} beside {others}")
        for path in mine.iterdir():
            path.unlink()
        (mine / str(os.getpid())).touch()
    yield
    for path in mine.iterdir():
        path.unlink()
    mine.rmdir()


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def _newest(folder: Path) -> tuple[int, str]:
    found = sorted(folder.glob("step-*.json"), key=lambda path: int(path.stem.split("-")[1]))
    data = json.loads(found[-1].read_text()) if found else {"step": 0, "state": "begin"}
    return data["step"], data["state"]


def _save(folder: Path, step: int, state: str, work: Work) -> None:
    final = folder / f"step-{step}.json"
    if step == 0 or final.exists():
        return
    temporary = folder / f".{step}.{work.permit.token}.{secrets.token_hex(2)}.tmp"
    temporary.write_text(json.dumps({"step": step, "state": state, "token": work.permit.token}))
    place = {"step": step, "path": final.name}
    work.permit.publish("publish", **place)
    temporary.rename(final)
    try:
        work.permit.publish("checkpoint", **place)
    except LeaseLost:
        final.unlink()
        raise


VERBS = {"stepping.go": go}
