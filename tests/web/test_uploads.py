"""Files that somebody sends: taken whole, refused with one sentence, and nothing is left of what was refused."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from redraft.state.access.token import ensure_token
from redraft.state.database import Database
from redraft.state.places import new_id
from redraft.state.tables import Job, Upload
from redraft.web.app import create_app
from redraft.web.settings import Settings
from redraft.web.uploads import receiving
from redraft.web.uploads.names import plain_name
from redraft.web.uploads.zips import unpack

Zip = dict[str, bytes]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Path]]:
    """One service for all tests here: each begins without uploads, and leaves it as it was."""
    home = tmp_path_factory.mktemp("uploads") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDRAFT_HOME", str(home))
        for name in ("REDRAFT_DATABASE", "REDRAFT_TOKEN", "DEEPSYNTH_UI_STATE_DIR"):
            patch.delenv(name, raising=False)
        headers = {"Authorization": f"Bearer {ensure_token().value}"}
        with TestClient(create_app(Settings()), base_url="http://127.0.0.1:7001", headers=headers) as started:
            yield started, home


@pytest.fixture
def state_folder(running: tuple[TestClient, Path]) -> Path:
    client, home = running
    with client.app.state.service.database.write() as session:  # type: ignore[attr-defined]
        session.execute(delete(Upload))
    shutil.rmtree(home / "uploads", ignore_errors=True)
    return home


@pytest.fixture
def client(running: tuple[TestClient, Path], state_folder: Path) -> TestClient:
    return running[0]


def packed(files: Zip, **settings: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, **settings) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def send(client: TestClient, name: str, body: bytes, **more: Any) -> Any:
    headers = {"Content-Type": "application/octet-stream"}
    return client.post("/api/uploads", params={"name": name}, content=body, headers=headers, **more)


def left(home: Path) -> list[str]:
    folder = home / "uploads"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.is_dir() else []


def refused(answer: Any, status: int, words: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert words in problem["detail"], problem
    return problem


def test_a_file_is_taken_listed_read_and_deleted(client: TestClient, state_folder: Path) -> None:
    body = b'{"a": 1}\n' * 1000
    answer = send(client, "rows.jsonl", body)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/api/uploads/{made['id']}"
    assert made["sha256"] == hashlib.sha256(body).hexdigest()
    assert (made["name"], made["bytes"], made["files"], made["dataset"]) == ("rows.jsonl", len(body), 1, False)
    assert "/" not in str(made["id"]) and str(state_folder) not in answer.text
    assert (state_folder / "uploads" / made["id"] / "rows.jsonl").read_bytes() == body
    assert client.get(f"/api/uploads/{made['id']}").json() == made
    listed = client.get("/api/uploads").json()
    assert [item["id"] for item in listed["items"]] == [made["id"]] and listed["next"] is None
    assert client.delete(f"/api/uploads/{made['id']}").status_code == 200
    assert client.get(f"/api/uploads/{made['id']}").status_code == 404
    assert left(state_folder) == []


def test_a_form_is_taken_too(client: TestClient, state_folder: Path) -> None:
    body = os.urandom(300_000)
    files = {"file": ("page.pdf", b"%PDF-1.7\n" + body)}
    made = client.post("/api/uploads", files=files, data={"other": "passed over"}).json()
    assert (state_folder / "uploads" / made["id"] / "page.pdf").read_bytes() == b"%PDF-1.7\n" + body


FORM = "multipart/form-data; boundary=b"
PART = b"--b\r\nContent-Disposition: form-data; "


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("multipart/form-data", b"x", "no boundary"),
        (FORM, b"hello", "the form is broken"),
        (FORM, PART + b'name="file"; filename="a.json"\r\n\r\n{}', "ends too soon"),
        (FORM, PART + b'name="x"\r\n\r\n1\r\n--b--\r\n', "holds no file"),
        (FORM, b"", "ends too soon"),
    ],
)
def test_a_broken_form(client: TestClient, state_folder: Path, kind: str, body: bytes, words: str) -> None:
    answer = client.post("/api/uploads", content=body, headers={"Content-Type": kind}, params={"name": "a.json"})
    refused(answer, 422, words)
    assert left(state_folder) == []


def test_two_files_in_a_form(client: TestClient, state_folder: Path) -> None:
    files = [("file", ("a.json", b"{}")), ("file", ("b.json", b"{}"))]
    refused(client.post("/api/uploads", files=files), 422, "several files")
    assert left(state_folder) == []


NO_NAMES = ("../a.json", "a/b.json", "..\\a.json", ".a.json", "a.json\x00", "", " a.json", "a\n.json", "nul.json")


@pytest.mark.parametrize("name", [*NO_NAMES, "x" * 300 + ".json", "C:a.json"])
def test_a_name_that_is_none(client: TestClient, state_folder: Path, name: str) -> None:
    answer = send(client, name, b"{}")
    assert answer.status_code == 422 and answer.json()["where"] == "name"
    assert left(state_folder) == []


@settings(max_examples=60)
@given(st.text())
def test_no_name_leads_anywhere(name: str) -> None:
    try:
        found = plain_name(name)
    except Exception as error:
        assert type(error).__name__ == "UsageError"
        return
    folder = Path("/somewhere")
    assert (folder / found).parent == folder and Path(os.path.normpath(folder / found)).parent == folder


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("model.bin", b"x", "files of the kind '.bin' are not taken"),
        ("data.tar", b"x", "files of the kind '.tar' are not taken"),
        ("data", b"x", "does not tell the file's kind"),
        ("a.png", b"GIF89a", "its content is not that of a .png file"),
        ("a.zip", b"not a zip", "its content is not that of a .zip file"),
        ("a.parquet", b"PK\x03\x04", "its content is not that of a .parquet file"),
        ("a.json", b"\x00\x01", "this is no text"),
        ("a.json", b"", "the file is empty"),
        ("a.zip", b"PK\x03\x04" + bytes(50), "the archive is broken"),
    ],
)
def test_a_kind_that_is_not_taken(
    client: TestClient, state_folder: Path, name: str, body: bytes, words: str
) -> None:
    refused(send(client, name, body), 422, words)
    assert left(state_folder) == []


def png(width: int, height: int) -> bytes:
    """The head of a PNG that claims a size; a decoder would begin with so much memory."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def jpeg(width: int, height: int) -> bytes:
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2002) + bytes(2000)
    return b"\xff\xd8" + thumbnail + b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(30)


@pytest.mark.parametrize("picture", [("bomb.png", png), ("bomb.jpg", jpeg)])
def test_a_picture_bomb(client: TestClient, state_folder: Path, picture: tuple[str, Any]) -> None:
    name, make = picture
    refused(send(client, name, make(60_000, 60_000)), 422, "the picture claims 60,000 x 60,000 pixels")
    inside = {"pages/1.txt": b"fine", f"pages/{name}": make(60_000, 60_000)}
    refused(send(client, "pages.zip", packed(inside)), 422, "the picture claims 60,000 x 60,000 pixels")
    assert left(state_folder) == []
    assert send(client, name, make(600, 600)).status_code == 201


def test_an_archive_is_unpacked(client: TestClient, state_folder: Path) -> None:
    files = {"set/a.json": b"{}", "set/deep/b.txt": b"text", "__MACOSX/set/._a.json": b"x", "set/.DS_Store": b"x"}
    made = send(client, "set.zip", packed(files)).json()
    assert (made["files"], made["bytes"], made["passed_over"]) == (2, 6, 2)
    folder = state_folder / "uploads" / made["id"]
    assert (folder / "set/deep/b.txt").read_bytes() == b"text"
    assert not list(folder.rglob("*.zip")) and not list(folder.rglob(".*"))


def entry(name: str, mode: int = stat.S_IFREG | 0o644, data: bytes = b"x", flags: int = 0) -> bytes:
    """An archive with one entry as no packer would write it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("placeholder".ljust(len(name.encode()), "x")[: len(name.encode())])
        info.external_attr = mode << 16
        info.flag_bits |= flags
        archive.writestr(info, data)
    return file.getvalue().replace(info.filename.encode(), name.encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (entry("../outside.txt"), "leads out of its folder"),
        (entry("a/../../outside.txt"), "leads out of its folder"),
        (entry("/etc/passwd"), "leads out of its folder"),
        (entry("C:/outside.txt"), "leads out of its folder"),
        (entry("..\\outside.txt"), "leads out of its folder"),
        (entry("a\nb.txt"), "leads out of its folder"),
        (entry("a/" * 40 + "b.txt"), "too long or too deep"),
        (entry("link", stat.S_IFLNK | 0o777, b"/etc/passwd"), "is a link or a device"),
        (entry("pipe", stat.S_IFIFO | 0o777), "is a link or a device"),
        (packed({"a": b"x", "a/b": b"x"}), "a file and a folder of one name"),
        (packed({"Plate.txt": b"x", "plate.TXT": b"y"}), "is there twice"),
        (packed({"empty/": b""}), "the archive holds no file"),
        (packed({}), "the archive holds no file"),
        (packed({"a": b"x" * 5000})[:-40], "the archive is broken"),
    ],
)
def test_an_archive_that_is_refused_whole(client: TestClient, state_folder: Path, body: bytes, words: str) -> None:
    refused(send(client, "set.zip", body), 422, words)
    assert left(state_folder) == []
    assert not (state_folder / "outside.txt").exists() and not (state_folder.parent / "outside.txt").exists()


def test_an_encrypted_archive(client: TestClient, state_folder: Path) -> None:
    body = bytearray(packed({"a.txt": b"x"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(mark) + at] |= 1
    refused(send(client, "set.zip", bytes(body)), 422, "is encrypted")


def test_an_archive_with_one_name_twice(client: TestClient) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.txt", b"x")
            archive.writestr("a.txt", b"y")
    refused(send(client, "set.zip", file.getvalue()), 422, "is there twice")


def test_a_zip_bomb_is_stopped_while_it_inflates(client: TestClient, state_folder: Path) -> None:
    body = packed({"zeros.txt": bytes(120 * 2**20)}, compresslevel=9)
    assert len(body) < 2**20
    problem = refused(send(client, "bomb.zip", body), 413, "what an archive inflates to may have 64 MiB at most")
    assert "redraft data import" in problem["remedy"]
    assert left(state_folder) == []
    assert client.get("/api/health").status_code == 200


def test_a_bomb_whose_directory_lies(client: TestClient, state_folder: Path) -> None:
    body = bytearray(packed({"zeros.txt": bytes(2**20)}))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # says that it inflates to ten bytes
        start = body.index(mark) + at
        body[start : start + 4] = (10).to_bytes(4, "little")
    refused(send(client, "bomb.zip", bytes(body)), 422, "the archive is broken")
    assert left(state_folder) == []


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: TestClient) -> None:
    monkeypatch.setattr("redraft.web.uploads.zips.MOST_FILES", 10)
    refused(send(client, "set.zip", packed({f"{n}.txt": b"x" for n in range(11)})), 413, "more than 10 files")


@pytest.fixture
def small(state_folder: Path) -> Iterator[TestClient]:
    """A service that takes files of 1 MB, and 2 MB in all."""
    headers = {"Authorization": f"Bearer {ensure_token().value}"}
    app = create_app(Settings(upload_limit=2**20, upload_quota=2 * 2**20))
    with TestClient(app, base_url="http://127.0.0.1:7001", headers=headers) as started:
        yield started


def test_a_file_that_is_too_large(small: TestClient, state_folder: Path) -> None:
    problem = refused(send(small, "a.txt", b"x" * (2**20 + 1)), 413, "a file may have 1 MiB at most")
    assert "redraft data import" in problem["remedy"]
    assert left(state_folder) == []


def test_a_file_that_does_not_say_its_size_is_counted(small: TestClient, state_folder: Path) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 2**18

    answer = small.post(
        "/api/uploads",
        params={"name": "a.txt"},
        content=endless(),
        headers={"Content-Type": "application/octet-stream"},
    )
    refused(answer, 413, "a file may have")
    assert left(state_folder) == []


def test_a_word_of_five_gigabytes_is_enough(client: TestClient, state_folder: Path) -> None:
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(5 * 10**9)}
    answer = client.post("/api/uploads", params={"name": "a.txt"}, content=b"x", headers=headers)
    refused(answer, 413, "a file may have 4.0 GiB at most")
    assert left(state_folder) == []


def test_all_uploads_together_have_a_limit(small: TestClient) -> None:
    first = send(small, "a.txt", b"x" * 2**20).json()
    assert send(small, "b.txt", b"x" * 2**20).status_code == 201
    refused(send(small, "c.txt", b"x"), 413, "your uploads would take more than they may")
    small.delete(f"/api/uploads/{first['id']}")
    assert send(small, "c.txt", b"x").status_code == 201


def test_an_archive_counts_by_what_it_inflates_to(small: TestClient, state_folder: Path) -> None:
    body = packed({f"{n}.txt": bytes(2**20) for n in range(3)})
    refused(send(small, "set.zip", body), 413, "what an archive inflates to")
    assert left(state_folder) == []


def test_a_full_disk(client: TestClient, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "SPARE", 2**60)
    refused(send(client, "a.txt", b"x"), 507, "the disk has too little room")
    monkeypatch.undo()
    monkeypatch.setenv("REDRAFT_HOME", str(state_folder))

    def full(file: Any, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("redraft.core.atomic.HashedFile.write", full)
    refused(send(client, "a.txt", b"x" * 100), 507, "the disk is full")
    assert left(state_folder) == []


def test_what_a_killed_server_left_is_removed(client: TestClient, state_folder: Path) -> None:
    kept = state_folder / "uploads" / send(client, "a.txt", b"x").json()["id"]
    begun, young = (state_folder / "uploads" / f".{new_id('upload')}" for _ in range(2))
    without_row = state_folder / "uploads" / new_id("upload")
    for folder in (begun, young, without_row):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_bytes(b"x")
    long_ago = time.time() - receiving.STALE - 60
    for folder in (begun, without_row, kept):
        for path in (folder / "a.txt", folder):
            os.utime(path, (long_ago, long_ago))
    assert send(client, "a.txt", b"x").status_code == 201
    assert not begun.exists() and not without_row.exists()
    assert young.exists() and kept.exists()


def test_an_upload_that_a_job_needs_stays(client: TestClient) -> None:
    made = send(client, "a.jsonl", b"{}\n").json()
    body = {"kind": "import", "payload": {"importer": "documents", "upload": made["id"]}}
    job = client.post("/api/jobs", json=body).json()
    refused(client.delete(f"/api/uploads/{made['id']}"), 409, "a job needs this upload")
    client.post(f"/api/jobs/{job['id']}/cancel")
    assert client.delete(f"/api/uploads/{made['id']}").status_code == 200


def test_uploads_of_others_are_not_seen(client: TestClient, state_folder: Path) -> None:
    database: Database = client.app.state.service.database  # type: ignore[attr-defined]
    id = new_id("upload")
    with database.write() as session:
        row = {"name": "a", "bytes": 1, "sha256": "0" * 64, "folder": "/x", "created_at": 1.0}
        session.add(Upload(id=id, owner="somebody else", **row))
        assert session.get(Job, "none") is None
    assert client.get("/api/uploads").json()["items"] == []
    assert client.get(f"/api/uploads/{id}").status_code == 404
    assert client.delete(f"/api/uploads/{id}").status_code == 404


def test_pages(client: TestClient) -> None:
    ids = [send(client, f"{n}.txt", b"x").json()["id"] for n in range(5)]
    first = client.get("/api/uploads", params={"limit": 3}).json()
    second = client.get("/api/uploads", params={"limit": 3, "after": first["next"]}).json()
    assert [item["id"] for item in first["items"] + second["items"]] == sorted(ids, reverse=True)
    assert second["next"] is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=400), st.integers(0, 300), st.integers(0, 255))
def test_a_damaged_archive_never_writes_elsewhere(tmp_path: Path, noise: bytes, at: int, byte: int) -> None:
    body = bytearray(packed({"a.txt": b"hello" * 20, "b/c.txt": noise}))
    body[at % len(body)] = byte
    archive = tmp_path / "damaged.zip"
    archive.write_bytes(bytes(body))
    place = tmp_path / "outer" / os.urandom(6).hex()
    place.mkdir(parents=True)
    try:
        unpack(archive, place / "content", 2**20)
    except Exception as error:
        assert type(error).__name__ in ("InputError", "TooLarge", "OutputError")
    assert {path.name for path in place.iterdir()} <= {"content"}
    assert {path.name for path in (tmp_path / "outer").iterdir()} >= {place.name}
