"""The pool: order, limits, recycling, and that nothing is left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redraft.core.errors import UsageError, WorkerLost
from redraft.tasks.cad.kernel import framing
from redraft.tasks.cad.kernel.outcome import REASONS, Outcome
from redraft.tasks.cad.kernel.pool import KernelPool, shared_pool

JOBS = "hostile_jobs"
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def pool() -> Iterator[KernelPool]:
    with KernelPool(2, timeout=20, memory_mb=256, jobs=JOBS) as pool:
        yield pool


def _children(pid: int) -> list[int]:
    """Processes whose parent is pid, zombies included."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _gone(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # ended; the system's first process has yet to take note
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**70), 1.5, "text \u00e9 \U0001f600", b"", b"\x00\xff" * 1000, [1, [2, {"a": b"x"}]], {}],
)
def test_data_and_bytes_come_back_as_they_were(pool: KernelPool, value: object) -> None:
    assert pool.call("echo", {"value": value}) == Outcome("ok", "", value)


def test_numbers_that_json_lacks_come_back(pool: KernelPool) -> None:
    back = pool.call("echo", {"value": [math.inf, -math.inf, math.nan]}).value
    assert back[:2] == [math.inf, -math.inf] and math.isnan(back[2])


@pytest.mark.parametrize(
    ("job", "payload", "reason", "says"),
    [
        ("raise_refusal", {}, "refused", "line 3: a fillet. Leave it out"),
        ("raise_fault", {"reason": "non_manifold"}, "non_manifold", "the solid is broken"),
        ("raise_fault", {"reason": "empty"}, "empty", "the solid is broken"),
        ("raise_fault", {"reason": "no such reason"}, "crash", "left the protocol"),
        ("raise_other", {}, "execute", "ZeroDivisionError: 1 / 0"),
        ("system_exit", {}, "execute", "SystemExit"),
        ("recurse", {}, "limit", "nested too deep"),
        ("unsendable", {}, "execute", "cannot be sent"),
        ("no_such_job", {}, "execute", "there is no job 'no_such_job'"),
        ("hog", {}, "memory", "memory limit"),
        ("many_files", {}, "execute", "Too many open files"),
        ("segfault", {}, "crash", "SIGSEGV"),
        ("abort", {}, "crash", "SIGABRT"),
        ("leave", {"code": 7}, "crash", "exit code 7"),
        ("leave", {"code": 0}, "crash", "exit code 0"),
    ],
)
def test_whatever_a_job_does_is_a_reason(
    pool: KernelPool, job: str, payload: dict[str, object], reason: str, says: str
) -> None:
    if sys.platform != "linux" and job in ("hog", "many_files"):
        pytest.skip("this system does not hold the limit by itself")
    outcome = pool.call(job, payload)
    assert outcome.reason == reason and reason in REASONS and not outcome.ok and outcome.value is None
    assert says in outcome.detail and "\n" not in outcome.detail
    assert pool.call("echo", {"value": 1}).value == 1


@pytest.mark.parametrize("job", ["spin", "sleep"])
def test_a_hang_ends_within_its_limit_and_the_pool_goes_on(pool: KernelPool, job: str) -> None:
    before = pool.call("who", {}).value["pid"]
    began = time.monotonic()
    outcome = pool.call(job, {"seconds": 1000}, timeout=0.5)
    assert outcome.reason == "timeout"
    assert 0.5 <= time.monotonic() - began < 5
    assert pool.call("who", {}).value["pid"] != before


def test_map_keeps_the_order_and_every_worker_busy(pool: KernelPool) -> None:
    seconds = [0.2, 0.0, 0.1, 0.0, 0.05] * 3
    outcomes = list(pool.map("sleep", ({"seconds": s} for s in seconds)))
    assert [outcome.value for outcome in outcomes] == seconds
    assert len({outcome.value["pid"] for outcome in pool.map("who", [{}] * 20)}) <= 2


def test_map_reads_ahead_within_its_bound(pool: KernelPool) -> None:
    taken = []

    def payloads() -> Iterator[dict[str, object]]:
        for number in range(1000):
            taken.append(number)
            yield {"value": number}

    outcomes = pool.map("echo", payloads())
    assert [next(outcomes).value for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 3 + 2 * pool.workers
    outcomes.close()  # type: ignore[attr-defined]
    assert pool.call("echo", {"value": 1}).ok


def test_failures_within_a_map_stay_in_their_places(pool: KernelPool) -> None:
    codes = [outcome.reason for outcome in pool.map("leave", [{"code": 1}, {}, {"code": 2}])]
    assert codes == ["crash", "execute", "crash"]


def test_threads_share_a_pool(pool: KernelPool) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(
            target=lambda base: found.extend(pool.call("echo", {"value": base + i}).value for i in range(20)),
            args=(100 * t,),
        )
        for t in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(100 * t + i for t in range(8) for i in range(20))


@linux
def test_500_calls_and_50_crashes_leak_nothing() -> None:
    with KernelPool(1, jobs=JOBS, jobs_a_worker=100) as pool:
        pool.call("echo", {"value": 0})
        before = _descriptors()
        folder = Path(pool.call("who", {}).value["folder"]).parent
        for number in range(500):
            assert pool.call("echo", {"value": number}).value == number
        for _ in range(50):
            assert pool.call("segfault", {}).reason == "crash"
        who = pool.call("who", {}).value
        assert _descriptors() == before
        assert _children(who["parent"]) == [who["pid"]]
        assert sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) == [Path(who["folder"]).name]
    assert not folder.exists() and not Path(f"/proc/{who['pid']}").exists()


def test_a_worker_is_recycled_after_its_jobs_and_when_it_has_grown() -> None:
    with KernelPool(1, jobs=JOBS, jobs_a_worker=3) as pool:
        pids = [pool.call("who", {}).value["pid"] for _ in range(7)]
        assert len(set(pids)) == 3 and pids[:3] == [pids[0]] * 3
    with KernelPool(1, memory_mb=400, jobs=JOBS) as pool:  # recycled beyond a quarter of it
        first, second, third = (pool.call("keep", {"mb": 60}).value for _ in range(3))
        assert first == second != third


@linux
@pytest.mark.parametrize("job", ["echo", "spin"])
def test_children_end_within_a_second_of_their_parents_death(tmp_path: Path, job: str) -> None:
    code = f"""
import sys, threading, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from redraft.tasks.cad.kernel.pool import KernelPool
pool = KernelPool(2, jobs="hostile_jobs", timeout=60)
who = pool.call("who", {{}}).value
threading.Thread(target=pool.call, args=({job!r}, {{"value": 1}})).start()
time.sleep(0.3)
print(who["pid"], who["parent"], who["folder"], flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        worker, server, folder = parent.stdout.readline().split()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _gone(int(worker), 1.0) and _gone(int(server), 1.0)
    assert not Path(folder).parent.exists()


@linux
def test_a_lost_fork_server_is_replaced() -> None:
    with KernelPool(1, jobs=JOBS) as pool:
        who = pool.call("who", {}).value
        os.kill(who["parent"], signal.SIGKILL)
        assert _gone(who["pid"], 1.0)
        assert pool.call("who", {}).value["parent"] != who["parent"]


@linux
def test_a_worker_killed_while_idle_costs_no_job() -> None:
    with KernelPool(1, jobs=JOBS) as pool:
        os.kill(pool.call("who", {}).value["pid"], signal.SIGKILL)
        time.sleep(0.1)
        assert pool.call("echo", {"value": 5}).value == 5


@linux
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_copy_is_refused_and_the_shared_pool_is_its_own() -> None:
    with KernelPool(1, jobs=JOBS) as pool:
        pool.call("echo", {"value": 1})
        pid = os.fork()
        if pid == 0:
            try:
                pool.call("echo", {"value": 1})
            except WorkerLost as error:
                os._exit(42 if "forked copy" in str(error) and shared_pool()._owner == os.getpid() else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
        assert pool.call("echo", {"value": 1}).ok


@linux
def test_an_interrupted_call_leaves_no_answer_behind() -> None:
    with KernelPool(1, jobs=JOBS) as pool:
        pid = pool.call("who", {}).value["pid"]
        threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,)).start()
        with pytest.raises(KeyboardInterrupt):
            pool.call("sleep", {"seconds": 1.0})
        assert pool.call("echo", {"value": "mine"}).value == "mine"
        assert pool.call("who", {}).value["pid"] != pid


def test_an_answer_to_another_request_is_not_taken(pool: KernelPool) -> None:
    forged = {"serial": 10**9, "reason": "ok", "detail": "", "value": 1, "used_mb": 1.0, "used_seconds": 1.0}
    outcome = pool.call("lie", {"bytes": framing.encode(forged), "then": 5})
    assert outcome.reason == "crash" and "another request" in outcome.detail


def test_a_missing_temporary_folder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with KernelPool(1, jobs=JOBS) as pool, pytest.raises(WorkerLost, match="no kernel process can be started"):
        pool.call("echo", {"value": 1})


def test_closing_ends_running_calls_and_refuses_new_ones() -> None:
    pool = KernelPool(1, jobs=JOBS)
    pool.call("echo", {"value": 1})
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(pool.call("sleep", {"seconds": 60})))
    thread.start()
    time.sleep(0.3)
    pool.close()
    thread.join(10)
    assert [outcome.reason for outcome in outcomes] == ["crash"]
    with pytest.raises(WorkerLost, match="closed"):
        pool.call("echo", {"value": 1})
    pool.close()


def test_jobs_that_cannot_be_loaded_are_one_sentence() -> None:
    with KernelPool(1, jobs="no_such_module_of_jobs") as pool, pytest.raises(WorkerLost) as error:
        pool.call("echo", {})
    assert "No module named 'no_such_module_of_jobs'" in str(error.value) and "doctor" in error.value.remedy


def test_settings_that_cannot_work_are_refused() -> None:
    for settings in ({"workers": 0}, {"timeout": 0}, {"memory_mb": 0}, {"jobs_a_worker": 0}):
        with pytest.raises(UsageError):
            KernelPool(**settings)  # type: ignore[arg-type]


def test_a_request_that_is_no_data_is_an_outcome(pool: KernelPool) -> None:
    assert pool.call("echo", {"value": object()}).reason == "limit"


def test_spawned_workers_keep_the_same_promises() -> None:
    with KernelPool(1, timeout=20, memory_mb=256, jobs=JOBS, way="spawn") as pool:
        assert pool.call("echo", {"value": {"$": b"x", "n": math.inf}}).value == {"$": b"x", "n": math.inf}
        assert pool.call("spin", {}, timeout=0.3).reason == "timeout"
        assert pool.call("segfault", {}).reason == "crash"
        assert pool.call("echo", {"value": 2}).value == 2
