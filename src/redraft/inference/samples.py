"""The samples of an evaluation on disk: pictures, true answers and given ones, for the report and for people.

<folder>/evaluation.json   the figures
<folder>/answers.jsonl     every answer with its score, one example a line
<folder>/samples.json      the chosen examples: {"step", "samples": [...]}, paths relative to the folder
<folder>/<nn>/*.png        their images, and the answer drawn again where the task draws answers
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redraft.core.atomic import write_bytes, write_json, write_text
from redraft.core.errors import RedraftError
from redraft.core.example import Example, Image
from redraft.core.offers import MarksAnswers, offers
from redraft.core.task import Task

if TYPE_CHECKING:
    from redraft.inference.judged import Judged


def write_samples(
    folder: Path,
    task: Task,
    examples: Sequence[Example],
    judged: Judged,
    baseline: Judged | None,
    result: dict[str, Any],
    keep: int,
    before: Path | None,
    beside: Sequence[Judged] = (),
) -> None:
    """Writes the four things above. An earlier content of the same names is replaced.

    keep examples are shown, from the best score to the worst in even steps. A task may offer
    `illustrate(answer, example) -> tuple[Image, ...]`, which draws an answer; it returns no image where the answer
    shows nothing, and the marks of `core.offers.MarksAnswers`. baseline, or else the answers kept in before, gives
    each sample its "before"; beside: others that answered the same examples.
    """
    earlier = _earlier(baseline, before, examples)
    rows = []
    for number, (rank, index) in enumerate(chosen([score.value for score in judged.first], keep), start=1):
        example, name = examples[index], f"{number:02d}"
        row: dict[str, Any] = {
            "id": example.id,
            "rank": rank + 1,
            "of": len(examples),
            "images": _write(folder, name, "", example.images),
            "true_answer": example.answer,
            **_answer_row(judged, index),
        }
        row["draws"] = getattr(task, "illustrate", None) is not None
        row["marks"] = _marks(task, row["answer"], example)
        row["drawn"] = _write(folder, name, "answer-", _draw(task, row["answer"], example))
        if example.id in earlier:
            old = earlier[example.id]
            drawn = _write(folder, name, "before-", _draw(task, old["answer"], example))
            row["before"] = {**old, "drawn": drawn, "marks": _marks(task, old["answer"], example)}
        if beside:
            row["beside"] = [{"name": other.name, **_answer_row(other, index)} for other in beside]
        rows.append(row)
    lines = [
        json.dumps({"id": example.id, **_answer_row(judged, index), **_others(beside, index)}, ensure_ascii=False)
        for index, example in enumerate(examples)
    ]
    write_text(folder / "answers.jsonl", "".join(line + "\n" for line in lines))
    write_json(folder / "samples.json", {"step": result["step"], "model": result["model"], "samples": rows})
    write_json(folder / "evaluation.json", result)


def chosen(values: Sequence[float], keep: int) -> list[tuple[int, int]]:
    """(rank, index) of keep values in even steps from the best (rank 0) to the worst; ties by their order."""
    order = sorted(range(len(values)), key=lambda index: -values[index])
    keep = min(keep, len(order))
    ranks = [0] if keep == 1 else [round(i * (len(order) - 1) / (keep - 1)) for i in range(keep)]
    return [(rank, order[rank]) for rank in ranks]


def _answer_row(judged: Judged, index: int) -> dict[str, Any]:
    answer, score = judged.answers[index][0], judged.scores[index][0]
    row = {
        "answer": answer.text,
        "score": score.as_data(),
        "finish": answer.finish,
        "tokens": answer.tokens,
        "logprob": answer.logprob,
    }
    if len(judged.answers[index]) > 1:
        row["others"] = [
            {"answer": other.text, "score": judged.scores[index][k].as_data()}
            for k, other in enumerate(judged.answers[index][1:], start=1)
        ]
    return row


def _others(beside: Sequence[Judged], index: int) -> dict[str, Any]:
    """What else answered this example, by name."""
    rows = {other.name: _answer_row(other, index) for other in beside}
    return {"beside": {n: {"answer": r["answer"], "score": r["score"]} for n, r in rows.items()}} if rows else {}


def _marks(task: Task, answer: str, example: Example) -> list[list[Any]]:
    offered = offers(task, MarksAnswers)
    return [[mark.start, mark.end, mark.note] for mark in offered.marks(answer, example)] if offered else []


def _earlier(baseline: Judged | None, before: Path | None, examples: Sequence[Example]) -> dict[str, Any]:
    """Example id to the answer and score given before; empty where there are none."""
    if baseline is not None:
        return {
            example.id: {"model": baseline.name, **_answer_row(baseline, index)}
            for index, example in enumerate(examples)
        }
    path = before / "answers.jsonl" if before else None
    if path is None or not path.is_file():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    about = json.loads(path.with_name("samples.json").read_text(encoding="utf-8"))
    return {row.pop("id"): {"model": about["model"], "step": about["step"], **row} for row in rows}


def _draw(task: Task, answer: str, example: Example) -> tuple[Image, ...]:
    illustrate = getattr(task, "illustrate", None)
    if illustrate is None:
        return ()
    try:
        images: tuple[Image, ...] = illustrate(answer, example)
    except RedraftError:
        return ()  # the score's reason says what is wrong with the answer; a picture of it does not exist
    return images


def _write(folder: Path, name: str, prefix: str, images: Sequence[Image]) -> list[str]:
    paths = []
    for number, image in enumerate(images, start=1):
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", image.path.replace("\\", "/").rpartition("/")[2])
        path = Path(name) / f"{number}-{prefix}{safe or 'image.png'}"
        write_bytes(folder / path, image.bytes)
        paths.append(path.as_posix())
    return paths
