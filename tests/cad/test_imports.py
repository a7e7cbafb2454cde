"""Importers: what gets in, in which split, what is left out and why, and that a tar is as good as a folder."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from task_parts import program

from redraft.core.errors import InputError, UsageError
from redraft.core.task import Imported
from redraft.core.work import Silent
from redraft.tasks.cad.dialects import write_program
from redraft.tasks.cad.imports.deepcad_tar import SPARE, Kept, Lowest
from redraft.tasks.cad.imports.names import part_id, refuse_unsafe
from redraft.tasks.cad.task import TASK

SPLIT_FILE = "train_val_test_split.json"


def block(x: int, y: int, z: int) -> str:
    return write_program(program(f"+ z 0 {z}\nr 0 0 {x} {y}", 1.0), "deepcad")


@pytest.fixture(scope="module")
def histories() -> dict[str, str]:
    """Twelve blocks that look different, by DeepCAD number."""
    return {f"0001{number:04}": block(100, 20 + 5 * number, 10 + number) for number in range(12)}


@pytest.fixture
def folder(tmp_path: Path, histories: Mapping[str, str]) -> Path:
    for number, text in histories.items():
        path = tmp_path / "data" / "cad_json" / number[:4] / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "data"


def tar_of(folder: Path, *, first: str | None = None, last: str | None = None) -> Path:
    path = folder.parent / "published.tar.gz"
    files = sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: (p.name == last, p.name != first))
    with tarfile.open(path, "w:gz") as tar:
        for file in files:
            tar.add(file, str(file.relative_to(folder.parent)))
    return path


def run(name: str, source: Path, **options: Any) -> tuple[list[Imported], Silent]:
    work = Silent()
    return list(TASK.importers()[name].run(str(source), options, work)), work


def ids(found: list[Imported]) -> list[tuple[str, str]]:
    return [(imported.split, imported.example.id) for imported in found]


def test_a_folder_gives_what_is_asked_for(folder: Path) -> None:
    found, work = run("deepcad", folder, train=6, validation=3, test=2, seed=1)
    assert Counter(split for split, _ in ids(found)) == {"train": 6, "validation": 3, "test": 2}
    assert len({id for _, id in ids(found)}) == 11
    assert work.omissions == [] and work.logs == []
    first = found[0].example
    assert len(first.images) == 3 and first.answer.startswith("+ ") and first.truth["valid"] is True
    assert first.truth["stated_size_mm"] == pytest.approx(first.truth["size_mm"])


def test_the_choice_is_the_seeds(folder: Path) -> None:
    once, again, other = (ids(run("deepcad", folder, train=4, validation=1, seed=s)[0]) for s in (1, 1, 2))
    assert once == again != other


def test_a_tar_gives_what_its_folder_gives(folder: Path) -> None:
    options = {"train": 5, "validation": 2, "seed": 3}
    assert run("deepcad", tar_of(folder), **options)[0] == run("deepcad", folder, **options)[0]


@pytest.mark.parametrize("place", ["first", "last"])
def test_the_split_file_decides_wherever_it_lies_in_the_tar(folder: Path, place: str) -> None:
    numbers = sorted(path.stem for path in folder.rglob("*.json"))
    named = [f"{number[:4]}/{number}" for number in numbers]
    splits = {"train": named[:4], "validation": named[4:8], "test": named[8:]}
    (folder / SPLIT_FILE).write_text(json.dumps(splits))
    tar = tar_of(folder, **{place: SPLIT_FILE})
    for source in (folder, tar):
        found, _ = run("deepcad", source, train=3, validation=4, test=1)
        assert Counter(split for split, _ in ids(found)) == {"train": 3, "validation": 4, "test": 1}
        for split, id in ids(found):
            assert f"{id[:4]}/{id}" in splits[split]


def test_a_split_file_of_ones_own(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"train": ["00010003"], "validation": ["00010004"], "test": []}))
    found, work = run("deepcad", folder, split_file=str(mine))
    assert ids(found) == [("train", "00010003"), ("validation", "00010004")]
    assert any("1 of the 1000 parts asked for" in line for line in work.logs)


def test_bad_parts_are_left_out_with_the_reason_and_replaced(folder: Path) -> None:
    bad = folder / "cad_json" / "0001"
    (bad / "00010000.json").write_text("{")
    (bad / "00010001.json").write_text(json.dumps({"entities": {}, "sequence": [], "properties": {}}))
    (bad / "00010002.json").write_text(write_program(program("+ z 0 32\nr 0 0 64 32\nr 64 32 128 64"), "deepcad"))
    (bad / "00010003.json").write_text((bad / "00010004.json").read_text())
    found, work = run("deepcad", folder, train=8, validation=0)
    assert len(found) == 8
    left = dict(work.omissions)
    assert "00010000" in left and "00010001" in left
    assert "non_manifold" in left["00010002"]
    assert any("shows the same as" in reason for reason in left.values())
    assert all(imported.example.truth["valid"] for imported in found)


def test_invalid_parts_can_be_kept(folder: Path) -> None:
    bad = folder / "cad_json" / "0001" / "00010002.json"
    bad.write_text(write_program(program("+ z 0 32\nr 0 0 64 32\nr 64 32 128 64"), "deepcad"))
    found, _ = run("deepcad", folder, train=12, validation=0, keep_invalid=True)
    kept = {imported.example.id: imported.example.truth for imported in found}["00010002"]
    assert kept["valid"] is False and kept["reason"] == "non_manifold"


@pytest.mark.parametrize("name", ["../../etc/passwd.json", "/etc/passwd.json", "a/../../b.json", "C:\\x.json"])
def test_names_that_lead_out_of_a_tar_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 2
        tar.addfile(info, io.BytesIO(b"{}"))
    with pytest.raises(InputError) as refused:
        run("deepcad", path)
    assert "leads out" in str(refused.value)


def test_links_in_a_tar_are_left_out(folder: Path, tmp_path: Path) -> None:
    tar = tar_of(folder)
    plain = tmp_path / "plain.tar"
    with tarfile.open(tar) as old, tarfile.open(plain, "w") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        link = tarfile.TarInfo("data/cad_json/0001/00019999.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        new.addfile(link)
    found, work = run("deepcad", plain, train=12, validation=0)
    assert len(found) == 12
    assert work.omissions == [("data/cad_json/0001/00019999.json", "a link or a device, not a file")]


@pytest.mark.parametrize("packed", [True, False], ids=["gz", "plain"])
def test_a_tar_that_is_cut_off_is_said_to_be(folder: Path, tmp_path: Path, packed: bool) -> None:
    """Wherever the cut falls: inside a file, inside a header, or on the border between two members."""
    data = tar_of(folder).read_bytes()
    if not packed:
        data = gzip.decompress(data)
    cut = tmp_path / "cut.tar"
    border = len(data) // 3 // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE
    parts = {len(data) * part // 24 for part in range(1, 16)}
    for length in sorted(parts | {border, border + 9, border + tarfile.BLOCKSIZE}):
        cut.write_bytes(data[:length])
        with pytest.raises(InputError) as refused:
            run("deepcad", cut)
        assert "cannot be read to its end" in str(refused.value), length


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        run("deepcad", tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError):
        run("deepcad", tmp_path / "a.txt")
    with pytest.raises(InputError):
        run("deepcad", tmp_path)
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(InputError) as refused:
        run("deepcad", tmp_path)
    assert "no part in it could be used" in str(refused.value)
    with pytest.raises(UsageError):
        run("deepcad", tmp_path, train=-1)
    with pytest.raises(InputError):
        run("deepcad", tmp_path, split_file=str(tmp_path / "a.json"))


def test_the_lowest_lots_are_kept_however_many_come() -> None:
    lowest = Lowest(3)
    for number in (9, 1, 8, 2, 7, 3):
        if lowest.wants(number):
            lowest.add(number, Kept(number.to_bytes(8, "big"), str(number), 0, 0))
    assert [kept.id for kept in lowest.in_order()] == ["1", "2", "3"]
    assert not Lowest(0).wants(1) and Lowest(None).wants(1)
    assert SPARE[0] > 1


def test_the_real_histories(shared_data: Path) -> None:
    expected = json.loads((shared_data / "deepcad" / "expected_properties.json").read_text())["parts"]
    found, work = run("deepcad", shared_data / "deepcad", train=20, validation=0)
    assert {imported.example.id for imported in found} == {id for id, part in expected.items() if part["valid"]}
    for imported in found:
        part = expected[imported.example.id]
        assert imported.example.truth["volume_mm3"] == pytest.approx(part["volume_mm3"], rel=1e-4)
        assert imported.example.truth["size_mm"] == pytest.approx(part["bbox_mm"], rel=1e-4)
    assert "invalid_solid" in dict(work.omissions)["00015361"]
    faults = list(TASK.check([imported.example for imported in found], TASK.options({}), Silent()))
    disagree = {id for id, part in expected.items() if part["valid"] and not part["json_bbox_agrees"]}
    assert {fault.id for fault in faults if fault.kind == "history_box"} == disagree
    assert [fault for fault in faults if fault.severity == "error"] == []


def test_openecad_texts_and_conversations_are_the_same_parts(tmp_path: Path, shared_data: Path) -> None:
    texts, work = run("openecad", shared_data / "openecad")
    assert dict(work.omissions) == {"00015361": "its history has 47 extrusions, beyond 16"}
    assert len(texts) == 7 and all(imported.split == "train" for imported in texts)
    rows = []
    for path in sorted((shared_data / "openecad").glob("*.txt")):
        answer = {"from": "gpt", "value": f"Here it is:\n```python\n{path.read_text()}\n```"}
        rows.append({"id": part_id(path.name), "image": "x.png", "conversations": [{"from": "human"}, answer]})
    (tmp_path / "conversations.json").write_text(json.dumps(rows))
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("conversations.json", "lines.jsonl"):
        assert run("openecad", tmp_path / name)[0] == texts


def test_a_persons_own_folder(tmp_path: Path) -> None:
    part = program()
    (tmp_path / "a.json").write_text(write_program(part, "deepcad"))
    (tmp_path / "b.py").write_text(write_program(program("+ z 0 32\nr 0 0 128 96"), "cadquery"))
    (tmp_path / "c.step").write_text("ISO-10303-21;")
    (tmp_path / "notes.txt").write_text("call the customer")
    (tmp_path / "d.txt").write_text("+ z 0 32\nr 0 0 128 20")
    for image in TASK.draw(run("programs", tmp_path)[0][0].example.truth, 0, TASK.options({})):
        (tmp_path / f"d.{image.path}").write_bytes(image.bytes)
    found, work = run("programs", tmp_path, seed=4)
    parts = {imported.example.id: imported.example for imported in found}
    assert set(parts) == {"a", "b", "d"}
    assert parts["d"].truth["views"] == "given" and "views" not in parts["a"].truth
    left = dict(work.omissions)
    assert "no history" in left["c.step"] and "not a program" in left["notes"]


def test_a_persons_views_are_held_against_the_part(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(write_program(program(), "deepcad"))
    (tmp_path / "b.json").write_text(write_program(program("+ z 0 100\nr 0 0 128 96\no 40 40 30"), "deepcad"))
    drawn = {i.example.id: i.example.images for i in run("programs", tmp_path)[0]}
    for image in drawn["a"]:
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / image.path).write_bytes(image.bytes)
        (tmp_path / f"b.{image.path}").write_bytes(image.bytes)
    examples = {i.example.id: i.example for i in run("programs", tmp_path)[0]}
    assert [image.bytes for image in examples["a"].images] == [image.bytes for image in drawn["a"]]
    faults = list(TASK.check([examples["a"], examples["b"]], TASK.options({}), Silent()))
    assert faults and {(fault.id, fault.kind, fault.severity) for fault in faults} == {
        ("b", "wrong_view", "warning")
    }
    (tmp_path / "b.top.png").unlink()
    _, work = run("programs", tmp_path)
    assert "missing view b.top.png" in dict(work.omissions)["b"]


def test_names_of_parts() -> None:
    assert part_id("data/cad_json/0001/00010002.json") == part_id("00010002.openecad.txt") == "00010002"
    assert part_id("mine/bracket.v2.json") == "mine/bracket.v2"
    refuse_unsafe("data/cad_json/0001/00010002.json", "x")
