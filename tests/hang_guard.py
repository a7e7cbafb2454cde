"""Ends a test process that hangs where no signal reaches it, and prints the stack of each of its threads.

pytest-timeout raises in the test, and raises once. A loop inside a C++ kernel never comes back to Python to hear
it, and nothing watches what comes after it: a fixture's end, or hypothesis trying the same example again. Here a
thread of `faulthandler` watches, which needs no interpreter. In a run by several processes the others go on,
and the test is reported as the one that ended its process.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Generator

import pytest

GRACE = 60.0
"""Seconds beyond the test's own limit."""
ENDING = 180.0
"""Seconds for what follows a failure."""

_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        config.stash[_STDERR] = os.dup(2)


def _watch(config: pytest.Config, seconds: float) -> None:
    faulthandler.dump_traceback_later(seconds, exit=True, file=config.stash[_STDERR])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    mark = item.get_closest_marker("timeout")
    limit = float(mark.args[0] if mark else item.config.getini("timeout"))
    _watch(item.config, limit + GRACE)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    if isinstance(node, pytest.Item):  # pytest itself and pytest-timeout take their watches away at a failure
        _watch(node.config, ENDING)
