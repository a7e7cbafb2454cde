"""An import that was killed goes on where it was, and ends in the same files as one that was not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from importing import row, rows, same_files, take, text_of, write_lines

from redraft.core.discovery import load_task
from redraft.core.errors import InputError, OutputError
from redraft.core.example import Example
from redraft.core.work import Silent
from redraft.datasets.journal import Journal


def key(example: Example) -> str:
    return load_task("summary").same(example)


class Stops(Silent):
    """A Work that ends its import at a step of a stage."""

    def __init__(self, stage: str, at: int, error: BaseException) -> None:
        super().__init__()
        self.stage, self.at, self.error = stage, at, error

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        if stage == self.stage and done >= self.at:
            raise self.error


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The documents that are laid out from here on."""
    from redraft.tasks.summary import drawing

    seen: list[str] = []
    count = drawing.count_pages

    def counting(truth: Any, seed: int, options: Any, **more: Any) -> int:
        seen.append(truth["text"])
        return count(truth, seed, options, **more)

    monkeypatch.setattr(drawing, "count_pages", counting)
    return seen


def test_a_stopped_import_goes_on_and_ends_in_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [*rows(30), row(40, summary=""), row(41, text=text_of(3))]
    source = write_lines(tmp_path / "set.jsonl", given)
    whole = take(source, tmp_path / "whole", validation=4, test=3)
    request = {"validation": 4, "test": 3}
    with pytest.raises(KeyboardInterrupt):
        take(source, tmp_path / "out", Stops("importing train", 12, KeyboardInterrupt()), **request)
    assert not (tmp_path / "out").exists() and (tmp_path / ".out.importing" / "rows").is_file()
    seen = counted(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        take(source, tmp_path / "out", Stops("importing train", 20, KeyboardInterrupt()), **request)
    first = len(seen)
    made = take(source, tmp_path / "out", **request)
    assert made.work.logs[0].startswith("going on with an import that was stopped: ")
    assert len(seen) == len(set(seen)) and 0 < first < len(seen) < 30  # nothing is laid out a second time
    assert same_files(tmp_path / "out", tmp_path / "whole") and made.left_out == whole.left_out
    assert not (tmp_path / ".out.importing").exists()


def test_another_import_into_the_same_place_begins_anew(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "set.jsonl", rows(12))
    with pytest.raises(KeyboardInterrupt):
        take(source, tmp_path / "out", Stops("importing train", 9, KeyboardInterrupt()), train=12)
    made = take(source, tmp_path / "out", train=12, seed=5)
    assert made.work.logs[0].startswith("an import of something else into this output was stopped before")
    with pytest.raises(KeyboardInterrupt):
        take(source, tmp_path / "two", Stops("importing train", 9, KeyboardInterrupt()), train=12)
    write_lines(source, rows(13))
    made = take(source, tmp_path / "two", train=13)
    assert "something else" in made.work.logs[0] and len(made.ids()) == 13


def test_a_frame_that_was_cut_is_written_again(tmp_path: Path) -> None:
    """Whatever a crash leaves of the journal's end: what is whole of it counts."""
    source = write_lines(tmp_path / "s.jsonl", rows(9))
    examples = list(take(source, tmp_path / "d", train=9).dataset.split("train"))
    for cut in (1, 20, 60, 400):
        out = tmp_path / f"out-{cut}"
        with Journal(out, {"a": 1}, key, Silent()) as journal:
            for example in examples[:6]:
                journal.add("train", example.with_images(()))
                journal.flush()
        path = journal.folder / "rows"
        path.write_bytes(path.read_bytes()[:-cut])
        with Journal(out, {"a": 1}, key, Silent()) as journal:
            assert list(journal.written) == [e.id for e in examples[:5]]
            for example in examples:
                if example.id not in journal.written:
                    journal.add("test", example.with_images(()))
            with pytest.raises(InputError, match="another example has the same id"):
                journal.add("train", examples[0])
            found = list(journal.examples())
        assert [e.id for _, e in found] == [e.id for e in examples] and found[0][1].truth == examples[0].truth
        assert [s for s, _ in found] == ["train"] * 5 + ["test"] * 4


def test_an_output_that_exists_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "set.jsonl", rows(3))
    take(source, tmp_path / "out", train=3)
    with pytest.raises(OutputError, match="exists already"):
        take(source, tmp_path / "out", train=3)
    with pytest.raises(InputError):
        take(write_lines(tmp_path / "bad.jsonl", [row(0, summary="")]), tmp_path / "none", train=1)
    assert not list(tmp_path.glob(".none*"))


@pytest.mark.slow
def test_killed_for_real(tmp_path: Path) -> None:
    """SIGKILL in the middle, twice; the third time it ends, with the bytes of an import that nobody killed."""
    source = write_lines(tmp_path / "set.jsonl", [row(n, text=text_of(n, 120)) for n in range(400)])
    take(source, tmp_path / "whole", validation=10)
    command = [sys.executable, "-m", "redraft", "data", "import", "documents", str(source), str(tmp_path / "out"),
               "--validation", "10", "--json"]  # fmt: skip
    journal = tmp_path / ".out.importing" / "rows"
    sizes = [0]
    for _ in range(2):
        worker = subprocess.Popen(
            [sys.executable, "-m", "redraft.worker", "data.import"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        request = {"importer": "documents", "source": str(source), "out": str(tmp_path / "out"), "seed": 0,
                   "validation": 10, "columns": {}, "options": {}, "images": True}  # fmt: skip
        assert worker.stdin is not None
        worker.stdin.write(json.dumps({"request": request}).encode() + b"\n")
        worker.stdin.flush()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (journal.exists() and journal.stat().st_size > sizes[-1]):
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        sizes.append(journal.stat().st_size)
    assert 0 < sizes[1] < sizes[2] and not (tmp_path / "out").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "going on with an import that was stopped" in done.stderr
    assert json.loads(done.stdout)["counts"] == {"train": 390, "validation": 10}
    assert same_files(tmp_path / "out", tmp_path / "whole")
