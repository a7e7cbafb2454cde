"""Fixtures that all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A shell starts background commands with Ctrl-C ignored, and so may whatever runs these tests. Children inherit
# it, and the tests of interrupted work would wait for an interrupt that never comes.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
for name in ("default", "ci"):
    settings.register_profile(name, settings.get_profile(name), deadline=None)
settings.load_profile(settings.get_current_profile_name())

pytest_plugins = [
    "databases",  # fixtures: database, sqlite_database, postgresql_database, state_home
    "hang_guard",
]

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; a test that needs it is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"the real data of {SHARED.parent.name}/{SHARED.name} is not beside this checkout")
    return SHARED


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes name no test: a zip holds the time it was made at, and all processes must find the same names."""
    return argname if isinstance(val, bytes) else None
