"""The kernel's own jobs do inside the walls what they do outside."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_programs import plate

from redraft.tasks.cad.kernel import jobs
from redraft.tasks.cad.kernel.pool import KernelPool
from redraft.tasks.cad.program import codec

DATA = codec.to_data(plate())


@pytest.fixture(scope="module")
def pool() -> Iterator[KernelPool]:
    with KernelPool(1, timeout=120) as pool:
        yield pool


@pytest.mark.parametrize("style", [{}, {"size_note": True, "size": 256}])
def test_drawings_are_the_same_bit_for_bit(pool: KernelPool, style: dict[str, object]) -> None:
    payload = {"program": DATA, "style": style}
    assert pool.call("views", payload).value == jobs.views(payload)


@pytest.mark.parametrize("form", ["step", "stl", "glb", "svg"])
def test_exported_files_are_the_same_bit_for_bit(pool: KernelPool, form: str) -> None:
    payload = {"program": DATA, "formats": [form]}
    outcome = pool.call("export", payload)
    assert outcome.ok, outcome.detail
    assert outcome.value == jobs.export(payload)


def test_every_pool_writes_the_same_files(pool: KernelPool) -> None:
    payload = {"program": DATA, "formats": list(jobs.FORMATS)}
    with KernelPool(1, timeout=120) as other:
        assert other.call("export", payload).value == pool.call("export", payload).value


def test_dxf_is_written_and_step_is_read(pool: KernelPool) -> None:
    assert b"LINE" in pool.call("export", {"program": DATA, "formats": ["dxf"]}).value["dxf"]
    step = pool.call("export", {"program": DATA, "formats": ["step"]}).value["step"]
    there, back = (pool.call("measure", payload).value for payload in ({"program": DATA}, {"step": step}))
    assert back["volume_mm3"] == pytest.approx(there["volume_mm3"], rel=1e-9)
    assert back["betti"] == there["betti"] == [1, 1, 0]


def test_comparison_of_equal_solids_is_one(pool: KernelPool) -> None:
    value = pool.call("compare", {"a": {"program": DATA}, "b": {"program": DATA}}).value
    assert value["iou"] == value["iou_aligned"] == value["iou_scaled"] == 1.0


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server is of Linux")
def test_the_fork_server_has_one_thread_when_it_forks(pool: KernelPool) -> None:
    """A fork copies only the thread that calls it: locks that others hold would stay locked for ever."""
    pool.walls()
    server = next(
        int(line.split()[1])
        for line in Path(f"/proc/{pool._idle[-1].pid}/status").read_text().splitlines()
        if line.startswith("PPid:")
    )
    assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1
