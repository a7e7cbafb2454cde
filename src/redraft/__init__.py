"""redraft: vision-language models that turn pictures back into what they show, with every answer checked.

The verbs of the command line are functions here, loaded when they are first asked for: `redraft.reconstruct(...)`.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "check", "compare", "convert", "do", "draw_pages", "evaluate", "export", "generate",
           "import_data", "measure", "plan", "plan_pages", "reconstruct", "resume", "search_styles", "summarize",
           "train"]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("redraft.api"), name)
    raise AttributeError(f"module 'redraft' has no attribute '{name}'")
