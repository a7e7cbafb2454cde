"""`redraft summarize` and `redraft summary ...`: real models, real files, real faults."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "summary"))

from pdf_files import column, encrypted, printed, scanned
from summary_runs import summary_run

import redraft
from redraft.core.errors import InputError, OutputError, RedraftError, UsageError
from redraft.core.work import Silent
from redraft.datasets.reader import Dataset
from redraft.models import small
from redraft.models.sight import sight_of
from redraft.tasks.summary.given import find_documents
from redraft.tasks.summary.showing import Showing
from redraft.tasks.summary.tables import show_plan, show_summary
from redraft.tasks.summary.task import TASK
from redraft.tasks.summary.verbs.summarize_folder import summary_files

TEXT = (
    "# Closure of the old bridge\n\nOn 3 May 2021 the council of Ardmore closed the bridge. It cost 4,500 euros.\n"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return summary_run(tmp_path_factory)


@pytest.fixture(scope="module")
def dataset(made: tuple[Path, Path]) -> Path:
    return made[0]


@pytest.fixture(scope="module")
def run(made: tuple[Path, Path]) -> Path:
    return made[1]


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.txt"
    path.write_text(TEXT)
    return path


def command(*arguments: str | Path, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "redraft", *map(str, arguments)], input=given, capture_output=True, timeout=180
    )


def error_of(done: subprocess.CompletedProcess[bytes]) -> str:
    """The one line of a failed command."""
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and b"Traceback" not in done.stderr, done.stderr.decode()
    return lines[0]


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_the_model_reads_the_pixels_that_training_drew(run: Path, dataset: Path, tmp_path: Path) -> None:
    example = Dataset.open(dataset, TASK).split("validation")[0]
    path = tmp_path / "notice.md"
    path.write_text(example.truth["text"])
    if example.truth.get("title"):
        path.write_text(f"---\ntitle: {example.truth['title']}\n---\n{example.truth['text']}")
    value = redraft.summarize(path, run, pages=tmp_path / "pages")
    kept = [pixels(Path(file).read_bytes()) for file in value["page_files"]]
    assert len(kept) == value["pages"] == len(example.images)
    for mine, trained in zip(kept, example.images, strict=True):
        assert np.array_equal(mine, pixels(trained.bytes))


def test_a_summary_says_what_was_read_and_how_it_ended(
    run: Path, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = redraft.summarize(document, run)
    assert value["document"] == str(document)
    assert value["tokens"] == value["pages"] * value["page_tokens"]
    assert value["finish"] in ("stop", "length", "loop") and value["summary_tokens"] <= 24
    assert value["page_size"] == [128, 128] and value["font_size"] == 12 and value["complete"]
    if value["finish"] == "length":
        assert any("cut at 24 tokens" in note for note in value["notes"])
    show_summary(value)
    shown = capsys.readouterr()
    assert shown.out == value["summary"] + "\n"  # alone, so that it can be piped on
    assert "1 page of 128 x 128" in shown.err or "2 pages of 128 x 128" in shown.err


@pytest.mark.slow
def test_standard_input_is_summarised_as_a_file_is(run: Path, document: Path) -> None:
    done = command("summarize", "-", "--model", run, "--json", given=TEXT.encode())
    value = json.loads(done.stdout)
    assert done.returncode == int(not value["summary"]), done.stderr.decode()
    assert value["document"] == "standard input"
    assert value["summary"] == redraft.summarize(document, run)["summary"]


def test_standard_input_that_holds_nothing_is_one_line(run: Path) -> None:
    done = command("summarize", "-", "--model", run, given=b" \n")
    assert done.returncode == 1 and "standard input: there is no text" in error_of(done)


def test_a_summary_goes_to_a_file_that_is_not_replaced(run: Path, document: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    value = redraft.summarize(document, run, output=out)
    assert out.read_text() == value["summary"] + "\n"
    with pytest.raises(OutputError, match="exists already"):
        redraft.summarize(document, run, output=out)
    assert redraft.summarize(document, run, output=out, force=True)["output"] == str(out)


def test_a_model_that_was_not_trained_here_gets_the_planners_pages(tmp_path: Path, document: Path) -> None:
    model = small.build("unlimited_ocr", tmp_path / "model")
    plan = redraft.plan_pages(document, model)
    value = redraft.summarize(document, model, max_new_tokens=6)
    assert value["page_size"] == [plan["width"], plan["height"]] and value["pages"] == plan["pages"]
    assert value["font_size"] == plan["font_size"] and value["tokens"] == plan["tokens"]
    assert any("not trained on pages by redraft" in note for note in value["notes"])


def folder_of(place: Path) -> Path:
    """Good documents, and one of every kind that cannot be read."""
    place.mkdir()
    (place / "good.txt").write_text("The council met in Ardmore. It closed the bridge.")
    (place / "deep").mkdir()
    (place / "deep" / "mixed.txt").write_text("The word שלום stands here, and مرحبا بالعالم there.")
    (place / "cuneiform.txt").write_text("Some signs: \U00012031\U00012154 and no more.")
    printed(place / "paper.pdf", [column("The council of Ardmore closed the bridge in May. " * 3, 60, 80, 60)])
    scanned(place / "scan.pdf")
    (place / "empty.txt").write_text(" \n\n")
    (place / "locked.pdf").write_bytes(encrypted())
    (place / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing of the kind")
    (place / "huge.txt").write_bytes(b"word " * 10_000_000)
    (place / "good.summary.txt").write_text("A reference that is no document.")
    return place


def test_a_folder_goes_on_past_bad_documents_and_is_gone_on_with(run: Path, tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path / "papers"), tmp_path / "out"
    done = command("summarize", folder, "--model", run, "-o", out, "--max-pages", 2, "--json")
    assert done.returncode == 1, done.stderr.decode()
    value = json.loads(done.stdout)
    assert {row["document"] for row in value["failed"]} >= {"empty.txt", "locked.pdf", "broken.pdf", "huge.txt"}
    reasons = {row["document"]: row["reason"] for row in value["failed"]}
    assert "no text" in reasons["empty.txt"] and "password" in reasons["locked.pdf"]
    assert "50 MB" in reasons["huge.txt"] and "PDF" in reasons["broken.pdf"]
    told = done.stderr.decode()
    assert "Traceback" not in told
    for name in reasons:
        assert told.count(f"{name}: ") == 1
    rows = {row["document"]: row for row in value["summaries"]}
    assert set(rows) | set(reasons) == {
        *("good.txt", "deep/mixed.txt", "cuneiform.txt", "paper.pdf", "scan.pdf"),
        *("empty.txt", "locked.pdf", "broken.pdf", "huge.txt"),
    }
    for name, row in rows.items():
        assert (out / row["file"]).read_text().strip() == row["summary"], name
    assert not (folder / "summaries.jsonl").exists()
    if "scan.pdf" in rows:
        assert rows["scan.pdf"]["own_pages"] and rows["scan.pdf"]["not_in_source"] is None
        assert any("its own pages were shown" in note for note in rows["scan.pdf"]["notes"])

    again = redraft.summarize(folder, run, output=out, max_pages=2)
    assert again["already_done"] == len(rows) and again["summarised"] == 0
    assert [row["summary"] for row in again["summaries"]] == [row["summary"] for row in value["summaries"]]
    if "good.txt" in rows:
        (folder / "good.txt").write_text("Another text altogether.")
        assert redraft.summarize(folder, run, output=out, max_pages=2)["summarised"] == 1


def test_a_pdf_is_read_by_its_text_or_by_its_own_pages(run: Path, tmp_path: Path) -> None:
    paper = printed(tmp_path / "paper.pdf", [column("The council of Ardmore met. " * 3, 60, 80, 60)] * 2)
    by_text = redraft.summarize(paper, run)
    by_pages = redraft.summarize(paper, run, pdf_pages=True, pages=tmp_path / "pages")
    assert not by_text["own_pages"] and by_text["letters"] > 5
    assert by_pages["own_pages"] and by_pages["pages"] == 2 and by_pages["letters"] is None
    assert pixels(Path(by_pages["page_files"][0]).read_bytes()).shape == (128, 128)
    assert by_pages["not_in_source"] is not None  # its text is known, though the model did not see it as such


@pytest.mark.parametrize(
    "settings, fault",
    [
        ({"style": {"font_size": "big"}}, "style.font_size"),
        ({"style": {"colour": 3}}, "style.colour"),
        ({"pdf_pages": True}, "this is no PDF"),
        ({"model": "nowhere"}, "there is no such model"),
    ],
)
def test_wrong_settings_are_said(run: Path, document: Path, settings: dict[str, Any], fault: str) -> None:
    with pytest.raises((UsageError, InputError), match=fault):
        redraft.summarize(document, **{"model": run, **settings})


def test_a_document_that_is_too_long_says_what_would_help(run: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text("The council of Ardmore closed the bridge. " * 60)
    with pytest.raises(InputError, match="more than 4 pages") as found:
        redraft.summarize(long, run)
    assert "--max-pages 4" in found.value.remedy and found.value.where == str(long)
    value = redraft.summarize(long, run, max_pages=2)
    assert value["pages"] == 2 and not value["complete"]
    assert any("first 2 pages" in note for note in value["notes"])
    with pytest.raises(InputError, match="there is room for") as found:
        redraft.summarize(long, run, max_pages=300)
    assert "--max-pages" in found.value.remedy


def test_without_a_model_it_says_how_to_get_one(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    line = error_of(done := command("summarize", document))
    assert done.returncode == 2 and "redraft demo --task summary" in line and "redraft train" in line


def test_the_default_model_is_taken(
    run: Path, document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    checkpoint = next((run / "checkpoints").iterdir())
    shutil.copytree(checkpoint, home / "models" / "default" / "summary")
    monkeypatch.setenv("REDRAFT_HOME", str(home))
    assert redraft.summarize(document)["summary"] == redraft.summarize(document, run)["summary"]


def test_pages_are_drawn_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "doc.md"
    path.write_text(TEXT * 30 + "\nAn odd sign: \U00012031.\n\n`" + "x" * 400 + "`\n")
    out = tmp_path / "pages"
    done = command("summary", "pages", path, "-o", out, "--style", "size=tiny")
    assert done.returncode == 0, done.stderr.decode()
    value = redraft.draw_pages(path, tmp_path / "seen", style={"size": "tiny"}, model="deepseek_ocr")
    report = json.loads((out / "report.json").read_text())
    assert [row["characters"] for row in report["rows"]] == [row["characters"] for row in value["rows"]]
    assert sorted(file.name for file in out.glob("*.png")) == [row["file"] for row in value["rows"]]
    assert value["pages"] > 1 and value["tokens"] == 73 * value["pages"]
    assert sum(row["text_tokens"] for row in value["rows"]) == pytest.approx(
        value["text_tokens"], abs=value["pages"]
    )
    assert all(
        row["letters"] == pytest.approx(12 * 0.547, abs=0.1) and not row["clipped"] for row in value["rows"]
    )
    for row in value["rows"]:
        assert pixels((out / row["file"]).read_bytes()).shape == (512, 512)
        assert row["file"] in done.stdout.decode()
    if value["missing"]:  # where no installed font has it
        assert value["missing"][0]["code"] == "U+12031" and "no glyph: U+12031" in done.stdout.decode()
    with pytest.raises(OutputError, match="exists already"):
        redraft.draw_pages(path, out)
    with pytest.raises(InputError, match="more than 64 pages"):
        path.write_text(TEXT * 600)
        redraft.draw_pages(path, tmp_path / "more", style={"size": "tiny", "font_size": 30})
    assert not (tmp_path / "more").exists()


def test_a_plan_is_shown_and_its_faults_are_one_line(
    document: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = redraft.plan_pages(document, "granite_docling")
    show_plan(value)
    shown = capsys.readouterr().out
    assert "512 x 512" in shown and f"--style font_size={value['font_size']}" in shown
    with pytest.raises(UsageError, match="nor a family of this name"):
        redraft.plan_pages(document, "no_such_family")
    scan = scanned(tmp_path / "scan.pdf")
    with pytest.raises(InputError, match="a PDF of pictures"):
        redraft.plan_pages(scan, "tiny")
    done = command("summary", "plan", tmp_path / "none.txt", "--model", "tiny")
    assert done.returncode == 2 and "no such file" in error_of(done)


def test_a_search_finds_a_front_and_is_gone_on_with(run: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "search"
    grid = {"page": ["128x128", "160x160"], "font_size": [9, 12], "margin": [0.03]}
    settings: dict[str, Any] = {"grid": grid, "trials": 4, "limit": 4, "max_new_tokens": 8}
    value = redraft.search_styles(dataset, run, out, **settings)
    assert [trial["number"] for trial in value["trials"]] == [0, 1, 2, 3]
    assert value["trials"][0]["changes"] == {} and value["trials"][0]["documents"] == 4
    assert value["advice"] in value["front"] and value["best"] in value["front"]
    points = {trial["number"]: (trial["score"], trial["tokens"]) for trial in value["trials"] if trial["whole"]}
    for number in points:
        beaten = any(
            score >= points[number][0] and tokens <= points[number][1] and (score, tokens) != points[number]
            for score, tokens in points.values()
        )
        assert (number in value["front"]) is not beaten
    lines = (out / "trials.jsonl").read_text().splitlines()
    assert len(lines) == 1 + sum(trial["documents"] for trial in value["trials"])
    for name in ("front.png", "front.svg", "report.html", "search.json"):
        assert (out / name).stat().st_size > 1000
    assert {file.name for file in (out / "pages").iterdir()} == {f"style-{n:02d}.png" for n in value["front"]}
    report = (out / "report.html").read_text()
    assert all(sentence.split(":")[0] in report for sentence in value["says"]) and "http" not in report.replace(
        "http://www.w3.org", ""
    ).replace("http://purl.org", "").replace("http://creativecommons", "").replace("https://matplotlib.org", "")

    (out / "trials.jsonl").write_text("\n".join(lines[: len(lines) // 2]) + '\n{"trial": 3, "exa')
    again = redraft.search_styles(dataset, run, out, **settings)
    kept = ("number", "score", "interval", "tokens", "ratio", "documents", "failures")
    assert [[trial[name] for name in kept] for trial in again["trials"]] == [
        [trial[name] for name in kept] for trial in value["trials"]
    ]
    assert again["front"] == value["front"] and again["model"] == value["model"]
    with pytest.raises(OutputError, match="other settings"):
        redraft.search_styles(dataset, run, out, **{**settings, "seed": 5})


@pytest.mark.parametrize(
    "settings, fault",
    [
        ({"grid": {"font_size": [12]}, "split": "validation"}, "one style alone"),
        ({"grid": {"fond": [1, 2]}}, "style.fond"),
        ({"grid": {"page": ["640", "512"]}}, "is no size"),
        ({"split": "nowhere"}, "there is no split 'nowhere'"),
    ],
)
def test_a_search_that_cannot_be_is_said(
    run: Path, dataset: Path, tmp_path: Path, settings: dict[str, Any], fault: str
) -> None:
    with pytest.raises(RedraftError, match=fault):
        redraft.search_styles(dataset, run, tmp_path / "s", **settings)
    assert not (tmp_path / "s").exists()


def test_a_model_of_another_task_is_not_asked() -> None:
    with pytest.raises(UsageError, match="trained for another task"):
        Showing({"dialect": "compact", "grid": 64}, sight_of("tiny"), Silent())


def test_summaries_are_named_after_their_documents() -> None:
    assert summary_files(["a.txt", "b/a.pdf", "c.md", "C.pdf", "v1.2.txt"]) == [
        "a.summary.txt",
        "b/a.summary.txt",
        "c.md.summary.txt",
        "C.pdf.summary.txt",
        "v1.2.summary.txt",
    ]


def test_the_documents_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.txt", "a.MD", "deep/c.pdf", "a.summary.txt", "picture.png", ".hidden.txt", ".git/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    assert [str(path.relative_to(tmp_path)) for path in find_documents(tmp_path)] == [
        "a.MD",
        "b.txt",
        "deep/c.pdf",
    ]
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no document in this folder"):
        find_documents(empty)
