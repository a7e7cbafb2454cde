"""Fixtures of the tests of evaluation."""

from __future__ import annotations

import pytest
from plate_task import PlateTask


@pytest.fixture(scope="module")
def plates() -> PlateTask:
    return PlateTask()
