"""The walls, tried from inside: every escape is denied, and what the kernel needs still works."""

from __future__ import annotations

import errno
import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile_jobs import ESCAPES

import redraft
from redraft.tasks.cad.kernel import walls
from redraft.tasks.cad.kernel.pool import KernelPool
from redraft.walls import enclosure, landlock, seccomp

whole = pytest.mark.skipif(
    landlock.abi() == 0 or not seccomp.available(),
    reason="this system lacks Landlock or a filter for its processor; test_walls_report says what stands",
)
TEXT = "a secret of the person\n"


@dataclass
class Target:
    """What a hostile program would like to reach."""

    outside: Path
    secret: Path
    port: int
    listener: socket.socket

    def payload(self, what: str) -> dict[str, object]:
        return {
            "what": what,
            "outside": str(self.outside),
            "secret": str(self.secret),
            "port": self.port,
            "pid": os.getpid(),
        }

    def untouched(self) -> bool:
        facts = self.secret.stat()
        self.listener.setblocking(False)
        try:
            self.listener.accept()
            return False
        except BlockingIOError:
            pass
        return (
            self.secret.read_text() == TEXT
            and facts.st_mode & 0o777 == 0o644
            and facts.st_uid == os.getuid()
            and facts.st_mtime > 1
            and [entry.name for entry in self.outside.iterdir()] == [self.secret.name]
        )


@pytest.fixture(scope="module")
def pool() -> Iterator[KernelPool]:
    with KernelPool(1, memory_mb=256, jobs="hostile_jobs") as pool:
        yield pool


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    secret = tmp_path / "shadow"
    secret.write_text(TEXT)
    secret.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Target(tmp_path, secret, listener.getsockname()[1], listener)


@whole
@pytest.mark.parametrize("what", ESCAPES)
def test_no_escape_goes_through(pool: KernelPool, target: Target, what: str) -> None:
    outcome = pool.call("attempt", target.payload(what), timeout=10)
    assert outcome.ok and outcome.value, f"{what} went through"
    assert target.untouched()


@whole
def test_a_worker_has_an_empty_environment_and_a_folder_of_its_own(pool: KernelPool, target: Target) -> None:
    who = pool.call("who", {}).value
    folder = who["folder"]
    assert set(who["environment"]) == {"HOME", "TMPDIR", "TEMP", "TMP"}
    assert set(who["environment"].values()) == {folder} and who["temporary"] == folder
    for name, value in os.environ.items():
        if name not in ("PYTHONUTF8", "PYTHONHASHSEED", "LD_LIBRARY_PATH") and len(value) > 8:
            assert f"{name}={value}" not in who["initial"].split("\0")
    assert who["group"] == who["pid"] and os.getpgid(who["pid"]) == who["pid"]
    assert os.getsid(who["pid"]) != os.getsid(0)
    # 0, 1, 2, the connection, and the one that lists them
    assert who["descriptors"] == ["0", "1", "2", "3", "4"]


@whole
def test_files_threads_and_lazy_imports_still_work(pool: KernelPool) -> None:
    assert pool.call("own_files", {}).value == "solid"
    assert pool.call("threads", {"count": 32}).value == sum(range(32))
    assert pool.call("import", {"module": "xml.dom.minidom"}).value == "xml.dom.minidom"
    assert pool.call("import", {"module": "scipy.spatial"}).ok


@pytest.mark.skipif(sys.platform != "linux", reason="rlimits hold on Linux")
@pytest.mark.parametrize(
    ("job", "payload", "reason", "says"),
    [
        ("hog", {"into": "shared"}, "memory", "memory limit"),
        ("one_big_file", {"mb": 260}, "execute", "File too large"),
        ("fill_folder", {"mb": 64}, "limit", "into its folder"),
        ("thread_bomb", {}, "limit", "threads"),
        ("nest_folder", {"depth": 1200}, "ok", ""),
        ("noise", {"lines": 500}, "ok", ""),
        ("close_and_go_on", {}, "crash", "closed its connection and went on"),
    ],
)
def test_the_machine_is_not_used_up(
    pool: KernelPool, job: str, payload: dict[str, object], reason: str, says: str
) -> None:
    outcome = pool.call(job, payload, timeout=20)
    assert outcome.reason == reason and says in outcome.detail
    who = pool.call("who", {}).value
    beside = Path(who["folder"]).parent
    left = [entry.name for entry in beside.iterdir() if entry.is_dir() and str(entry) != who["folder"]]
    assert left == []


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"",
        b"RDK1",
        b"RDK1" + b"\xff" * 12,
        b"RDK1" + (2**24).to_bytes(4, "big") + bytes(8),
        b"RDK1\0\0\0\2" + bytes(8) + b"[]",
        b"RDK1\0\0\0\4" + bytes(8) + b"null",
        b"RDK1" + (40_000).to_bytes(4, "big") + bytes(8) + b"[" * 40_000,
        b'RDK1\0\0\0\x19\0\0\0\0\0\0\0\0{"data": 1, "blobs": [9]}',
        b'RDK1\0\0\0\x1a\0\0\0\0\0\0\0\0{"data": {}, "blobs": [-1]}',
    ],
)
def test_a_broken_in_worker_cannot_confuse_the_pool(pool: KernelPool, bytes_sent: bytes) -> None:
    assert pool.call("lie", {"bytes": bytes_sent}, timeout=5).reason == "crash"
    assert pool.call("echo", {"value": 3}).value == 3


@whole
def test_the_report_says_that_everything_stands() -> None:
    report = walls.report()
    assert report["whole"] is True and report["system"] == "linux"
    assert [wall["name"] for wall in report["walls"] if not wall["stands"]] == []
    assert "Landlock ABI" in json.dumps(report)


def test_a_report_of_nothing_claims_nothing() -> None:
    report = enclosure.describe({"system": "darwin", "limits": ["core", "cpu", "fsize", "nofile"], "held": {}})
    stands = {wall["name"]: wall["stands"] for wall in report["walls"]}
    assert report["whole"] is False
    assert stands["wall clock"] and stands["limits"] and stands["memory"] and stands["environment"]
    assert not any(stands[name] for name in ("files", "network", "processes", "other processes", "privileges"))


def _python(code: str, python: str = sys.executable, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs code that may import these tests' modules and the package, in a process of its own."""
    places = [str(Path(__file__).parent), str(Path(redraft.__file__).parents[1])]
    code = f"import sys; sys.path[:0] = {places!r}\n" + code
    return subprocess.run([python, "-c", code, *arguments], capture_output=True, text=True, timeout=60, cwd="/")


def _usable_by_nobody(python: str) -> bool:
    """Whether another user may read this Python whole, and the package with it."""
    code = "import os; os.setuid(65534); import subprocess; subprocess.run([sys.executable, '-PV'], check=True)"
    return Path(python).exists() and _python(code + "; import redraft.core.errors", python).returncode == 0


POORER_KERNEL = """
import ctypes, json
import redraft
from redraft.walls import seccomp
from redraft.tasks.cad.kernel.pool import KernelPool
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, ctypes.c_ulong(1), 0, 0, 0)
number, error, option = (int(value) for value in sys.argv[1:])
compare = 0x35 if option < 0 else 0x15
code = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (compare, 0, 1, max(option, 0)),
        (0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7FFF0000)]
lines = (seccomp._Filter * len(code))(*[seccomp._Filter(*line) for line in code])
whole = seccomp._Program(len(code), ctypes.cast(lines, ctypes.POINTER(seccomp._Filter)))
assert libc.prctl(22, ctypes.c_ulong(2), ctypes.byref(whole), 0, 0) == 0
with KernelPool(1, jobs="hostile_jobs") as pool:
    done = pool.call("own_files", {}).value
    crash = pool.call("segfault", {}).reason
    print(json.dumps({"done": done, "crash": crash, **pool.walls()}))
"""


@whole
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers below are of x86_64")
@pytest.mark.parametrize(
    ("number", "error", "option", "fallen"),
    [
        (444, errno.ENOSYS, -1, ["files"]),  # a kernel without Landlock
        (444, errno.EOPNOTSUPP, -1, ["files"]),  # one with Landlock switched off
        (446, errno.E2BIG, -1, ["files"]),  # within too many sandboxes
        (157, errno.EINVAL, 22, ["network", "processes", "other processes"]),  # no filters
        (157, errno.EACCES, 22, ["network", "processes", "other processes"]),  # a container that forbids them
        (157, errno.EPERM, 38, ["privileges"]),  # and one that forbids no_new_privs
    ],
)
def test_without_one_wall_the_others_stand_and_the_report_says_so(
    number: int, error: int, option: int, fallen: list[str]
) -> None:
    """A filter around the whole pool lets this kernel answer as a poorer one does."""
    run = _python(POORER_KERNEL, sys.executable, str(number), str(error), str(option))
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    walls = {wall["name"]: wall for wall in report["walls"]}
    assert report["done"] == "solid" and report["crash"] == "crash" and report["whole"] is False
    assert [name for name, wall in walls.items() if not wall["stands"]] == fallen
    assert all(walls[name]["says"].startswith("does not stand") for name in fallen)


EACH_ABI = """
import ctypes, os, sys
from pathlib import Path
import redraft
from redraft.walls import enclosure, landlock, seccomp
own, version = Path(sys.argv[1]) / "own", int(sys.argv[2])
own.mkdir()
(own.parent / enclosure.SECRET).write_text("x")
libc = ctypes.CDLL(None)
libc.prctl(38, ctypes.c_ulong(1), 0, 0, 0)
assert landlock.restrict(own, enclosure.readable(), at_most=version) == version
assert seccomp.restrict()
held = enclosure.try_to_escape(own)
assert all(held.values()), held
(own / "file").write_text("y")
assert (own / "file").read_text() == "y"
for flags in (os.O_RDONLY | os.O_TRUNC, os.O_WRONLY):
    try:
        os.open(os.__file__, flags)
    except PermissionError:
        continue
    raise SystemExit(f"opened with {flags}")
assert Path(os.__file__).stat().st_size > 0
"""


@whole
@pytest.mark.parametrize("version", range(1, landlock.abi() + 1))
def test_every_older_abi_of_landlock_holds_with_the_filter(tmp_path: Path, version: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", EACH_ABI, str(tmp_path), str(version)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr


AS_NOBODY = """
import json, os
from hostile_jobs import ESCAPES
from redraft.tasks.cad.kernel.pool import KernelPool
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
with KernelPool(1, memory_mb=256, jobs="hostile_jobs") as pool:
    given = {"outside": sys.argv[1], "secret": sys.argv[1] + "/shadow", "port": 9, "pid": os.getpid()}
    through = [e for e in ESCAPES if not pool.call("attempt", {"what": e, **given}).value]
    print(json.dumps({"uid": os.getuid(), "through": through, "files": pool.call("own_files", {}).value,
                      "hog": pool.call("hog", {}).reason, "spin": pool.call("spin", {}, timeout=0.3).reason,
                      "whole": pool.walls()["whole"]}))
"""


@whole
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become nobody")
def test_an_ordinary_user_has_the_same_walls(target: Target) -> None:
    """The whole run above is of the user of the tests; where that is root, the same as nobody."""
    pythons = [python for python in (sys.executable, "/usr/bin/python3") if _usable_by_nobody(python)]
    if not pythons:
        pytest.skip("nobody may run no Python of this machine that is new enough")
    for folder in (target.outside, *target.outside.parents[:2]):
        folder.chmod(0o777)
    target.secret.chmod(0o666)
    code = f"import sys; sys.argv = ['', {str(target.outside)!r}]\n" + AS_NOBODY
    run = _python(code, pythons[0])
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "uid": 65534,
        "through": [],
        "files": "solid",
        "hog": "memory",
        "spin": "timeout",
        "whole": True,
    }
    assert target.secret.read_text() == TEXT


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_well_formed_for_both_processors(machine: str) -> None:
    """Every jump lands within the program, every path ends in a return, and it fits the kernel's 4,096."""
    code = seccomp.program(machine, 4242)
    assert len(code) < 4096 and code[-1][0] == seccomp._RETURN
    for at, (op, yes, no, _) in enumerate(code):
        if op & 0x07 == 0x05:
            assert at + 1 + max(yes, no) < len(code)
    assert _simulate(code, machine, 4242, number={"x86_64": 0, "aarch64": 63}[machine]) == "allow"  # read
    assert _simulate(code, machine, 4242, number={"x86_64": 59, "aarch64": 221}[machine]) == "deny"  # execve
    clone = {"x86_64": 56, "aarch64": 220}[machine]
    assert _simulate(code, machine, 4242, number=clone, arguments=(0x3D0F00,)) == "allow"  # a thread
    assert _simulate(code, machine, 4242, number=clone, arguments=(17,)) == "deny"  # a fork
    assert _simulate(code, machine, 4242, number=clone, arguments=(0x10010000,)) == "deny"  # a namespace
    kill = {"x86_64": 62, "aarch64": 129}[machine]
    assert _simulate(code, machine, 4242, number=kill, arguments=(4242,)) == "allow"
    assert _simulate(code, machine, 4242, number=kill, arguments=(4241,)) == "deny"
    assert _simulate(code, machine, 4242, number=9999) == "unknown"
    assert _simulate(code, machine, 4242, number=0, arch=0x40000003) == "kill"  # a 32-bit call


def _simulate(
    code: list[seccomp.Instruction],
    machine: str,
    pid: int,
    *,
    number: int,
    arguments: tuple[int, ...] = (),
    arch: int | None = None,
) -> str:
    """Runs the classic BPF program over one call, as the kernel would."""
    data = {0: number, 4: seccomp._ARCHITECTURES[machine][1] if arch is None else arch}
    data |= {16 + 8 * i: (arguments[i] if i < len(arguments) else 0) & 0xFFFFFFFF for i in range(6)}
    at, loaded = 0, 0
    while True:
        op, yes, no, k = code[at]
        at += 1
        if op == seccomp._LOAD:
            loaded = data[k]
        elif op == seccomp._RETURN:
            names = {seccomp._ALLOW: "allow", seccomp._KILL: "kill", 0x50001: "deny", 0x50026: "unknown"}
            return names[k]
        else:
            true = {
                seccomp._JUMP_EQUAL: loaded == k,
                seccomp._JUMP_ABOVE: loaded > k,
                seccomp._JUMP_ANY: bool(loaded & k),
            }[op]
            at += yes if true else no
