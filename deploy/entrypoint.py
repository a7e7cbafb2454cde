"""What a container runs: the server and its worker, from the first start to a stop that saves all work.

    entrypoint.py serve [OPTION ...]    `redraft serve` with these options, and a worker beside it
    entrypoint.py health PORT           exit code 0 where the service answers on this port; the health check
    entrypoint.py COMMAND ...           any other command of redraft

When the first process of a container ends, the engine kills all others. So this one passes SIGTERM on, and stays
until the worker has had every running job saved and given back to the queue; the next start goes on with them. As
the first process it also takes the leave of processes whose parents are gone.
REDRAFT_WORKER holds options of the worker, such as "--device-slots 2".
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

REDRAFT = [sys.executable, "-m", "redraft"]
LOOK = 0.2
"""Seconds between two looks at both processes."""
PAUSE = 2.0
"""Seconds before a worker that has ended by itself is started again."""


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["health"] and len(arguments) == 2:
        return health(arguments[1])
    if arguments[:1] != ["serve"] or "--help" in arguments:
        os.execv(sys.executable, [*REDRAFT, *arguments])
    # Until there is something to save; a first process without a handler would never hear of it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(128 + signal.SIGTERM))
    code = write_token()
    return code or Both(arguments[1:]).run()


def health(port: str) -> int:
    """0 where /api/health says ok."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=8) as answer:
            said = json.load(answer)
    except (OSError, urllib.error.HTTPError, ValueError) as error:
        print(f"the service does not answer on port {port}: {error}", file=sys.stderr)
        return 1
    print(said.get("status"))
    return 0 if said.get("status") == "ok" else 1


def write_token() -> int:
    """Makes the token of the state folder where there is none; it goes into no log."""
    done = subprocess.run([*REDRAFT, "token"], stdout=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        where = Path(os.environ.get("REDRAFT_HOME", "~/.redraft")) / "token"
        print(
            f"The token of this service lies in {where}; `redraft token` prints it, in this container.", flush=True
        )
    return done.returncode


class Both:
    """The server and the worker. options: of `redraft serve`; with --no-worker there is none."""

    def __init__(self, options: list[str]) -> None:
        self.stopping = 0
        self.server = subprocess.Popen([*REDRAFT, "serve", "--no-worker", "--no-open", "--no-link", *options])
        self.worker: subprocess.Popen[bytes] | None = None
        self.wants_worker = "--no-worker" not in options
        self.not_before = 0.0

    def run(self) -> int:
        """Until the server ends, by itself or because the container is stopped; its exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        while self.server.poll() is None:
            self.keep_worker()
            self.reap()
            time.sleep(LOOK)
        if not self.stopping:
            print(f"the server has ended with code {self.server.returncode}", file=sys.stderr, flush=True)
            self.stop()
        if self.worker is not None:
            self.worker.wait()
        return self.server.returncode if self.server.returncode >= 0 else 128 - self.server.returncode

    def keep_worker(self) -> None:
        if not self.wants_worker or self.stopping:
            return
        if self.worker is not None and self.worker.poll() is not None:
            print(f"the worker has ended with code {self.worker.returncode}; another one starts", file=sys.stderr)
            self.worker, self.not_before = None, time.monotonic() + PAUSE
        if self.worker is None and time.monotonic() >= self.not_before:
            given = shlex.split(os.environ.get("REDRAFT_WORKER", ""))
            self.worker = subprocess.Popen([*REDRAFT, "worker", "--stop-jobs", *given], start_new_session=True)

    def reap(self) -> None:
        """Takes the exit codes of ended processes that came here as orphans: keepers whose worker died."""
        own = [process.pid for process in (self.server, self.worker) if process is not None]
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None or ended.si_pid in own:  # our own ones are polled
                return
            os.waitpid(ended.si_pid, 0)

    def stop(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """Asks both to end; asked twice, the worker no longer waits for jobs to be saved."""
        self.stopping += 1
        for process in (self.server, self.worker):
            if process is not None and process.poll() is None:
                process.terminate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
