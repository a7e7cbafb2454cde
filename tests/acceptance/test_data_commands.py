"""`redraft data ...` as a person or a script runs it: output, exit codes, and nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow

TASKS = Path(__file__).parents[1] / "datasets" / "tasks"


def data(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "redraft", "data", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "REDRAFT_TASKS": str(TASKS), "COLUMNS": "160", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and "has a bug" not in done.stderr
    return done


def value(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data(*arguments, "--json", code=code).stdout)
    return found


@pytest.fixture(scope="module")
def dots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "dots"
    made = value("generate", "dots", folder, "--count", "40", "--validation", "6", "--test", "4", "--seed", "5")
    assert made["examples"] == 50 and made["counts"] == {"train": 40, "validation": 6, "test": 4}
    assert made["bytes"] == sum(
        p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.name not in NOT_LISTED
    )
    return folder


NOT_LISTED = ("manifest.json", "README.md")
"""Files that the manifest does not list: itself, and the card that is made of it."""


def test_generating_tells_what_it_made(tmp_path: Path) -> None:
    done = data("generate", "dots", tmp_path / "d", "-n", "30", "--option", "colour=red")
    assert "30 examples (30 train)" in done.stdout and "sha256:" in done.stdout
    assert "making dots 30/30" in done.stderr
    manifest = json.loads((tmp_path / "d" / "manifest.json").read_text())
    assert manifest["options"] == {"colour": "red"} and manifest["seed"] == 0


def test_the_seed_decides_and_a_larger_training_set_keeps_the_others(dots: Path, tmp_path: Path) -> None:
    held_out = ("--validation", "6", "--test", "4")
    same = value("generate", "dots", tmp_path / "same", "-n", "40", *held_out, "--seed", "5")
    other = value("generate", "dots", tmp_path / "other", "-n", "40", *held_out, "--seed", "6")
    manifest = json.loads((dots / "manifest.json").read_text())
    assert same["fingerprint"] == manifest["fingerprint"] != other["fingerprint"]
    value("generate", "dots", tmp_path / "large", "-n", "70", *held_out, "--seed", "5")
    large = json.loads((tmp_path / "large" / "manifest.json").read_text())
    for split in ("validation", "test"):
        assert large["fingerprints"][split] == manifest["fingerprints"][split]
    assert large["counts"]["train"] == 70


def test_a_sound_dataset_and_a_faulty_one(dots: Path, tmp_path: Path) -> None:
    sound = value("check", dots)
    assert sound["examples"] == 50 and sound["faults"] == []
    assert "0 errors, 0 warnings" in data("check", dots).stdout
    value("generate", "dots", tmp_path / "d", "-n", "20")
    path = next((tmp_path / "d" / "data").iterdir())
    pq.write_table(pq.read_table(path).slice(0, 19), path)
    faulty = value("check", tmp_path / "d", code=1)
    assert {fault["kind"] for fault in faulty["faults"]} == {"changed_file", "split_count"}
    assert all(set(fault) == {"id", "kind", "severity", "reason"} for fault in faulty["faults"])
    assert "19 examples" in data("check", tmp_path / "d", code=1).stdout


def test_warnings_do_not_fail_a_check(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a 1,2,3\nb 1,2,3\nc x\na 4,5,6\n")
    made = value("import", "dotlist", tmp_path / "list.txt", tmp_path / "d")
    assert made["examples"] == 2
    assert made["left_out"] == {
        "count": 2,
        "reasons": {"another example has the same id": 1, "its place is no number": 1},
    }
    checked = value("check", tmp_path / "d")
    assert [(f["id"], f["kind"], f["severity"]) for f in checked["faults"]] == [("b", "duplicate", "warning")]
    assert "MIT" in (tmp_path / "d" / "README.md").read_text()


def test_export_and_import_again(dots: Path, tmp_path: Path) -> None:
    record = value("export", dots, tmp_path / "views", "--format", "tinyllava")
    assert record["conversations"] == {"train": 120, "validation": 18, "test": 12} and record["images"] == 150
    assert "150 conversations" in data("export", dots, tmp_path / "v2", "--format", "tinyllava").stdout
    value("export", dots, tmp_path / "parts", "-f", "tinyllava", "--layout", "part")
    back = value("import", "tinyllava", tmp_path / "parts", tmp_path / "back", "--task", "dots")
    assert back["counts"] == {"train": 40, "validation": 6, "test": 4}
    again = value("export", tmp_path / "back", tmp_path / "again", "-f", "tinyllava", "--layout", "part")
    for split in again["conversations"]:
        name = f"{split}.json"
        assert (tmp_path / "again" / name).read_text() == (tmp_path / "parts" / name).read_text()


def test_a_dataset_without_images(dots: Path, tmp_path: Path) -> None:
    arguments = ("-n", "40", "--validation", "6", "--test", "4", "--seed", "5")
    bare = value("generate", "dots", tmp_path / "bare", *arguments, "--no-images")
    assert bare["images"] == "drawn"
    assert value("check", tmp_path / "bare")["faults"] == []
    full = value("export", tmp_path / "bare", tmp_path / "full", "--materialise")
    assert full["fingerprint"] == json.loads((dots / "manifest.json").read_text())["fingerprint"]
    for path in (dots / "data").iterdir():
        assert (tmp_path / "full" / "data" / path.name).read_bytes() == path.read_bytes()


def test_show_writes_what_it_shows(dots: Path, tmp_path: Path) -> None:
    id = "00012"
    shown = value("show", dots, id, "--out", tmp_path / "one")
    assert shown["split"] == "train" and [image["size"] for image in shown["images"]] == [[32, 32]] * 3
    files = {path.name for path in (tmp_path / "one").iterdir()}
    assert files == {"front.png", "top.png", "right.png", "answer.txt", "example.json"}
    text = data("show", dots, id).stdout
    assert "front.png  32 x 32" in text and "Where is the dot?" in text and "place:" in text


@pytest.mark.skipif(os.name != "posix", reason="interrupts are sent as POSIX signals")
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "redraft", "data", "generate", "dots", str(tmp_path / "d"), "-n", "26000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "REDRAFT_TASKS": str(TASKS)},
    )
    assert process.stderr is not None
    while "making dots" not in process.stderr.readline():
        assert process.poll() is None
    assert [p.name.startswith(".d.") for p in tmp_path.iterdir()] == [True]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def front_of(sheet: Path) -> str:
    """The front view's name in an export of views, for a part's sheet in an export of montages."""
    return f"{sheet.parent.name}/{sheet.stem.removesuffix('-sheet')}-front.png"


def test_real_histories_become_a_dataset(tmp_path: Path, shared_data: Path) -> None:
    """Eight real parts: one is invalid, two are of another size than they say themselves."""
    made = value("import", "deepcad", shared_data / "deepcad", tmp_path / "d", "--train", "5", "--validation", "2")
    assert made["counts"] == {"train": 5, "validation": 2}
    manifest = json.loads((tmp_path / "d" / "manifest.json").read_text())
    reasons = {o["id"]: o["reason"] for o in manifest["left_out"]["examples"]}
    assert "invalid_solid" in reasons["00015361"] and "another schema" in reasons["expected_properties"]
    checked = value("check", tmp_path / "d")
    assert checked["errors"] == 0
    assert {(f["id"], f["kind"]) for f in checked["faults"]} == {
        ("00001010", "history_box"),
        ("00633023", "history_box"),
    }
    record = value("export", tmp_path / "d", tmp_path / "views", "-f", "tinyllava")
    assert record["conversations"] == {"train": 15, "validation": 6}
    value("export", tmp_path / "d", tmp_path / "sheets", "-f", "tinyllava", "--layout", "montage")
    sheets = sorted((tmp_path / "sheets" / "images").rglob("*.png"))
    assert len(sheets) == 7
    with (
        Pillow.open(sheets[0]) as sheet,
        Pillow.open(tmp_path / "views" / "images" / front_of(sheets[0])) as front,
    ):
        assert sheet.size == (1024, 1024)
        lower_left = sheet.convert("L").crop((0, 512, 512, 1024))
        assert lower_left.tobytes() == front.convert("L").tobytes()


@pytest.mark.slow
def test_cad_parts_are_drawn_again_bit_for_bit(tmp_path: Path) -> None:
    stored = value("generate", "cad", tmp_path / "stored", "-n", "4", "--test", "2")
    bare = value("generate", "cad", tmp_path / "bare", "-n", "4", "--test", "2", "--no-images")
    full = value("export", tmp_path / "bare", tmp_path / "full", "--materialise")
    assert stored["fingerprint"] == full["fingerprint"] != bare["fingerprint"]
    assert value("check", tmp_path / "full")["errors"] == 0


@pytest.mark.slow
def test_a_model_says_what_it_sees(tmp_path: Path) -> None:
    """Only the answer and its end token carry loss; token counts of a model decide what is too long."""
    value("generate", "cad", tmp_path / "d", "-n", "8", "--option", "style.size=128")
    recipe = Path(__file__).parents[2] / "recipes" / "cad-test.yaml"
    wishes = (f"dataset={tmp_path / 'd'}", "train.max_steps=1", "evaluate.limit=1")
    trained = subprocess.run(
        [sys.executable, "-m", "redraft", "train", str(recipe), *wishes, "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert trained.returncode == 0, trained.stderr
    id = pq.read_table(next((tmp_path / "d" / "data").iterdir()), columns=["id"])["id"][0].as_py()
    shown = value("show", tmp_path / "d", id, "--model", tmp_path / "run")
    seen, answer = shown["model"], shown["messages"][-1]["content"][0]["text"]
    assert seen["length"] == len(seen["tokens"]) == seen["shapes"]["input_ids"][1]
    carry = [token["trained"] for token in seen["tokens"]]
    assert sum(carry) == seen["trained"] and carry == sorted(carry) and seen["loss"] > 0
    learned = "".join(token["text"] for token in seen["tokens"] if token["trained"])
    assert learned.startswith(answer) and len(learned.removeprefix(answer)) < 12
    fits = value("check", tmp_path / "d", "--model", tmp_path / "run", "--max-tokens", "4000")
    assert fits["errors"] == 0
    short = value("check", tmp_path / "d", "--model", tmp_path / "run", "--max-tokens", "52", code=1)
    assert {f["kind"] for f in short["faults"]} == {"long_answer"} and short["errors"] == 8


WRONG: list[tuple[tuple[str, ...], int, str]] = [
    (("check", "nowhere"), 2, "no such file or folder"),
    (("check", "EMPTY"), 1, "neither a manifest"),
    (("export", "DOTS", "OUT"), 2, "give either a format or --materialise"),
    (("export", "DOTS", "OUT", "--format", "csv"), 2, "there is no format 'csv'"),
    (("export", "DOTS", "FULL", "--format", "openai"), 1, "the output exists already"),
    (("generate", "dits", "OUT", "-n", "3"), 2, "there is no task 'dits'"),
    (("generate", "dots", "OUT", "-n", "0"), 2, "no example is asked for"),
    (("generate", "dots", "OUT", "-n", "3", "--option", "style"), 2, "'style' is no option"),
    (("generate", "dots", "OUT", "-n", "3", "--option", "size=3"), 2, "the task dots has no option 'size'"),
    (("generate", "dots", "FULL", "-n", "3"), 1, "the output exists already"),
    (("generate", "dots", "/proc/nowhere", "-n", "3"), 1, "/proc/nowhere"),
    (("import", "nix", "FULL", "OUT"), 2, "there is no importer 'nix'"),
    (("import", "tinyllava", "FULL", "OUT", "--task", "dots"), 1, "no file of conversations"),
    (("import", "huggingface", "hf:a/b", "OUT", "--task", "dots"), 1, "cannot be opened"),
    (("show", "DOTS", "nobody"), 2, "there is no example 'nobody'"),
    (("push", "DOTS", "nobody/dots"), 1, "the upload failed"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "says"), WRONG, ids=lambda v: " ".join(v) if isinstance(v, tuple) else ""
)
def test_wrong_use_and_wrong_input(
    arguments: tuple[str, ...], code: int, says: str, dots: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    places = {"DOTS": dots, "OUT": tmp_path / "out", "EMPTY": tmp_path / "empty", "FULL": tmp_path / "full"}
    done = data(*(places.get(argument, argument) for argument in arguments), "--json", code=code)
    assert done.stdout == ""
    assert says in " ".join(done.stderr.split())
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["empty", "full", "mine.txt"]
