"""`redraft train` on the benchmark's data: `python ours.py REQUEST.json`, in redraft's environment.

It calls the verb that the worker process runs. Two things are added, both outside of the training: the model's
loading tells the clock to begin, and the rows of events.jsonl, as they are written, tell it where epochs end.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from clock import Clock, Report

from redraft.core.work import Silent
from redraft.worker.verbs import train as verb

SETTINGS = {"feature_cache": "on", "group_by_length": True, "loss_chunk": 128, "workers": 1}


class Watching(Silent):
    """Hears each row of events.jsonl when it is written."""

    def __init__(self, request: dict[str, Any], report: Report) -> None:
        super().__init__()
        self.request, self.report = request, report
        self.clock: Clock | None = None
        self.seen = 0

    def metric(self, values: Any) -> None:
        if values["kind"] == "start":
            self.report.trainable = values["model"]["trainable"]
            self.report.supervised = values["dataset"]["supervised_tokens"]
        elif values["kind"] == "step":
            assert self.clock is not None
            self.report.losses.append(values["loss"])
            self.report.peak = self.clock.peak.above()
            self.seen += values["examples"]
            if self.seen >= self.request["count"] * (len(self.report.wall) + 1):
                self.clock.epoch()


def main(request: dict[str, Any]) -> None:
    settings = SETTINGS | request["settings"]
    names = ("redraft", "transformers", "torch", "accelerate")
    report = Report("redraft", settings, {name: version(name) for name in names})
    watching = Watching(request, report)
    load = verb.load_model

    def loaded(*args: Any, **more: Any) -> Any:
        found = load(*args, **more)
        watching.clock = Clock(report)
        return found

    verb.load_model = loaded  # type: ignore[assignment]
    work = Path(request["work"])
    work.mkdir(parents=True, exist_ok=True)
    os.environ["REDRAFT_HOME"] = str(work / "home")  # a feature cache of its own, empty
    recipe = {
        "task": "cad",
        "dataset": request["data"],
        "device": "cpu",
        "model": {"base": request["model"], **request.get("parts", {"freeze": ["vision", "projector"]})},
        "train": {
            "epochs": request["epochs"],
            "max_steps": request.get("max_steps"),
            "batch_size": request["batch"],
            "learning_rate": request["learning_rate"],
            "schedule": "constant",
            "warmup": 0,
            "weight_decay": 0.0,
            "clip": 1.0,
            "precision": "fp32",
            "threads": request["threads"],
            "max_length": 8192,
            **settings,
        },
    }
    path = work / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    verb.start({"recipe": str(path), "out": str(work / "run")}, watching)
    report.write(request["result"])


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
