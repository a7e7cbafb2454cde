"""What a kind of job is: what may be asked for, what it needs and makes, its verb, and the rows after it."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.orm import Session

from redraft.core.errors import UsageError
from redraft.queue.kinds.given import refuse_unkeepable
from redraft.queue.kinds.secrets import refuse_secrets
from redraft.state.tables import Job

Resource = Literal["device", "light"]
LONGEST = 200
"""Letters of a job's title."""
NAME = r"[A-Za-z0-9_][\w.-]*"
"""Of an owner, a repository or a configuration on a hub; no way to another folder."""


class Payload(BaseModel):
    """What a job of a kind is asked for: plain data, checked once when it is submitted."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AnyPayload = TypeVar("AnyPayload", bound=Payload)


@dataclass(frozen=True, slots=True)
class Start:
    """One attempt at a job, as a verb of the worker.

    folder: where it writes, or None. processes: that do it together, on one machine. resumable: whether a stopped
    attempt is gone on with; else the next one begins anew.
    """

    verb: str
    request: Mapping[str, Any]
    folder: Path | None = None
    processes: int = 1
    resumable: bool = True


class Kind(ABC, Generic[AnyPayload]):
    """One kind of job. Its methods get the session of a transaction that writes, and only read and write rows and
    small files: they are called in light processes."""

    name: ClassVar[str]
    title: ClassVar[str]
    """One line for people."""
    resource: ClassVar[Resource]
    local_only: ClassVar[frozenset[str]] = frozenset()
    """Keys of the payload that hold a path, and are taken from this machine's own command line alone."""
    payload: type[AnyPayload]

    def read(self, data: Mapping[str, Any], *, local: bool = True) -> AnyPayload:
        """The checked payload. What is wrong with it, a secret in it, or a path in it that does not come from this
        machine's own command line (`local`) is a UsageError that names the key."""
        refuse_unkeepable(data)
        refuse_secrets(data)
        for key in () if local else sorted(self.local_only):
            if data.get(key) is not None:
                raise UsageError(
                    "paths are taken on this machine's own command line alone",
                    where=key,
                    remedy="Upload the file and give its id, or name a repository",
                )
        try:
            return self.payload.model_validate(dict(data))
        except ValidationError as error:
            raise _fault(self, error) from None

    def of(self, job: Job) -> AnyPayload:
        """The payload of a job's row."""
        return self.read(job.payload)

    def label(self, payload: AnyPayload) -> str:
        """A title for a job that was given none, of at most LONGEST letters."""
        return self.title

    @abstractmethod
    def plan(self, session: Session, job: Job, payload: AnyPayload) -> list[str]:
        """Called once, in the transaction that submits the job. Checks the ids, inserts the rows of what will be
        made, fills `job.output`; the ids of jobs that make its inputs. NotFound and Conflict where an input is not
        there and will not be."""

    @abstractmethod
    def start(self, session: Session, job: Job) -> Start:
        """The attempt to begin now; also after others have been cut off. A RedraftError where the job can never be
        done as things stand."""

    @abstractmethod
    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        """Enters what was made. value: the verb's result. In the token-checked transaction that ends the job."""

    def failed(self, session: Session, job: Job) -> None:
        """Enters that it ended without its result: failed, or cancelled."""
        return

    def paused(self, session: Session, job: Job) -> None:
        """Enters that it rests."""
        return

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        """Called when the job's row is deleted. files: the rows of what it made go too; the folders that are then
        to be removed."""
        self.failed(session, job)  # nobody will go on with what is not finished
        return []


def _fault(kind: Kind[Any], error: ValidationError) -> UsageError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = list(cast(type[BaseModel], kind.payload).model_fields)
        near = difflib.get_close_matches(key, known, n=1)
        remedy = f"Did you mean '{near[0]}'?" if near else f"It takes: {', '.join(known)}"
        return UsageError(f"a job of the kind {kind.name} takes no '{key}'", where=key, remedy=remedy)
    what = first["msg"].removeprefix("Value error, ")
    given = "" if first["type"] in ("missing", "value_error") else f", not {_short(first['input'])}"
    return UsageError(
        f"{what[:1].lower()}{what[1:]}{given}",
        where=key or kind.name,
        remedy=f"docs/job-kinds.md lists what a job of the kind {kind.name} takes",
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
