"""Exceptions of the geometry kernel made faults with a reason."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from redraft.tasks.cad.kernel.faults import KernelFault

P = ParamSpec("P")
R = TypeVar("R")


def guarded(work: Callable[P, R]) -> Callable[P, R]:
    """The same work, with whatever the kernel throws as a KernelFault "execute".

    The bindings give the kernel's exceptions no base class of their own: they are known by their module.
    """

    @functools.wraps(work)
    def safe(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except Exception as error:
            if not type(error).__module__.startswith("OCP"):
                raise
            said = f"{type(error).__name__} {error}".strip()
            raise KernelFault("execute", f"the geometry kernel failed ({said})") from error

    return safe
