"""The light side of answers: one process a state folder, started, found and let go; names, files, servers."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from answering_service import end_answering, own_home, wait_until
from redraft.core.answers import LONGEST, answering_folder, socket_path
from redraft.core.errors import NotFound, UsageError, WorkerLost
from redraft.queue.answering import Answering
from redraft.queue.answering import files as answer_files
from redraft.queue.answering import process as answering_process
from redraft.queue.answering.files import AnswerFiles
from redraft.queue.answering.models import aliases, every, find
from redraft.state.database import Database
from redraft.state.tables import Checkpoint, Model, Run


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with own_home(tmp_path / "home", REDRAFT_ANSWER_IDLE="1000"):
        yield tmp_path / "home"
        end_answering(socket_path())


async def health(answering: Answering) -> dict[str, Any]:
    answer = await (await answering._process.ready()).get("/health")
    found: dict[str, Any] = answer.json()
    return found


def children() -> list[psutil.Process]:
    """Answering processes that this one started and that live."""
    found = []
    for child in psutil.Process().children():
        try:
            if "redraft.worker.answering" in child.cmdline():
                found.append(child)
        except psutil.Error:
            pass
    return found


def ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_two_callers_at_once_start_one_process_that_only_we_can_reach(home: Path) -> None:
    async def both() -> tuple[dict[str, Any], dict[str, Any]]:
        first, second = Answering(), Answering()
        found = await asyncio.gather(health(first), health(second))
        await first.close()
        await second.close()
        return found

    first, second = asyncio.run(both())
    assert first["pid"] == second["pid"]
    assert stat.S_IMODE(answering_folder().stat().st_mode) == 0o700
    wait_until(lambda: not children())
    assert not socket_path().exists()


def test_a_socket_is_for_its_owner_alone_wherever_it_has_room(tmp_path: Path) -> None:
    for folder in (tmp_path / "short", tmp_path / ("long" * 25)):
        with own_home(folder):
            path = socket_path()
            assert len(os.fsencode(path)) <= LONGEST

            async def ask() -> int:
                answering = Answering()
                await health(answering)
                mode = socket_path().stat().st_mode
                await answering.close()
                return mode

            mode = asyncio.run(ask())
            assert stat.S_IMODE(mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            end_answering(path)


def test_idle_models_are_let_go_and_then_the_process_which_is_started_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_ANSWER_IDLE", "0.5")

    async def ask() -> tuple[int, int]:
        answering = Answering()
        with pytest.raises(UsageError, match="no such picture"):
            await answering.ask("cad.answer", {"folder": str(home), "given": ["none"], "model": "default/cad"})
        first = (await health(answering))["pid"]
        process = psutil.Process(first)
        await asyncio.to_thread(wait_until, lambda: ended(process), 20)
        second = (await health(answering))["pid"]
        await answering.close()
        return first, second

    first, second = asyncio.run(ask())
    assert first != second


def test_a_process_that_does_not_start_says_its_last_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_ANSWER_MEMORY_GB", "plenty")

    async def ask() -> None:
        await health(Answering())

    with pytest.raises(WorkerLost, match="does not start") as failure:
        asyncio.run(ask())
    assert "REDRAFT_ANSWER_MEMORY_GB" in failure.value.remedy


def test_a_process_of_another_version_is_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> tuple[int, int]:
        answering = Answering()
        first = (await health(answering))["pid"]
        ready = answering._process._health

        async def older() -> dict[str, Any] | None:
            found = await ready()
            return found and {**found, "version": "0.0.1" if found["pid"] == first else found["version"]}

        monkeypatch.setattr(answering._process, "_health", older)
        await answering._process.ready()
        found = await ready()
        assert found is not None
        await answering.close()
        return first, found["pid"]

    first, second = asyncio.run(ask())
    assert first != second


def test_a_fault_of_our_own_is_no_error_of_the_users(home: Path) -> None:
    async def ask() -> None:
        answering = Answering()
        try:
            await answering.ask("cad.answer", {"folder": 5, "given": []})
        finally:
            await answering.close()

    with pytest.raises(RuntimeError, match="redraft has a bug"):
        asyncio.run(ask())


class TestNames:
    """Ids and names to folders."""

    @pytest.fixture
    def known(self, database: Database, tmp_path: Path) -> Database:
        folders = {name: tmp_path / name for name in ("run", "model", "gone")}
        (folders["run"] / "checkpoints" / "step-5").mkdir(parents=True)
        (folders["run"] / "checkpoints" / "step-9").mkdir()
        folders["model"].mkdir()
        with database.write() as session:
            run = {"name": "mine", "recipe": {}, "created_at": 5.0}
            session.add(Run(id="run-a", folder=str(folders["run"]), **run))
            session.add(Run(id="run-empty", folder=str(tmp_path / "empty"), **run))
            session.flush()
            for step in (5, 7, 9):
                session.add(
                    Checkpoint(
                        id=f"ckpt-{step}", run_id="run-a", step=step, path=f"checkpoints/step-{step}",
                        latest=step == 9, removed=step == 7, created_at=float(step),
                    )
                )  # fmt: skip
            model = {"kind": "base", "created_at": 1.0}
            ready = {**model, "status": "ready"}
            session.add(Model(id="model-a", name="hf:some/one", folder=str(folders["model"]), **ready))
            session.add(Model(id="model-b", name="lost", folder=str(folders["gone"]), **ready))
            session.add(Model(id="model-c", name="known", **model))
        return database

    @pytest.mark.parametrize(
        ("name", "end"),
        [
            ("ckpt-5", "run/checkpoints/step-5"),
            ("run-a", "run/checkpoints/step-9"),
            ("model-a", "model"),
            ("hf:some/one", "model"),
            ("default/cad", "cad/weights"),
            ("cad", "cad/weights"),
            ("gpt-4o", "run/checkpoints/step-9"),
        ],
    )
    def test_what_they_mean(self, known: Database, name: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDRAFT_MODEL_ALIASES", " gpt-4o = run-a ,mine=ckpt-5")
        assert str(find(known, name).folder).endswith(end)

    @pytest.mark.parametrize(
        "name",
        ["ckpt-7", "run-empty", "model-b", "lost", "known", "/etc", "../..", "default/../..", "default/x",
         "http://host/v1#m", "", "run-b", "mine"],
    )  # fmt: skip
    def test_what_they_do_not(self, known: Database, name: str) -> None:
        with pytest.raises(NotFound, match="no model"):
            find(known, name)

    def test_all_that_can_answer_are_listed_the_newest_first(self, known: Database) -> None:
        assert [one.id for one in every(known)] == ["default/cad", "run-a", "ckpt-9", "ckpt-5", "model-a"]

    def test_an_alias_that_cannot_be_read_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDRAFT_MODEL_ALIASES", "gpt-4o")
        with pytest.raises(UsageError, match="is no alias"):
            aliases()


class TestFiles:
    """The files of answers."""

    def test_files_are_found_by_id_and_name_and_nothing_else_is(self, home: Path) -> None:
        files = AnswerFiles()
        kept = files.new()
        (kept.folder / "part.step").write_text("x")
        (kept.given / "front.png").write_text("x")
        (home / "answers" / "other.txt").write_text("x")
        (kept.folder / "link.txt").symlink_to("/etc/passwd")
        assert files.find(kept.id, "part.step").read_text() == "x"
        for id, name in (
            (kept.id, "part.stl"), (kept.id, "given"), (kept.id, "given/front.png"), (kept.id, "../other.txt"),
            (kept.id, "link.txt"), (kept.id, ""), ("..", "answers/other.txt"), (".", "other.txt"),
            ("", "other.txt"), (kept.id, "a" * 500), (kept.id, "a\0b"),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                files.find(id, name)

    def test_old_ones_go_when_a_new_one_comes(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDRAFT_ANSWER_KEEP", "100")
        monkeypatch.setattr(answer_files, "MOST", 3)
        files = AnswerFiles()
        made = [files.new() for _ in range(3)]
        for age, kept in zip((200, 50, 10), made, strict=True):
            os.utime(kept.folder, (time.time() - age, time.time() - age))
        newest = files.new()
        there = {path.name for path in (home / "answers").iterdir()}
        assert there == {made[1].id, made[2].id, newest.id}
        files.new()
        assert not made[1].folder.exists(), "beyond the most the oldest goes"

    def test_paths_are_taken_out_of_words(self, home: Path) -> None:
        files = AnswerFiles()
        kept = files.new()
        assert files.without_folders(f"{kept.given}/front.png: bad, {kept.folder}") == "front.png: bad, "


@pytest.mark.parametrize("address", ["host:8000", "ftp://host/v1", "http://", "http://me:secret@host/v1"])
def test_an_address_that_is_none_is_refused(address: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_ANSWERS", address)
    with pytest.raises(UsageError, match="no address") as refusal:
        Answering()
    assert "secret" not in str(refusal.value)


def test_secrets_of_the_service_do_not_reach_the_process(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_TOKEN", "very-secret")

    async def environment() -> dict[str, str]:
        answering = Answering()
        pid = (await health(answering))["pid"]
        found: dict[str, str] = psutil.Process(pid).environ()
        await answering.close()
        return found

    found = asyncio.run(environment())
    assert not set(answering_process.SECRETS) & set(found)
    assert found["REDRAFT_HOME"] == str(home)
