"""Live events for many listeners: one tailer reads the event table, and everybody gets a share.

No gap and no double: a listener is entered before its past is read from the database, and what then comes to it
from both sides is told apart by its growing id. One that cannot keep up loses its queue, not its events: it reads
on from the database where it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, contextmanager, suppress
from typing import Annotated, TypeVar, TypeVarTuple

import structlog
from fastapi import Depends, Request
from fastapi.sse import EventSourceResponse, format_sse_event
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Send

from redraft.core.errors import RedraftError
from redraft.state.database import Database
from redraft.web.live.frames import PAGE, Frame, Wanted, is_over, last_id, read
from redraft.web.live.listeners import Listener, Recent

INTERVAL = 0.05
"""Seconds between two looks at the event table while somebody listens."""
HEARTBEAT = 15.0
"""Seconds without an event after which a comment goes out, so that neither end takes the other for dead."""
RETRY = 1000
"""Milliseconds that a browser waits before it connects again."""
PATIENCE = 1.0
"""Seconds before the next look at a database that could not be read."""

T = TypeVar("T")
Given = TypeVarTuple("Given")
log = structlog.get_logger(__name__)


class Streams:
    """The listeners of one server process. Use it from one event loop; the tailer runs while anybody listens."""

    def __init__(self, database: Database, stopping: asyncio.Event, *, heartbeat: float = HEARTBEAT) -> None:
        """stopping: once it is set every stream ends; clients connect again later. heartbeat: seconds."""
        self.database, self._stopping, self._heartbeat = database, stopping, heartbeat
        self._rooms: dict[str | None, set[Listener]] = {}
        self._tailer: asyncio.Task[None] | None = None
        self._recent = Recent()
        self._tailing = ThreadPoolExecutor(1, "event tailer")
        """Its own: what many who come back ask at once would keep it waiting, and with it everybody."""

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._rooms.values()))

    def response(self, wanted: Wanted, after: int, **more: bool) -> EventStream:
        """The answer that carries everything wanted after the event `after`; see `open`."""
        return EventStream(self.open(wanted, after, **more))

    async def open(
        self, wanted: Wanted, after: int, *, follow: bool = True, may_be_over: bool = True
    ) -> AsyncGenerator[bytes, None]:
        """The stream's bytes, until the listener goes; or, without `follow`, until all is told that there is.

        That of one job ends with an event "end" once the job has ended and all is told. may_be_over: False where
        the job is known to go on, and its changes of state are wanted.
        """
        position = after
        with self._entered(Listener(wanted, may_be_over)) as listener:
            if follow:  # else what is in the database now is wanted, and the tailer may not have seen it
                self._recent.catch_up(listener, after)
            yield format_sse_event(retry=RETRY, id=str(position))
            while not self._stopping.is_set():
                if frames := await self._next(listener, position):
                    position = frames[-1].id
                    yield b"".join(frame.wire for frame in frames)
                    continue
                if listener.may_be_over:
                    listener.may_be_over = False
                    if state := await self._ask(is_over, self.database, wanted, position):
                        yield format_sse_event(event="end", data_str=f'{{"state":"{state}"}}', id=str(position))
                        return
                if not follow:
                    return
                try:
                    async with asyncio.timeout(self._heartbeat):
                        await listener.news.wait()
                except TimeoutError:
                    yield format_sse_event(comment="beat")
                if self._tailer is None or self._tailer.done():
                    return  # it failed, as the log says; whoever connects again starts another

    async def _next(self, listener: Listener, position: int) -> list[Frame]:
        """What has come to a listener since `position`, in order and once; a page of it at most."""
        if listener.behind:
            listener.behind = False  # from here on its queue holds whatever this reading does not
            frames = await self._ask(read, self.database, position, listener.wanted)
            if len(frames) == PAGE:
                listener.behind = True
            if frames:
                listener.may_be_over = listener.may_be_over or any(frame.ends for frame in frames)
                return frames
        return [frame for frame in listener.take() if frame.id > position]

    @contextmanager
    def _entered(self, listener: Listener) -> Iterator[Listener]:
        job = listener.wanted.job
        room = self._rooms.setdefault(job, set())
        room.add(listener)
        if self._tailer is None or self._tailer.done():
            self._tailer = asyncio.create_task(self._tail(), name="event tailer")
        try:
            yield listener
        finally:
            room.discard(listener)
            if not room and self._rooms.get(job) is room:
                del self._rooms[job]

    def _everybody(self) -> list[Listener]:
        return [listener for room in self._rooms.values() for listener in room]

    async def _tail(self) -> None:
        """Gives out new events for as long as anybody listens."""
        last = await self._ask(last_id, self.database, by=self._tailing)
        self._recent.begin(last)
        for listener in self._everybody():
            # What became visible between its own reading and this start is in neither: it reads once more.
            listener.behind = listener.may_be_over = True
            listener.news.set()
        try:
            while self.listeners and not self._stopping.is_set():
                frames = await self._ask(read, self.database, last, by=self._tailing)
                for frame in frames:
                    last = frame.id
                    self._recent.keep(frame)
                    for listener in self._listening(frame):
                        listener.give(frame)
                if len(frames) < PAGE:
                    await self._sleep(INTERVAL)
        finally:
            self._recent.end()
            for listener in self._everybody():
                listener.news.set()  # so that it sees that the server stops, or that nobody tails

    def _listening(self, frame: Frame) -> list[Listener]:
        of_job = self._rooms.get(frame.job, ()) if frame.job is not None else ()
        return [*self._rooms.get(None, ()), *of_job]

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _ask(self, question: Callable[[*Given], T], *args: *Given, by: Executor | None = None) -> T:
        """The database's answer, however long it is away: streams stay open meanwhile, and go on without a gap.

        by: whose thread asks.
        """
        told = False
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(by, question, *args)
            except (SQLAlchemyError, RedraftError) as error:
                if self._stopping.is_set():
                    raise
                if not told:
                    log.warning("events cannot be read for now", error=type(error).__name__)
                    told = True
                await self._sleep(PATIENCE)


class EventStream(EventSourceResponse):
    """A stream of events that leaves its listeners' list as soon as the other end goes."""

    def __init__(self, content: AsyncGenerator[bytes, None]) -> None:
        self._content = content
        # X-Accel-Buffering: a proxy before us passes events on as they come.
        super().__init__(content, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._content):
            await super().stream_response(send)


async def streams(request: Request) -> Streams:
    """The dependency: the streams of the application that the request came to."""
    state = request.app.state
    if getattr(state, "streams", None) is None or state.streams.database is not state.service.database:
        state.streams = Streams(state.service.database, state.service.stopping)
    found: Streams = state.streams
    return found


Streaming = Annotated[Streams, Depends(streams)]
