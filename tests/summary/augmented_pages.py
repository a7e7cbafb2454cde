"""Documents and how they are shown, for the tests of augmentation."""

from __future__ import annotations

import io
from typing import Any

import numpy
import PIL.Image
from numpy.typing import NDArray

from redraft.core.discovery import load_task
from redraft.core.example import Example, Image, message
from redraft.core.work import Silent
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.drawing import count_pages
from redraft.tasks.summary.options import complete
from redraft.tasks.summary.truth import truth_of

TINY = complete({"style": {"size": "tiny", "font_size": 11}})


def reports(count: int, options: dict[str, Any]) -> list[Example]:
    """Documents of the project's own, of some pages, without their pictures."""
    return list(load_task("summary").generate(count, 5, options, Silent()))


def document(text: str, options: dict[str, Any], id: str = "doc", **more: Any) -> Example:
    truth = truth_of(text, "A summary.", **more)
    return Example(id, (), conversation("A summary.", options, count_pages(truth, 0, options)), truth)


def photographed(width: int = 300, height: int = 400, id: str = "scan") -> Example:
    """An example whose only picture is a person's own: a red letter F on white."""
    pixels = numpy.full((height, width, 3), 255, numpy.uint8)
    for top, bottom, left, right in ((0.2, 0.8, 0.3, 0.4), (0.2, 0.28, 0.3, 0.7), (0.45, 0.53, 0.3, 0.6)):
        pixels[int(top * height) : int(bottom * height), int(left * width) : int(right * width)] = (200, 0, 0)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    question = message("user", "Summarize the document on these pages.", images=1)
    truth = {"text": "", "format": "text", "summary": "An F.", "pages": "given"}
    return Example(id, (Image("scan.png", file.getvalue()),), (question, message("assistant", "An F.")), truth)


def pixels_of(image: Image, mode: str = "L") -> NDArray[numpy.uint8]:
    return numpy.asarray(PIL.Image.open(io.BytesIO(image.bytes)).convert(mode))
