"""Every error a user can meet. Each says what happened, where, and the remedy; none prints a traceback.

Exit codes: 1, the work found a fault in its input or could not be done; 2, the command was used wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RedraftError(Exception):
    """Something went wrong that a user can act on.

    what: one sentence, without a full stop at its end. where: a file, a line, an example id, a recipe key.
    remedy: what to do, as an imperative.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.remedy = what, where, remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.remedy}" if self.remedy else f"{text}."

    def as_data(self) -> dict[str, Any]:
        """The error as JSON data, to cross a process boundary."""
        return {
            "kind": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


class UsageError(RedraftError):
    """The command, an option or a recipe key is wrong; nothing was begun."""

    exit_code = 2


class InputError(RedraftError):
    """A file that was given cannot be read as what it should be."""


class RecipeError(UsageError):
    """A recipe has an unknown key, a wrong value, or a combination that cannot work."""


class OutputError(RedraftError):
    """The result cannot be written: the folder exists, is not writable, or the disk is full."""


class Paused(OutputError):
    """The work cannot go on for now: the disk is full or failing. It can be resumed from what was finished."""


class Refusal(RedraftError):
    """A program text holds a construct outside the language that is read here.

    code is one of the reason codes of a score: "parse" for text that is not a program, "refused" for a
    construct that is known but not accepted, "limit" for a size beyond the caps.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", code: str = "parse") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.code = code


class WorkerLost(RedraftError):
    """The process that did the work ended without a result."""


class NotFound(UsageError):
    """There is nothing of that id or name."""


class Busy(RedraftError):
    """Too much is under way; the same request can be met later."""


class Conflict(RedraftError):
    """What is asked for does not go with how things stand: the job has ended, the dataset is in use."""


class LeaseLost(RedraftError):
    """This work was given to somebody else, or withdrawn: it stops and publishes nothing."""


class StateError(RedraftError):
    """The database cannot be used: it is of another version, locked, damaged, or not reachable."""


class ToldElsewhere(RedraftError):
    """This process ends because of an error that another process of the same run tells."""


class DeviceLost(RedraftError):
    """The GPU failed in the middle of the work. Its process must end; another may go on elsewhere."""


class Interrupted(RedraftError):
    """The user stopped the work; what was finished is kept."""

    exit_code = 130


def from_data(data: Mapping[str, Any]) -> RedraftError:
    """The error that another process reported with `as_data`."""
    known = {
        kind.__name__: kind
        for kind in (
            UsageError,
            InputError,
            RecipeError,
            OutputError,
            Paused,
            Refusal,
            WorkerLost,
            NotFound,
            Busy,
            Conflict,
            LeaseLost,
            StateError,
            ToldElsewhere,
            DeviceLost,
            Interrupted,
        )
    }
    error = known.get(str(data.get("kind")), RedraftError)(
        str(data.get("what", "unknown error")),
        where=str(data.get("where", "")),
        remedy=str(data.get("remedy", "")),
    )
    error.exit_code = int(data.get("exit_code", error.exit_code))
    return error
