"""A permit goes on while its lease lasts, waits when that has run out, and publishes nothing once it is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.errors import LeaseLost
from redraft.core.permit import clock
from redraft.worker import permit as module
from redraft.worker.permit import LeasePermit

LEASE = {"lease": {"token": "7", "seconds": 30.0}}
OVER = {"lease": {"token": "7", "seconds": 0.0}}


class Holder:
    """The other side of the wire: what was asked and said."""

    def __init__(self, grants: bool | None = True) -> None:
        """grants: what every question is answered; None answers none."""
        self.asked: list[dict[str, Any]] = []
        self.said: list[str] = []
        self._grants = grants
        self.permit = LeasePermit(self._ask, lambda message, level: self.said.append(message))

    def _ask(self, question: dict[str, Any]) -> None:
        self.asked.append(question)
        if self._grants is not None:
            answer = {"answer": question["id"], "granted": self._grants}
            threading.Thread(target=self.permit.hear, args=(answer,)).start()


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Callable[[], None]], Running]]:
    begun: list[Running] = []

    def start(do: Callable[[], None]) -> Running:
        begun.append(Running(do))
        return begun[-1]

    yield start
    for running in begun:
        running.thread.join(5)
        assert not running.thread.is_alive(), "it waits for ever"


class Running:
    """A call in a thread of its own, as the work's."""

    def __init__(self, do: Callable[[], None]) -> None:
        self.error: BaseException | None = None

        def run() -> None:
            try:
                do()
            except LeaseLost as error:
                self.error = error

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def waits(self) -> bool:
        self.thread.join(0.2)
        return self.thread.is_alive()

    def ends(self) -> BaseException | None:
        self.thread.join(5)
        assert not self.thread.is_alive()
        return self.error


def test_work_that_nobody_leased_is_free_and_asks_nobody() -> None:
    holder = Holder()
    holder.permit.check()
    holder.permit.publish("publish", step=1, path="checkpoints/step-1")
    assert holder.permit.token is None and not holder.asked


def test_a_lease_gives_the_token_and_each_publishing_is_asked_and_told() -> None:
    holder = Holder()
    holder.permit.hear(LEASE)
    holder.permit.check()
    holder.permit.publish("publish", step=5, path="checkpoints/step-5")
    holder.permit.publish("checkpoint", step=5, path="checkpoints/step-5", bytes=10)
    assert holder.permit.token == "7"
    assert [(q["kind"], q["id"]) for q in holder.asked] == [("publish", 1), ("checkpoint", 2)]
    assert holder.asked[1]["values"] == {"step": 5, "path": "checkpoints/step-5", "bytes": 10}


def test_a_lease_that_ran_out_is_waited_for_and_said_once(elsewhere: Callable[..., Running]) -> None:
    holder = Holder()
    holder.permit.hear(OVER)
    work = elsewhere(holder.permit.check)
    assert work.waits()
    holder.permit.hear({"answer": 99, "granted": True})  # news that is not for it
    assert work.waits()
    holder.permit.hear(LEASE)
    assert work.ends() is None
    assert len(holder.said) == 1 and "waiting" in holder.said[0]


@pytest.mark.parametrize("last", ["lost", "another token", "left alone"])
def test_what_waits_for_a_lease_ends_where_none_comes(last: str, elsewhere: Callable[..., Running]) -> None:
    holder = Holder()
    holder.permit.hear(OVER)
    work = elsewhere(holder.permit.check)
    assert work.waits()
    if last == "lost":
        holder.permit.hear({"stop": "lost"})
    elif last == "another token":
        holder.permit.hear({"lease": {"token": "8", "seconds": 30.0}})
    else:
        holder.permit.left_alone()
    assert isinstance(work.ends(), LeaseLost)


def test_what_was_lost_stays_lost() -> None:
    holder = Holder()
    holder.permit.hear(LEASE)
    holder.permit.hear({"stop": "lost"})
    holder.permit.hear(LEASE)
    with pytest.raises(LeaseLost):
        holder.permit.check()
    for kind in ("publish", "checkpoint"):
        with pytest.raises(LeaseLost):
            holder.permit.publish(kind, step=1, path="x")
    assert not holder.asked


def test_a_renewal_that_waited_in_the_pipe_counts_from_when_it_was_sent(elsewhere: Callable[..., Running]) -> None:
    holder = Holder()
    # This process was stopped for a minute: the line is read now, but its half minute is over.
    holder.permit.hear({"lease": {"token": "7", "seconds": 30.0, "at": clock() - 60.0}})
    work = elsewhere(holder.permit.check)
    assert work.waits()
    holder.permit.hear({"lease": {"token": "7", "seconds": 30.0, "at": clock()}})
    assert work.ends() is None


def test_a_refusal_is_a_lost_lease() -> None:
    holder = Holder(grants=False)
    holder.permit.hear(LEASE)
    with pytest.raises(LeaseLost, match="refused"):
        holder.permit.publish("publish", step=1, path="x")


def test_the_answer_to_another_question_is_none(elsewhere: Callable[..., Running]) -> None:
    holder = Holder(grants=None)
    holder.permit.hear(LEASE)
    work = elsewhere(lambda: holder.permit.publish("publish", step=1, path="x"))
    assert work.waits()
    holder.permit.hear({"answer": 2, "granted": True})
    assert work.waits()
    holder.permit.hear({"answer": 1, "granted": True})
    assert work.ends() is None


def test_a_grant_that_comes_after_the_lease_is_not_enough(elsewhere: Callable[..., Running]) -> None:
    holder = Holder(grants=None)
    holder.permit.hear(LEASE)
    work = elsewhere(lambda: holder.permit.publish("publish", step=1, path="x"))
    assert work.waits()
    holder.permit.hear(OVER)
    holder.permit.hear({"answer": 1, "granted": True})
    assert work.waits()
    holder.permit.hear(LEASE)
    assert work.ends() is None


def test_work_whose_holder_died_may_finish_what_the_lease_allows(elsewhere: Callable[..., Running]) -> None:
    holder = Holder(grants=None)
    holder.permit.hear(LEASE)
    work = elsewhere(lambda: holder.permit.publish("publish", step=1, path="x"))
    assert work.waits()
    holder.permit.left_alone()
    assert work.ends() is None
    holder.permit.check()
    holder.permit.publish("checkpoint", step=1, path="x")  # who comes next notes it
    holder.permit.hear(OVER)
    with pytest.raises(LeaseLost):
        holder.permit.publish("publish", step=2, path="y")


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("lease"), st.floats(0, 50), st.floats(0, 40)),
            st.tuples(st.just("pass"), st.floats(0, 60), st.just(0.0)),
            st.tuples(st.sampled_from(["stranger", "lost"]), st.just(0.0), st.just(0.0)),
        ),
        max_size=12,
    )
)
@settings(max_examples=200, deadline=None)
def test_a_step_is_done_only_while_the_last_lease_lasts(story: list[tuple[str, float, float]]) -> None:
    """Whatever comes, check() lets a step pass if and only if the model says that the lease holds."""
    now, until, lost = 1000.0, float("inf"), False
    real, module.clock = module.clock, lambda: now
    try:
        holder = Holder()
        for what, first, second in story:
            if what == "lease":
                holder.permit.hear({"lease": {"token": "7", "seconds": first, "at": now - second}})
                if not lost:
                    until = now - second + first
            elif what == "pass":
                now += first
            elif what == "lost":
                holder.permit.hear({"stop": "lost"})
                lost = True
            elif holder.permit.token is not None:
                holder.permit.hear({"lease": {"token": "8", "seconds": 99.0}})
                lost = True
            if lost:
                with pytest.raises(LeaseLost):
                    holder.permit.check()
            elif now < until:
                holder.permit.check()
        holder.permit.left_alone()  # so that nothing waits
        if lost or now >= until:
            with pytest.raises(LeaseLost):
                holder.permit.check()
            with pytest.raises(LeaseLost):
                holder.permit.publish("publish", step=1, path="x")
        else:
            holder.permit.check()
            holder.permit.publish("publish", step=1, path="x")
    finally:
        module.clock = real


def test_a_check_costs_next_to_nothing() -> None:
    holder = Holder()
    holder.permit.hear({"lease": {"token": "7", "seconds": 3600.0}})
    started = time.perf_counter()
    for _ in range(100_000):
        holder.permit.check()
    each = (time.perf_counter() - started) / 100_000
    print(f"\na check takes {each * 1e9:.0f} ns")
    assert each < 1e-4
