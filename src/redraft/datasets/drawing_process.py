"""`python -m redraft.datasets.drawing_process`: draws examples for another process, one after the other.

Standard input brings pickles of this project's own process: first the task's name and options, then (truth, seed)
for each example; standard output takes a pickle of its images, or of the error it met, for each.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from typing import Any

from redraft.core.discovery import load_task
from redraft.core.errors import RedraftError


def main() -> None:
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for whoever started this; the end of its input ends it
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to standard error
    requests = sys.stdin.buffer
    name, options = pickle.load(requests)
    task = load_task(name)
    while True:
        try:
            truth, seed = pickle.load(requests)
        except EOFError:
            return
        answer: tuple[str, Any]
        try:
            answer = ("images", [(image.path, image.bytes) for image in task.draw(truth, seed, options)])
        except RedraftError as error:
            answer = ("error", error.as_data())
        except Exception:  # a bug: its traceback goes to the process that asked, which raises it
            answer = ("bug", traceback.format_exc())
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    main()
