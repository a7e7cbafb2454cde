"""The main job of the task cad, as the commands a user would type. Light: it only names them.

Sizes follow the minutes given: training gets what making and checking the parts leaves, but for a reserve.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from redraft.core.atomic import write_text
from redraft.core.demo import Step, Steps

SEED = 1
VALIDATION = 64
LONG = 9.0
"""Minutes from which on the test split has its full size."""
TEST = 200
PARTS_A_MINUTE = 550
"""Training parts for each minute of the demonstration: making and checking them takes a quarter of its time."""
GRID = 64
"""Steps of the answers' grid: simple parts lie on it, and half as many numbers are to be told apart as on 128."""
STARTS, REST = 0.4, 1.8
"""Minutes kept back from training: for starting processes, and (of a long demonstration) for reading the pictures,
evaluating and reconstructing on two slow cores."""
HELD_OUT = f"part-{SEED}-000000"
"""The first part of the test split: whatever it is, nobody chose it."""


def steps(out: Path, minutes: float) -> Steps:
    """Yields the steps; returns the closing lines."""
    parts, run, held_out = out / "parts", out / "run", out / "held-out"
    solid = out / "reconstructed" / "part.step"
    started = time.monotonic()
    share = min(minutes / LONG, 1.0)
    test = round(TEST * share)
    yield Step(
        "parts",
        "Make parts, each proved a valid solid, and draw their three views",
        ("data", "generate", "cad", str(parts), "--count", str(int(PARTS_A_MINUTE * minutes)), "--validation",
         str(VALIDATION), "--test", str(test), "--seed", str(SEED), "--option", "level=simple",
         "--option", f"grid={GRID}", "--json"),
        makes=parts,
        told=lambda v: f"{v['examples']:,} parts and {3 * v['examples']:,} pictures in {v['seconds']:.0f} s, "
        f"{v['bytes'] / 1e6:.0f} MB",
    )  # fmt: skip
    yield Step(
        "check",
        "Check every example: pictures, answers, solids, duplicates",
        ("data", "check", str(parts), "--json"),
        makes=out / "no-such-file",
        told=lambda v: f"{v['examples']:,} examples, {v['errors']} errors, {v['warnings']} warnings",
        findings=frozenset({1}),
    )
    yield Step(
        "export",
        "Export TinyLLaVA conversations, for other trainers",
        ("data", "export", str(parts), str(out / "tinyllava"), "--format", "tinyllava", "--json"),
        makes=out / "tinyllava",
        told=lambda v: f"{sum(v['conversations'].values()):,} conversations in {v['seconds']:.0f} s",
    )
    spent = (time.monotonic() - started) / 60
    recipe = _recipe(out, parts, max(minutes - spent - STARTS - REST * share, minutes / 3))
    yield Step(
        "train",
        "Train the small model from nothing",
        ("train", str(recipe), "--out", str(run), "--json"),
        makes=run,
        resume=("train", "--resume", str(run), "--json"),
        told=lambda v: f"{v['steps']:,} steps, loss {v['train_loss']:.2f}",
    )
    scored = yield Step(
        "evaluate",
        f"Score its answers on {test} parts it has not seen, beside the untrained model's",
        ("evaluate", str(run), str(parts), "--split", "test", "--against", "untrained",
         "--out", str(run / "evaluations" / "test"), "--json"),
        makes=run / "evaluations" / "test",
        told=lambda v: v["says"][0],
    )  # fmt: skip
    yield Step(
        "held-out",
        "Take the three pictures of a part it has not seen",
        ("data", "show", str(parts), HELD_OUT, "--out", str(held_out), "--json"),
        makes=held_out,
        told=lambda v: f"{HELD_OUT}, the first of the test split",
    )
    yield Step(
        "reconstruct",
        "Turn them back into a part",
        ("reconstruct", str(held_out / "front.png"), str(held_out / "top.png"), str(held_out / "right.png"),
         "-o", str(solid), "--model", str(run), "--json"),
        makes=solid.parent,
        told=_solid,
        findings=frozenset({1}),
    )  # fmt: skip
    return _closing(out, run, solid, scored)


def _recipe(out: Path, parts: Path, minutes: float) -> Path:
    """The demonstration's recipe with its dataset and its minutes of training; one that is there is kept."""
    recipe = out / "recipe.yaml"
    if not recipe.exists():
        text = (Path(__file__).parent / "demo.yaml").read_text(encoding="utf-8")
        text = text.replace("DATASET", str(parts.absolute())).replace("MINUTES", f"{minutes:.2f}")
        write_text(recipe, text)
    return recipe


def _solid(value: dict[str, Any]) -> str:
    if not value["valid"]:
        return f"no valid solid: {value['reason']}, {value['detail']}"
    x, y, z = value["bbox_mm"]
    agreement = ", ".join(f"{view} {share:.0%}" for view, share in (value["agreement"] or {}).items())
    return f"a valid solid of {x:g} x {y:g} x {z:g} mm; its own views agree with the pictures: {agreement}"


def _closing(out: Path, run: Path, solid: Path, scored: dict[str, Any]) -> list[str]:
    pictures = ", ".join(f"{view}.png" for view in ("front", "top", "right"))
    return [
        "",
        *scored["says"],
        "So small a model, trained so briefly, knows simple parts alone, and misreads details: see the report.",
        "",
        f"report     {run / 'report.html'}",
        f"pictures   {out / 'held-out'}: {pictures}",
        f"solid      {solid}, its program in five dialects and its drawing beside it",
        f"model      {run}: try it on pictures of your own with `redraft reconstruct ... --model {run}`",
    ]
