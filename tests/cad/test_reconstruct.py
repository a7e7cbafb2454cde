"""From three pictures to files, with answers known in advance: what is chosen, how large it is, what is written.

The predictor here answers from a list, as a model would from its weights; everything after it is the real thing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures
from task_parts import PLATE, example

from redraft.core.errors import InputError, OutputError, UsageError
from redraft.core.example import Example, Image
from redraft.core.prediction import Prediction, Predictor
from redraft.core.verb import Result
from redraft.core.work import Silent
from redraft.tasks.cad.dialects import DIALECTS, read_program
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.pictures import ink_agreement, pixels
from redraft.tasks.cad.program.codec import to_data
from redraft.tasks.cad.sizing import roundest
from redraft.tasks.cad.task import TASK
from redraft.tasks.cad.verbs import VERBS
from redraft.tasks.cad.views.png import encode_gray
from redraft.tasks.cad.views.sheet import draw_sheet

NO_HOLE = "+ z 0 32\nr 0 0 128 64"
EDGE = "+ z 0 32\nr 0 0 64 32\nr 64 32 128 64"


@dataclass
class Known:
    """Answers by example id, or the same ones to all."""

    answers: Sequence[str] | dict[str, Sequence[str]]
    task_options: dict[str, Any] = field(default_factory=dict)
    name: str = "known answers"
    asked: list[Example] = field(default_factory=list)

    def predict(self, examples: Sequence[Example], *, samples: int = 1) -> list[list[Prediction]]:
        self.asked += examples
        found = []
        for one in examples:
            texts = self.answers[one.id] if isinstance(self.answers, dict) else self.answers
            chosen = [texts[n % len(texts)] for n in range(samples)]
            found.append([Prediction(one.id, text, "stop", len(text), 0.0) for text in chosen])
        return found


@dataclass
class Lending(Silent):
    lent: Known = field(default_factory=lambda: Known([PLATE]))

    def predictor(self, model: str, **settings: Any) -> Predictor:
        return self.lent


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """The folder with the plate's three views, 64 x 32 x 16 mm."""
    return draw(tmp_path / "plate")


def draw(folder: Path, text: str = PLATE, mm: float = 0.5) -> Path:
    folder.mkdir(parents=True)
    for image in example(text, mm).images:
        (folder / image.path).write_bytes(image.bytes)
    return folder


def go(
    pictures: Sequence[Path], output: Path, *answers: str, work: Lending | None = None, **request: Any
) -> Result:
    work = work or Lending(lent=Known(answers or [PLATE]))
    paths = [str(path) for path in pictures]
    return VERBS["cad.reconstruct"]({"pictures": paths, "output": str(output), "model": "known", **request}, work)


def test_everything_is_written_and_said(plate: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "part.step"
    done = go([plate], out)
    value = done.value
    assert done.exit_code == 0 and value["valid"] is True and value["reason"] == "ok"
    assert value["program"] == PLATE and value["size_source"] == "drawing"
    assert value["bbox_mm"] == pytest.approx([64, 32, 16], abs=1e-6)
    assert value["agreement"] == {"front": 1.0, "top": 1.0, "right": 1.0}
    assert value["files"][0] == str(out) and all(Path(file).stat().st_size for file in value["files"])
    assert {Path(file).name for file in value["files"]} == {path.name for path in out.parent.iterdir()}
    step = shared_pool().call("measure", {"step": out.read_bytes()}).value
    assert (step["valid"], step["volume_mm3"]) == (True, pytest.approx(value["volume_mm3"], rel=1e-6))
    assert (out.parent / "part.glb").read_bytes()[:4] == b"glTF"
    json.dumps(value, allow_nan=False)


def test_the_program_lies_there_in_every_dialect(plate: Path, tmp_path: Path) -> None:
    volume = go([plate], tmp_path / "out" / "part.step").value["volume_mm3"]
    for dialect in DIALECTS:
        (path,) = (tmp_path / "out").glob(f"part.{dialect}.*")
        program, found = read_program(path.read_bytes())
        measured = shared_pool().call("measure", {"program": to_data(program)}).value
        assert (found, measured["volume_mm3"]) == (dialect, pytest.approx(volume, rel=1e-4))


def test_the_model_is_asked_as_in_training(plate: Path, tmp_path: Path) -> None:
    options = {"grid": 64, "style": {"size": 256}}
    known = Known(["+ z 0 16\nr 0 0 64 32\no 32 16 8"], task_options=options)
    go([plate / name for name in TASK.image_names], tmp_path / "a.step", work=Lending(lent=known))
    trained = example(**options)
    assert known.asked[0].prompt == trained.prompt
    assert [image.path for image in known.asked[0].images] == list(TASK.image_names)
    same = Known([PLATE])
    go([plate], tmp_path / "b.step", work=Lending(lent=same))
    pixels = [image.bytes for image in same.asked[0].images]
    assert pixels == [image.bytes for image in example().images]


def test_valid_comes_before_agreement_and_agreement_decides(plate: Path, tmp_path: Path) -> None:
    value = go([plate], tmp_path / "a.step", "junk", NO_HOLE, EDGE, PLATE, samples=4).value
    assert value["program"] == PLATE
    assert (value["samples"], value["valid_samples"]) == (4, 2)
    worse = go([plate], tmp_path / "b.step", EDGE, NO_HOLE, samples=2).value
    assert worse["program"] == NO_HOLE and 0.3 < worse["agreement"]["top"] < 1
    assert worse["agreement"]["right"] < 1.0  # the hole's hidden lines are missing


def test_no_valid_solid_is_exit_1_and_its_program_is_kept(plate: Path, tmp_path: Path) -> None:
    done = go([plate], tmp_path / "a.step", EDGE)
    assert (done.exit_code, done.value["valid"], done.value["reason"]) == (1, False, "non_manifold")
    assert not (tmp_path / "a.step").exists() and (tmp_path / "a.deepcad.json").exists()
    done = go([plate], tmp_path / "b.step", "no program")
    assert (done.exit_code, done.value["reason"]) == (1, "parse")
    assert [Path(file).name for file in done.value["files"]] == ["b.answer.txt"]
    assert (tmp_path / "b.answer.txt").read_text() == "no program\n"


@pytest.mark.parametrize(
    ("request_", "source", "size"),
    [
        ({}, "drawing", [64, 32, 16]),
        ({"size": [100.0, 50.0, 25.0]}, "given", [100, 50, 25]),
        ({"scale": 1.0}, "given", [448, 224, 112]),
    ],
)
def test_the_size_comes_from_where_it_says(
    plate: Path, tmp_path: Path, request_: dict[str, Any], source: str, size: list[float]
) -> None:
    value = go([plate], tmp_path / "a.step", **request_).value
    assert value["size_source"] == source
    assert value["bbox_mm"] == pytest.approx(size, rel=0.005)


def test_a_given_size_of_other_proportions_is_warned_of(plate: Path, tmp_path: Path) -> None:
    work = Lending()
    value = go([plate], tmp_path / "a.step", work=work, size=[100.0, 50.0, 40.0]).value
    assert value["bbox_mm"] == pytest.approx([100, 50, 25], rel=1e-6)
    assert any("1.00 : 0.50 : 0.25" in line and "1.00 : 0.50 : 0.40" in line for line in work.logs)
    fitting = Lending()
    go([plate], tmp_path / "b.step", work=fitting, size=[100.0, 50.0, 25.0])
    assert fitting.logs == []


def test_without_a_scale_the_size_is_assumed(plate: Path, tmp_path: Path) -> None:
    for path in plate.iterdir():
        gray = np.asarray(Pictures.open(io.BytesIO(path.read_bytes())).convert("L"))
        path.write_bytes(encode_gray(np.ascontiguousarray(gray)))
    value = go([plate], tmp_path / "a.step").value
    assert value["size_source"] == "assumed" and value["size_tolerance_mm"] is None
    assert value["bbox_mm"] == pytest.approx([128, 64, 32], abs=1e-6)


@pytest.mark.parametrize("mm", [0.05, 0.1, 0.37, 1.0, 2.5])
def test_sizes_come_back_exactly_from_our_own_drawings(tmp_path: Path, mm: float) -> None:
    value = go([draw(tmp_path / "p", PLATE, mm)], tmp_path / "a.step").value
    assert value["bbox_mm"] == pytest.approx([128 * mm, 64 * mm, 32 * mm], rel=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "value"),
    [(39.9, 40.1, 40), (12.41, 12.53, 12.5), (1232, 1237.4, 1235), (0.0991, 0.1003, 0.1), (7.301, 7.302, 7.302)],
)
def test_the_roundest_number_of_an_interval(low: float, high: float, value: float) -> None:
    assert low <= roundest(low, high) <= high
    assert roundest(low, high) == pytest.approx(value, abs=1e-9)


def test_a_sheet_is_as_good_as_three_pictures(plate: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    sheet.write_bytes(draw_sheet({path.stem: path.read_bytes() for path in plate.iterdir()}))
    value = go([sheet], tmp_path / "a.step").value
    assert value["agreement"] == {"front": 1.0, "top": 1.0, "right": 1.0}
    assert value["bbox_mm"] == pytest.approx([64, 32, 16], rel=0.005)


def test_wrong_requests_write_nothing(plate: Path, tmp_path: Path) -> None:
    views = [plate / name for name in TASK.image_names]
    with pytest.raises(UsageError):
        go(views[:2], tmp_path / "a.step")
    with pytest.raises(UsageError):
        go(views, tmp_path / "a.obj")
    with pytest.raises(InputError):
        go([views[1], views[0], views[2]], tmp_path / "a.step")  # front and top exchanged
    (plate / "top.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    with pytest.raises(InputError) as refused:
        go(views, tmp_path / "a.step")
    assert "top.png" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["plate"]


def test_an_earlier_result_is_not_overwritten_unasked(plate: Path, tmp_path: Path) -> None:
    go([plate], tmp_path / "a.step")
    with pytest.raises(OutputError):
        go([plate], tmp_path / "a.step")
    done = go([plate], tmp_path / "a.step", "junk", force=True)
    assert [path.name for path in sorted(tmp_path.glob("a.*"))] == ["a.answer.txt"]
    assert done.exit_code == 1


def parts_folder(tmp_path: Path) -> Path:
    parts = tmp_path / "parts"
    draw(parts / "one")
    for image in (path for path in draw(tmp_path / "x", NO_HOLE).iterdir()):
        (parts / f"two.{image.name}").write_bytes(image.read_bytes())
    draw(parts / "three", "+ z 0 128\nc 64 64 64")
    return parts


def results(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return {row["part"]: row for row in csv.DictReader(file)}


def test_a_folder_is_done_once_and_goes_on(tmp_path: Path) -> None:
    parts, out = parts_folder(tmp_path), tmp_path / "out"
    answers = {"one": [PLATE], "two": [NO_HOLE], "three": ["junk"]}
    first = Lending(lent=Known(answers))
    done = go([parts], out, work=first)
    assert (done.exit_code, done.value["parts"], done.value["valid_parts"]) == (1, 3, 2)
    assert done.value["reasons"] == {"parse": 1}
    rows = results(out)
    assert rows["one"]["valid"] == "true" and float(rows["one"]["x_mm"]) == pytest.approx(64)
    assert rows["three"]["reason"] == "parse" and rows["three"]["file"] == ""
    assert (out / "one.step").exists() and (out / "two.glb").exists()

    draw(parts / "four", PLATE)
    text = (out / "results.csv").read_text()
    (out / "results.csv").write_text(text.rstrip("\n").rpartition("\n")[0] + "\ntwo,tr")  # cut in the middle
    second = Lending(lent=Known({**answers, "four": [PLATE]}))
    done = go([parts], out, work=second)
    assert sorted(one.id for one in second.lent.asked) == ["four", "two"]
    assert done.value["parts"] == 4 and done.value["already_done"] == 2


def test_one_unreadable_part_does_not_stop_the_folder(tmp_path: Path) -> None:
    parts, out = parts_folder(tmp_path), tmp_path / "out"
    (parts / "one" / "top.png").write_bytes(b"nothing")
    done = go([parts], out, work=Lending(lent=Known([PLATE])))
    rows = results(out)
    assert rows["one"]["reason"] == "unreadable_picture" and rows["two"]["valid"] == "true"
    assert done.exit_code == 1 and done.value["parts"] == 3
    (parts / "one" / "top.png").write_bytes((draw(tmp_path / "again") / "top.png").read_bytes())
    mended = Lending(lent=Known([PLATE]))
    assert go([parts], out, work=mended).value["already_done"] == 2
    assert [one.id for one in mended.lent.asked] == ["one"] and results(out)["one"]["valid"] == "true"


def test_a_missing_model_leaves_no_output(tmp_path: Path) -> None:
    parts = parts_folder(tmp_path)
    for pictures, output in ((parts, tmp_path / "out"), (parts / "one", tmp_path / "one.step")):
        with pytest.raises(NotImplementedError):  # what a Work without models raises
            VERBS["cad.reconstruct"]({"pictures": [str(pictures)], "output": str(output), "model": "x"}, Silent())
        assert not output.exists()


def test_folders_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        go([tmp_path / "empty"], tmp_path / "out")
    draw(tmp_path / "parts" / "one")
    (tmp_path / "parts" / "one" / "right.png").unlink()
    with pytest.raises(InputError) as refused:
        go([tmp_path / "parts"], tmp_path / "out")
    assert "right" in str(refused.value)
    with pytest.raises(UsageError):
        go([tmp_path / "parts"], tmp_path / "out.step")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    draw(tmp_path / "good" / "one")
    with pytest.raises(OutputError):
        go([tmp_path / "good"], tmp_path / "mine")
    assert not (tmp_path / "out").exists()


def test_equal_pictures_agree_wholly_and_others_less() -> None:
    front: Image = example().images[0]
    other = example(NO_HOLE).images[0]
    a, b = pixels(front.bytes), pixels(other.bytes)
    assert ink_agreement(a, a) == 1.0
    assert 0 < ink_agreement(a, b) < 1
    assert ink_agreement(a, b) == pytest.approx(ink_agreement(b, a))
