"""No jobs: what a worker process loads when only its walls are of interest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {}
