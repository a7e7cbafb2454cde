"""How a step is shared by processes, and how a process finds its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.core.errors import UsageError
from redraft.core.place import Place, place
from redraft.training.processes import ALONE
from redraft.training.sharing import share

WINDOWS = st.lists(st.integers(1, 5), min_size=0, max_size=9).map(
    lambda sizes: [list(range(sum(sizes[:i]), sum(sizes[: i + 1]))) for i in range(len(sizes))]
)


@given(WINDOWS, st.integers(1, 6))
def test_every_example_counts_once_and_all_do_equally_many_passes(batches: list[list[int]], count: int) -> None:
    shares = [share(batches, rank, count) for rank in range(count)]
    assert len({len(found) for found in shares}) == 1
    counted = [row for found in shares for part in found if part.counts for row in part.rows]
    assert sorted(counted) == [row for batch in batches for row in batch]
    assert all(part.rows for found in shares for part in found)
    longest = max((len(batch) for batch in batches), default=0)
    assert all(len(part.rows) <= longest for found in shares for part in found)


@given(WINDOWS)
def test_one_process_takes_the_micro_batches_as_they_are(batches: list[list[int]]) -> None:
    assert [list(part.rows) for part in share(batches, 0, 1)] == batches


def test_whole_micro_batches_are_shared_where_their_number_allows_it() -> None:
    window = [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [part.rows for part in share(window, 1, 2)] == [(2, 3), (6, 7)]
    assert [part.rows for part in share([[0, 1, 2]], 1, 2)] == [(1,)]
    assert [part.counts for part in share([[0]], 1, 2)] == [False]


def test_a_process_finds_its_place() -> None:
    assert place({}) == place({"WORLD_SIZE": "1", "RANK": "0"}) == Place()
    found = place({"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"})
    assert found == Place(3, 4, 1, 2)


@pytest.mark.parametrize(
    "environment",
    [
        {"WORLD_SIZE": "2"},
        {"WORLD_SIZE": "two", "RANK": "0"},
        {"WORLD_SIZE": "2", "RANK": "2"},
        {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "5", "LOCAL_WORLD_SIZE": "1"},
    ],
)
def test_an_environment_that_contradicts_itself_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="the launcher's environment"):
        place(environment)


def test_alone_nothing_is_exchanged() -> None:
    assert ALONE.main and ALONE.total(1, 2.5) == [1.0, 2.5] and ALONE.each("a") == ["a"]
    assert ALONE.by_main(lambda: 3) == 3 and ALONE.by_each(lambda: 4) == [4] and ALONE.any(True)
    ALONE.wait()
