"""An answer as its three views, to stand beside the views that it answers."""

from __future__ import annotations

from redraft.core.errors import Refusal
from redraft.core.example import Example, Image
from redraft.tasks.cad import options as cad_options
from redraft.tasks.cad.answers import put_to_size, read_answer
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.program.codec import to_data
from redraft.tasks.cad.truth import images_of


def illustrate(answer: str, example: Example) -> tuple[Image, ...]:
    """The views of the solid that an answer builds, in the default style and at the true part's size.

    Empty where the answer builds no solid; its score says why.
    """
    try:
        read = read_answer(answer)
    except Refusal:
        return ()
    pool, options = shared_pool(), cad_options.complete({})
    measured = pool.call("measure", {"program": to_data(read.program)})
    if not measured.ok or not measured.value["valid"]:
        return ()
    try:
        program = put_to_size(read, measured.value, max(example.truth["size_mm"]))
    except Refusal:
        return ()
    drawn = pool.call("views", {"program": to_data(program), "style": options["style"], "exact": options["exact"]})
    return images_of(drawn.value) if drawn.ok else ()
