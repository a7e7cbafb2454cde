"""What a task's demonstration is made of: commands that a user could type, one after the other.

A task's `demo.py` holds `steps(out, minutes)`, a generator: it yields a Step, is sent that step's JSON result, and
returns the closing lines. The command line runs, shows and remembers the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a demonstration.

    name: short and unique, the step's key when a demonstration is continued. title: what it does, for people.
    command: the arguments after `redraft`, which print JSON. makes: the folder or file that it makes; removed
    before the step is tried again, unless resume gives the command that goes on from it. told: result to the
    line that is shown. findings: exit codes that are a finding and not the demonstration's end.
    """

    name: str
    title: str
    command: tuple[str, ...]
    makes: Path
    told: Callable[[dict[str, Any]], str]
    resume: tuple[str, ...] | None = None
    findings: frozenset[int] = frozenset()


Steps = Generator[Step, dict[str, Any], list[str]]
