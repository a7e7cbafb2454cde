"""`redraft data ...`: make, import, mix, check, show, export and push datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from redraft.core.errors import UsageError

Run = Callable[..., None]
AS_JSON = typer.Option(False, "--json", help="Print one JSON document and nothing else.")
DATASET = typer.Argument(help="A dataset folder.")
INGREDIENTS = typer.Argument(
    metavar="DATASET[=WEIGHT]...", help="Dataset folders of one task; weights are shares of the training split."
)
OUT = typer.Argument(help="The new folder; it must not exist, or be empty.")
OPTION = typer.Option(
    None, "--option", "-o", metavar="KEY=VALUE", help="An option of the task, read as YAML; repeat it for more."
)
COLUMN = typer.Option(
    None, "--column", metavar="OURS=THEIRS", help="huggingface, documents: where a column of ours is found."
)
NO_IMAGES = typer.Option(False, "--no-images", help="Keep no images: they are drawn again whenever they are read.")
LICENCE = typer.Option(None, "--licence", help="Whose rights the content is under, for the dataset card.")


def register(app: typer.Typer, run: Run) -> None:
    """Adds the group `data`."""
    data = typer.Typer(help="Make, import, mix, check, show, export and push datasets.", no_args_is_help=True)
    for command in (_generate, _import, _mix, _check, _show, _export, _push):
        command(data, run)
    app.add_typer(data, name="data")


def _generate(app: typer.Typer, run: Run) -> None:
    @app.command()
    def generate(
        task: str = typer.Argument(help="The task whose examples to make, such as cad."),
        out: str = OUT,
        count: int = typer.Option(..., "--count", "-n", min=0, help="Training examples."),
        validation: int = typer.Option(0, "--validation", min=0, help="Validation examples, besides."),
        test: int = typer.Option(0, "--test", min=0, help="Test examples, besides."),
        seed: int = typer.Option(0, "--seed", help="The same seed makes the same dataset."),
        option: list[str] = OPTION,
        no_images: bool = NO_IMAGES,
        licence: str = LICENCE,
        spread: str = typer.Option(None, "--spread", help="ray: draw on all nodes of a Ray cluster."),
        json: bool = AS_JSON,
    ) -> None:
        """Make examples with a task's seeded generator."""
        from redraft.cli.data.screen import show_made
        from redraft.core.discovery import task_folders

        if task not in task_folders():
            raise UsageError(f"there is no task '{task}'", remedy=f"Choose one of: {', '.join(task_folders())}")
        request = {
            "task": task,
            "out": _new(out),
            "count": count,
            "validation": validation,
            "test": test,
            "seed": seed,
            "options": _options(option),
            "images": not no_images,
            "licence": licence,
            "spread": spread,
        }
        run("data.generate", request, as_json=json, show=show_made)


def _import(app: typer.Typer, run: Run) -> None:
    @app.command("import")
    def import_(
        importer: str = typer.Argument(
            metavar="NAME",
            help="deepcad, openecad, programs, documents, tinyllava, huggingface, or another task's own.",
        ),
        source: str = typer.Argument(
            help="The files: a folder, a file, or hf:<repo> where the importer takes it."
        ),
        out: str = OUT,
        task: str = typer.Option(
            None, "--task", help="The task the examples are for, where several could be meant."
        ),
        train: int = typer.Option(
            None, "--train", min=0, help="Training examples; each importer has its default."
        ),
        validation: int = typer.Option(None, "--validation", min=0, help="Validation examples."),
        test: int = typer.Option(None, "--test", min=0, help="Test examples."),
        split_file: str = typer.Option(
            None, "--split-file", help="JSON of split to ids, as DeepCAD publishes it."
        ),
        seed: int = typer.Option(0, "--seed", help="Decides which examples are taken."),
        column: list[str] = COLUMN,
        image_folder: str = typer.Option(
            None, "--image-folder", help="tinyllava: what image names are relative to."
        ),
        name: str = typer.Option(None, "--name", help="huggingface: a configuration of the repository."),
        option: list[str] = OPTION,
        no_images: bool = NO_IMAGES,
        licence: str = LICENCE,
        json: bool = AS_JSON,
    ) -> None:
        """Turn somebody's files into a dataset; what does not fit is left out and listed with its reason."""
        from redraft.cli.data.screen import show_made

        request = {
            "importer": importer,
            "source": source if source.startswith("hf:") else _there(source),
            "out": _new(out),
            "task": task,
            "train": train,
            "validation": validation,
            "test": test,
            "split_file": _there(split_file) if split_file else None,
            "seed": seed,
            "columns": _pairs(column, "column"),
            "image_folder": _there(image_folder) if image_folder else None,
            "name": name,
            "options": _options(option),
            "images": not no_images,
            "licence": licence,
        }
        run("data.import", request, as_json=json, show=show_made)


def _mix(app: typer.Typer, run: Run) -> None:
    @app.command()
    def mix(
        out: str = OUT,
        datasets: list[str] = INGREDIENTS,
        count: int = typer.Option(
            None, "--count", "-n", min=1, help="Training examples; as many as the weights allow, if not given."
        ),
        seed: int = typer.Option(0, "--seed", help="Decides which examples are taken."),
        option: list[str] = OPTION,
        no_images: bool = NO_IMAGES,
        json: bool = AS_JSON,
    ) -> None:
        """Mix datasets by weight, each example once; held-out splits are joined whole, and the rights kept."""
        from redraft.cli.data.screen import show_made

        request = {
            "out": _new(out),
            "parts": [_weighted(text) for text in datasets],
            "count": count,
            "seed": seed,
            "options": _options(option),
            "images": not no_images,
        }
        run("data.mix", request, as_json=json, show=show_made)


def _weighted(text: str) -> dict[str, Any]:
    path, equals, number = text.rpartition("=")
    if not equals or Path(text).exists():
        return {"dataset": _there(text), "weight": None}
    try:
        weight = float(number)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < float("inf"):
        raise UsageError(f"the weight '{number}' is no number from 0 up", where=path, remedy="Write DATASET=2.5")
    return {"dataset": _there(path), "weight": weight}


def _check(app: typer.Typer, run: Run) -> None:
    @app.command()
    def check(
        dataset: str = DATASET,
        max_tokens: int = typer.Option(None, "--max-tokens", min=1, help="A longer answer is an error."),
        model: str = typer.Option(None, "--model", help="Count tokens as this model does, images included."),
        task: str = typer.Option(None, "--task", help="For a folder without a manifest: whose checks to add."),
        json: bool = AS_JSON,
    ) -> None:
        """Find every fault, with id, severity and reason. Exit code 1 where one is an error."""
        from redraft.cli.data.screen import show_faults

        request = {"dataset": _there(dataset), "max_tokens": max_tokens, "model": _model(model), "task": task}
        run("data.check", request, as_json=json, show=show_faults)


def _show(app: typer.Typer, run: Run) -> None:
    @app.command()
    def show(
        dataset: str = DATASET,
        id: str = typer.Argument(help="The example's id."),
        out: str = typer.Option(None, "--out", help="A new folder for its pictures and everything about it."),
        model: str = typer.Option(None, "--model", help="Also its tokens (trained or not), shapes and loss."),
        json: bool = AS_JSON,
    ) -> None:
        """Show one example as it is stored, and as a model would see it."""
        from redraft.cli.data.screen import show_example

        request = {
            "dataset": _there(dataset),
            "id": id,
            "out": _new(out) if out else None,
            "model": _model(model),
        }
        run("data.show", request, as_json=json, show=show_example)


def _export(app: typer.Typer, run: Run) -> None:
    @app.command()
    def export(
        dataset: str = DATASET,
        out: str = OUT,
        format: str = typer.Option(None, "--format", "-f", help="tinyllava, sharegpt or openai."),
        layout: str = typer.Option(
            "view", "--layout", help="tinyllava: one conversation a view, one with a montage, or one a part."
        ),
        embed: bool = typer.Option(False, "--embed", help="openai: images inside the rows, as data URIs."),
        materialise: bool = typer.Option(
            False, "--materialise", help="Write the dataset itself again, with all its images."
        ),
        json: bool = AS_JSON,
    ) -> None:
        """Write a dataset in another format: conversations and a folder of images."""
        from redraft.cli.data.screen import show_export

        if (format is None) == (not materialise):
            raise UsageError(
                "give either a format or --materialise", remedy="Add --format tinyllava, sharegpt or openai"
            )
        if embed and format != "openai":
            raise UsageError("--embed belongs to the format openai", remedy="Leave it out")
        request = {
            "dataset": _there(dataset),
            "out": _new(out),
            "format": format,
            "layout": layout,
            "embed": embed,
            "materialise": materialise,
        }
        run("data.export", request, as_json=json, show=show_export)


def _push(app: typer.Typer, run: Run) -> None:
    @app.command()
    def push(
        dataset: str = DATASET,
        repo: str = typer.Argument(help="<owner>/<name> on the Hugging Face hub."),
        public: bool = typer.Option(False, "--public", help="Make a new repository public; private otherwise."),
        message: str = typer.Option(None, "--message", "-m", help="The commit's message."),
        json: bool = AS_JSON,
    ) -> None:
        """Upload a dataset to the Hugging Face hub."""
        from redraft.cli.data.screen import show_push

        request = {"dataset": _there(dataset), "repo": repo, "public": public, "message": message}
        run("data.push", request, as_json=json, show=show_push)


def _there(path: str) -> str:
    if not Path(path).exists():
        raise UsageError("there is no such file or folder", where=path, remedy="Check the path")
    return str(Path(path).absolute())


def _new(path: str) -> str:
    return str(Path(path).absolute())


def _model(name: str | None) -> str | None:
    return str(Path(name).absolute()) if name and Path(name).exists() else name


def _options(given: list[str] | None) -> dict[str, Any]:
    """key=value pairs with YAML values; dotted keys make nested options ("style.size=256")."""
    import yaml

    options: dict[str, Any] = {}
    for key, text in _pairs(given, "option").items():
        node = options
        *parents, last = key.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise UsageError(f"option {key}: {parent} has a value already", remedy="Give it once")
        try:
            node[last] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UsageError(
                f"the value of '{key}' cannot be read", remedy="Quote it as YAML would want it"
            ) from None
    return options


def _pairs(given: list[str] | None, what: str) -> dict[str, str]:
    pairs = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"'{text}' is no {what}", remedy=f"Write --{what} key=value")
        pairs[key] = value
    return pairs
