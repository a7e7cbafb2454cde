"""`data show`: one example as it lies in its dataset, and as a model would see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.core.atomic import new_folder, output_error, write_json
from redraft.core.discovery import load_task
from redraft.core.errors import RedraftError
from redraft.core.example import Example
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.datasets.check import estimate_tokens
from redraft.datasets.images import image_fault, size_of
from redraft.datasets.manifest import read_manifest
from redraft.datasets.reader import Dataset
from redraft.worker.hub_dataset import tell


def show(request: Request, work: Work) -> Result:
    """request: dataset, id, out (a new folder for its pictures, truth and messages), model."""
    manifest = read_manifest(request["dataset"])
    drawn = manifest is not None and manifest.images == "drawn"
    dataset = Dataset.open(
        request["dataset"], load_task(manifest.task) if manifest is not None and drawn else None
    )
    tell(dataset, work)
    split, index = dataset.find(request["id"])
    example = split[index]
    value: dict[str, Any] = {
        "id": example.id,
        "split": split.name,
        "index": index,
        "seed": example.seed,
        "images": [_image(image) for image in example.images],
        "messages": [message.as_data() for message in example.messages],
        "answer_tokens_estimated": estimate_tokens(example.answer),
        "truth": dict(example.truth),
    }
    if request.get("model"):
        from redraft.worker.verbs.data_tokens import describe_tokens

        value["model"] = describe_tokens(request["model"], example)
    if request.get("out"):
        value["files"] = _write(example, value, Path(request["out"]))
    return Result(value)


def _image(image: Any) -> dict[str, Any]:
    size = size_of(image)
    fault = image_fault(image)
    return {
        "path": image.path,
        "bytes": len(image.bytes),
        "size": list(size) if size else None,
        **({"fault": fault[2]} if fault else {}),
    }


def _write(example: Example, value: dict[str, Any], out: Path) -> list[str]:
    """The pictures under their own names, and example.json with everything else."""
    with new_folder(out) as folder:
        try:
            for index, image in enumerate(example.images):
                name = Path(image.path).name or str(index)
                (folder / name).write_bytes(image.bytes)
            (folder / "answer.txt").write_text(example.answer + "\n", encoding="utf-8")
        except (OSError, ValueError) as error:
            if isinstance(error, OSError):
                raise output_error(out, error) from error
            raise RedraftError(f"a picture's name cannot be a file's ({error})", where=example.id) from None
        write_json(folder / "example.json", value)
        names = sorted(path.name for path in folder.iterdir())
    return [str(out / name) for name in names]
