"""Fixtures of the tests of evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from plate_task import PlateTask


@pytest.fixture(scope="module")
def plates() -> PlateTask:
    return PlateTask()


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Models of a few thousand weights are fastest so, above all beside other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
