"""What a job's processes print: kept, bounded, and never a reason for the work to end."""

from __future__ import annotations

from pathlib import Path

from redraft.queue.events import after, append
from redraft.queue.keeping.logs import LINE, OUTPUT, BoundedLog, job_folder, tail
from redraft.queue.keeping.outbox import MOST, Outbox, as_event
from redraft.queue.keeping.plain import LONGEST
from redraft.state.database import Database


def test_a_log_keeps_the_last_lines_within_its_bound(state_home: Path) -> None:
    folder = job_folder("job-1")
    folder.mkdir(parents=True)
    log = BoundedLog(folder / OUTPUT, limit=10_000)
    for number in range(3000):
        log.write(f"line {number}".encode())
    log.write(b"x" * 1_000_000)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20_000 + 2 * LINE
    assert [line[:9] for line in tail("job-1", 3)] == ["line 2998", "line 2999", "xxxxxxxxx"]
    assert len(tail("job-1", 500)) == 500 and tail("job-2") == []


def test_a_log_that_cannot_be_written_counts_what_it_loses(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "gone" / "output.log")
    log.write(b"a line")
    assert log.lost == 1


def test_what_waits_for_a_database_is_bounded_and_the_loss_is_said() -> None:
    outbox = Outbox()
    for step in range(MOST + 5):
        outbox.add("metric", {"step": step})
        outbox.add("progress", {"done": step})
    batch = outbox.batch()
    assert batch[0][1]["message"].startswith("5 events were lost") and batch[1][1] == {"step": 5}
    assert batch[-1] == ("progress", {"done": MOST + 4})
    outbox.written()
    assert outbox.batch() == [] and not outbox.waiting()


def test_whatever_work_says_can_be_kept_by_both_databases(database: Database) -> None:
    said = [
        {
            "event": "metric",
            "values": {"loss": float("nan"), "rate": float("-inf"), "step": 3, "half\ud800": [1.5]},
        },
        {"event": "log", "message": "a NUL \0, half a pair \udc80, Ünïcödé\n", "level": "info"},
        {"event": "left_out", "id": "x" * (LONGEST + 7), "reason": ""},
    ]
    with database.write() as session:
        for line in said:
            found = as_event(line)
            assert found is not None
            append(session, "job-1", *found)
    metric, log, left_out = (event.data for event in after(database, 0))
    assert metric == {"loss": None, "rate": None, "step": 3, "half\ufffd\ufffd\ufffd": [1.5]}
    assert log["message"].startswith("a NUL \ufffd, half a pair \ufffd") and log["message"].endswith("Ünïcödé\n")
    assert left_out["id"].endswith(" ... and 7 characters more")
