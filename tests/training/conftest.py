"""Runs of the small tiny model on toy examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.core.recipe import Model
from redraft.models.load import load_model
from redraft.models.saving import save_model
from toy_parts import SMALL, toy_examples


@pytest.fixture(scope="session")
def toy_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved small model, the base of adapters."""
    folder = tmp_path_factory.mktemp("toy-base")
    texts = [example.answer for example in toy_examples(32)]
    save_model(load_model(Model(base="tiny", freeze=(), options=SMALL), texts=texts), folder)
    return folder
