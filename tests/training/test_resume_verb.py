"""Resuming by the verb: what a user may have changed in between, and what is said to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from test_train_verb import ground, make_dataset, request

from redraft.core.errors import UsageError
from redraft.core.work import Silent
from redraft.worker.verbs.train import start

__all__ = ["ground"]  # a fixture


def edit(run: Path, **train: object) -> None:
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["train"].update(train)
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (run / "result.json").unlink(missing_ok=True)  # as if it had been interrupted


def test_an_edited_recipe_is_refused_by_its_keys_and_a_harmless_edit_is_not(ground: Path) -> None:
    start(request(ground, "train.max_steps=2"), Silent())
    run = ground / "run"
    edit(run, batch_size=2)
    with pytest.raises(UsageError, match=r"train\.batch_size is 2 and was 4"):
        start({"resume": str(run)}, Silent())
    work = Silent()
    edit(run, batch_size=4, loss_chunk=64, save_every=1)
    assert start({"resume": str(run)}, work).value["status"] == "finished"
    assert any("train.loss_chunk differ" in line and "not bit for bit" in line for line in work.logs)


def test_a_changed_dataset_is_refused(ground: Path) -> None:
    import shutil

    start(request(ground, "train.max_steps=2"), Silent())
    shutil.rmtree(ground / "data")
    make_dataset(ground / "data", seed=9)
    edit(ground / "run")
    with pytest.raises(UsageError, match="the dataset has changed"):
        start({"resume": str(ground / "run")}, Silent())
