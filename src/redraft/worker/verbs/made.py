"""The verb "made": the work is there already; its result is what the request says."""

from __future__ import annotations

from redraft.core.verb import Request, Result, Verb
from redraft.core.work import Work


def made(request: Request, work: Work) -> Result:
    """request: value. An earlier attempt of a job was cut off after its output was whole."""
    work.log("what was asked for is there already")
    return Result(dict(request["value"]))


VERBS: dict[str, Verb] = {"made": made}
