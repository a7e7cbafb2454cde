"""Several processes of one run on toy examples, started from one that has imported everything already.

They meet, train, save and end as under a launcher, which is only spared its own start of some seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.distributed import TCPStore

from redraft.core.discovery import load_task
from redraft.core.errors import RedraftError
from redraft.core.example import Example, message
from redraft.core.recipe import Recipe, recipe_from_data
from redraft.core.work import Silent
from redraft.models.encode import Encoder
from redraft.models.load import apply_freeze, load_checkpoint, load_model
from redraft.training import checkpoint, run
from redraft.training.loop import train
from redraft.training.processes import Processes, join
from redraft.worker.augmenting import augmentation_of
from toy_parts import toy_examples

COUNT = 20
PRELOADED = [
    "accelerate",
    "redraft.training.loop",
    "torch._dynamo",
    "torch.distributed.fsdp",
    "transformers.generation.utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.dinov3_convnext.modeling_dinov3_convnext",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.models.paligemma.modeling_paligemma",
]
"""What takes seconds to import, imported once. Nothing may be computed there: it would not survive the fork."""


def examples() -> list[Example]:
    """Every fourth has no picture."""
    found = toy_examples(COUNT)
    question = message("user", "What is drawn here?")
    for place in range(0, COUNT, 4):
        e = found[place]
        found[place] = Example(e.id, (), (question, message("assistant", e.answer)), e.truth)
    return found


def go(folder: Path, recipe: Recipe, processes: Processes, faults: dict[str, Any] | None = None) -> dict[str, Any]:
    """Begins the run or goes on. faults: what goes wrong in which process, see `_Faulty`."""
    import torch

    work = Silent()
    given = examples()
    torch.manual_seed(processes.rank)  # whatever was drawn before a run, it draws the same
    begun = processes.by_main(lambda: run.is_run(folder))
    if not begun:
        processes.by_main(lambda: run.begin(folder, recipe))
    found = processes.by_main(lambda: checkpoint.newest(folder, work)) if begun else None
    if found is None:
        loaded = load_model(recipe.model, texts=[e.answer for e in given], seed=recipe.seed)
    else:
        loaded = load_checkpoint(found)
        apply_freeze(loaded, recipe.model)
    wrong = _Faulty(**faults) if faults else None
    encoder = Encoder(loaded)

    def evaluate(step: int) -> dict[str, Any]:
        batch = encoder.encode(given[1])
        with torch.no_grad():
            loaded.model.eval()
            ids = loaded.model.generate(
                input_ids=batch.input_ids[None],
                pixel_values=batch.pixel_values,
                max_new_tokens=2,
                synced_gpus=False,
            )
        return {"mean": -float(ids.sum()), "examples": 1}

    if wrong is not None and wrong.process == processes.rank:
        original = Encoder.encode

        def encode(self: Encoder, example: Example) -> Any:
            wrong.happen(example.id)
            return original(self, example)

        Encoder.encode = encode  # type: ignore[method-assign]
    return train(
        loaded,
        encoder,
        given,
        recipe,
        folder,
        work,
        evaluate,
        found,
        dataset={"fingerprint": "toy"},
        processes=processes,
        augmentation=augmentation_of(recipe, load_task("summary"), {}),
    )


class _Faulty:
    """A fault of one process when it reads an example for the `time`-th time."""

    def __init__(self, process: int, how: str, time: int) -> None:
        self.process, self.how, self.time, self.count = process, how, time, 0
        self.lock = threading.Lock()

    def happen(self, id: str) -> None:
        with self.lock:
            self.count += 1
            now = self.count == self.time
        if not now:
            return
        if self.how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "hangs":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.how == "is asked to stop":
            os.kill(os.getpid(), signal.SIGTERM)
        if self.how == "has a bug":
            raise ZeroDivisionError("division by zero")


def _one(answers: Any, environment: dict[str, str], folder: str, data: dict[str, Any], faults: Any) -> None:
    import torch

    os.environ.update(environment)
    rank = int(environment.get("RANK", "0"))
    try:
        with join(torch.device("cpu"), Path(folder)) as processes:
            answers.put((rank, {"result": go(Path(folder), recipe_from_data(data), processes, faults)}))
    except RedraftError as error:
        answers.put((rank, {"error": error.as_data()}))
    answers.close()
    answers.join_thread()
    sys.stdout.flush()
    os._exit(0)


def run_processes(
    count: int,
    folder: Path,
    recipe: Recipe,
    faults: dict[str, Any] | None = None,
    within: float = 240.0,
    **environment: str,
) -> list[dict[str, Any]]:
    """What each process came to, by rank: {"result"}, {"error"}, or {} where it died."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    answers = context.Queue()
    store = TCPStore("127.0.0.1", 0, count, True, wait_for_workers=False)  # as torchrun keeps one
    common = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "WORLD_SIZE": str(count),
        **environment,
    }
    places: Sequence[dict[str, str]] = [{**common, "RANK": str(r), "LOCAL_RANK": str(r)} for r in range(count)]
    data = recipe.model_dump(mode="json")
    started = [
        context.Process(target=_one, args=(answers, place, str(folder), data, faults), daemon=True)
        for place in places
    ]
    for process in started:
        process.start()
    found: list[dict[str, Any]] = [{} for _ in range(count)]
    for process in started:
        process.join(within)
        if process.is_alive():
            process.kill()
            process.join()
    while not answers.empty():
        rank, answer = answers.get()
        found[rank] = answer
    return found
