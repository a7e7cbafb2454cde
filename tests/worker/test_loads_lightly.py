"""Work that needs no model does not wait for torch to load."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*sorted({"torch", "transformers", "OCP"} & sys.modules.keys()))
"""


@pytest.mark.parametrize("module", ["redraft.worker.verbs.data", "redraft.worker.verbs.models"])
def test_a_verb_without_a_model_loads_none(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, module], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
