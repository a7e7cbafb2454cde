"""Draws the images of examples that are kept without them, one at a time or several at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from redraft.core.errors import InputError
from redraft.core.example import Example, Image
from redraft.core.offers import DrawsElsewhere, offers
from redraft.core.task import Task
from redraft.datasets.drawers import DrawerLost, shared_drawers
from redraft.datasets.manifest import Manifest


class Drawing:
    """The example with its images, drawn by its task; a class, so that it can be sent to another process."""

    def __init__(self, task: Task, options: Mapping[str, Any]) -> None:
        self._task, self._options = task, dict(options)

    def for_keeping(self) -> Drawing:
        """The same pictures as a dataset keeps them: a task may pack them smaller then, with more work."""
        kept = {"keep_images": True} if "keep_images" in self._options else {}
        return Drawing(self._task, {**self._options, **kept})

    def __call__(self, example: Example) -> Example:
        if example.images:
            return example
        return self._with(example, self._task.draw(example.truth, example.seed, self._options))

    def elsewhere(self, example: Example) -> Example:
        """As a call of it, but in another process where the task wants it so (`core.offers.DrawsElsewhere`)."""
        if example.images or not self.draws_elsewhere:
            return self(example)
        try:
            images = shared_drawers(self._task.name, self._options).draw(example.truth, example.seed)
        except DrawerLost:
            return self(example)
        return self._with(example, images)

    @property
    def draws_elsewhere(self) -> bool:
        return offers(self._task, DrawsElsewhere) is not None and (os.cpu_count() or 1) > 1

    def _with(self, example: Example, images: tuple[Image, ...]) -> Example:
        places = sum(turn.image_count for turn in example.messages)
        if len(images) != places:
            raise InputError(
                f"it is drawn as {len(images)} images here, and was as {places} when its dataset was made",
                where=example.id,
                remedy="Fonts or libraries differ (`redraft data check` says which): make the dataset again, or "
                "take one with its images in it (data export --materialise)",
            )
        return example.with_images(images)


def own_pictures(example: Example) -> bool:
    """Whether its images are a person's own (its truth says so), which no drawing replaces."""
    return "given" in (example.truth.get("pages"), example.truth.get("views"))


def version_changes(manifest: Manifest, task: Task | None) -> tuple[str, ...]:
    """What draws in other versions here than when the dataset was made, a few words each; empty where its images
    are stored. Our own version does not count: the task's revision tells when it draws otherwise."""
    if manifest.images == "stored" or task is None or task.name != manifest.task:
        return ()
    here = task.versions()
    return tuple(
        f"{name} {there}, here {here.get(name, 'none')}"
        for name, there in sorted(manifest.versions.items())
        if name != "redraft" and here.get(name) != there
    )


def say_changes(changes: tuple[str, ...]) -> str:
    return "its images may be drawn otherwise than when the dataset was made: " + "; ".join(changes)


def drawing(folder: Path, manifest: Manifest, task: Task | None) -> Drawing | None:
    """How the images of a dataset are drawn; None where they are stored, or where no task is at hand.

    A task that would draw others than the dataset was made with is an InputError.
    """
    if manifest.images == "stored" or task is None:
        return None
    if (task.name, task.revision) != (manifest.task, manifest.revision):
        raise InputError(
            f"this dataset keeps no images and was made by {manifest.task} revision {manifest.revision}; "
            f"here is {task.name} revision {task.revision}, which would draw others",
            where=str(folder),
            remedy="Make the dataset again, or write its images with the version that made it: data export "
            "--materialise",
        )
    return Drawing(task, manifest.options)


def draw_ahead(draw: Drawing, examples: Iterable[Example], many: bool = True) -> Iterator[Example]:
    """The examples in their order with their images, drawn on all cores. many: worth processes of their own."""
    return ahead(draw.elsewhere if many else draw, examples)


T = TypeVar("T")
R = TypeVar("R")


def ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """function of every item, in order, on all cores: two more than there are cores wait ready.

    Tasks draw in other processes or in libraries that let go of the interpreter, so threads serve here; for one
    that does neither, `Drawing.elsewhere` has processes.
    """
    cores = os.cpu_count() or 1
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(cores, thread_name_prefix="draw") as threads:
        try:
            for item in items:
                waiting.append(threads.submit(function, item))
                if len(waiting) > cores + 2:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
