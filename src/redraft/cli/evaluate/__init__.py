"""`redraft evaluate`: how good a model's answers are on a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from redraft.core.errors import UsageError

MEASURE = typer.Option(
    None, "--measure", help="A further measure of the task: NAME or NAME=SETTING. Can be repeated."
)


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def evaluate(
        checkpoint: str = typer.Argument(
            help="A checkpoint, a run, a model folder, or a model on a server: http://host:port/v1#model."
        ),
        dataset: str = typer.Argument(help="A dataset folder."),
        split: str = typer.Option("test", "--split", help="Which of its splits."),
        limit: int = typer.Option(None, "--limit", min=1, help="Only so many examples, evenly over the split."),
        samples: int = typer.Option(
            1, "--samples", min=1, max=64, help="Answers an example; the best of them is reported apart."
        ),
        against: str = typer.Option(
            None,
            "--against",
            help="Another model on the same examples, 'untrained' (what this one was before), or 'none'.",
        ),
        text: bool = typer.Option(
            False,
            "--text",
            help="Also let the model read the text itself: whole, and cut to as many tokens as its pictures cost.",
        ),
        measure: list[str] = MEASURE,
        judge: str = typer.Option(
            None, "--judge", help="Short for --measure judge=...: a model on a server, http://host:port/v1#model."
        ),
        out: str = typer.Option(
            None,
            "--out",
            help="A new folder for answers and figures; inside RUN/evaluations it joins the report.",
        ),
        keep_samples: int = typer.Option(4, "--keep-samples", min=1, help="Examples kept with pictures in --out."),
        batch_size: int = typer.Option(None, "--batch-size", min=1, help="Answers at once."),
        max_new_tokens: int = typer.Option(None, "--max-new-tokens", min=1, help="The longest answer."),
        temperature: float = typer.Option(0.7, "--temperature", min=0.01, help="Of all answers but the first."),
        seed: int = typer.Option(0, "--seed", help="Of the drawn answers, the intervals and the shuffling."),
        device: str = typer.Option("auto", "--device", help="auto, cpu, cuda or mps."),
        task: str = typer.Option(None, "--task", help="Only for a dataset without a manifest."),
        json: bool = typer.Option(False, "--json", help="Print one JSON document and nothing else."),
    ) -> None:
        """Let a model answer a dataset's questions and score the answers."""
        if not Path(dataset).is_dir():
            raise UsageError("there is no such dataset", where=dataset, remedy="Give a dataset folder")
        request = {
            "checkpoint": _place(checkpoint),
            "dataset": str(Path(dataset).resolve()),
            "split": split,
            "limit": limit,
            "samples": samples,
            "against": _place(against) if against and against not in ("untrained", "none") else against,
            "text": text,
            "measures": [*map(_measure, measure or ()), *([f"judge={judge}"] if judge else [])],
            "out": str(Path(out).absolute()) if out else None,
            "keep_samples": keep_samples,
            "batch_size": batch_size,
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "seed": seed,
            "device": device,
            "task": task,
        }
        from redraft.cli.evaluate.screen import show_evaluation

        run("evaluate", request, as_json=json, show=show_evaluation)


def _place(name: str) -> str:
    """A model's name with its path made absolute; servers and "default" stay as they are."""
    if name == "default" or name.startswith(("http://", "https://")):
        return name
    path = Path(name).expanduser()
    if not path.exists():
        raise UsageError(
            "there is no such model", where=name, remedy="Give a checkpoint, a run, a model folder, or a server"
        )
    return str(path.resolve())


def _measure(text: str) -> str:
    """A measure with the folder that its setting names made absolute: "bertscore=FOLDER@9"."""
    name, equals, setting = text.partition("=")
    folder, at, rest = setting.partition("@")
    if folder and Path(folder).expanduser().exists():
        setting = f"{Path(folder).expanduser().resolve()}{at}{rest}"
    return f"{name}{equals}{setting}"
