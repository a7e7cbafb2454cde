"""One example as rows of TinyLLaVA, ShareGPT or OpenAI conversations.

Sources: TinyLLaVA Factory's and LLaVA's data format (docs/Finetune_Custom_Data.md in haotian-liu/LLaVA: id, image,
conversations of from/value, `<image>` in the first question); LLaMA-Factory's data/README.md (sharegpt with a
column of images); OpenAI's chat format with image_url parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from redraft.core.example import Example, Image, Message, Part
from redraft.datasets.export.images import ImageFolder, data_uri, montage, view_name
from redraft.datasets.placeholders import text_of

Layout = Literal["view", "montage", "part"]
Row = dict[str, Any]
Rows = Callable[[Example, str, ImageFolder], Iterator[Row]]
"""The rows of an example of a split; its images go into the folder."""


Montage = Callable[[Sequence[Image], str], Image]
"""All images of an example, in their order, on one; and what to name in an error."""


def tinyllava(layout: Layout, sheet: Montage = montage) -> Rows:
    """view: one conversation an image, which says which one it is. montage: one image of all. part: one
    conversation with a list of images, which TinyLLaVA Factory itself does not read and LLaVA-NeXT does."""
    if layout == "montage":
        return _one_montage(sheet)
    return _one_part if layout == "part" else _one_view_each


def sharegpt(example: Example, split: str, folder: ImageFolder) -> Iterator[Row]:
    names = [f"{folder.root.name}/{folder.write(split, example.id, image)}" for image in example.images]
    row: Row = {"id": example.id, "conversations": _turns(_without_system(example.messages))}
    system = _system(example.messages)
    yield row | ({"system": system} if system else {}) | ({"images": names} if names else {})


def openai(embed: bool) -> Rows:
    """embed: images as data URIs in the rows; else as paths relative to the folder of the JSON Lines file."""

    def rows(example: Example, split: str, folder: ImageFolder) -> Iterator[Row]:
        images = iter(example.images)
        messages: list[Row] = []
        for message in example.messages:
            if message.role == "assistant" or not message.image_count:
                messages.append({"role": message.role, "content": message.text})
                continue
            content: list[Row] = []
            for part in message.content:
                if part.type == "text":
                    content.append({"type": "text", "text": part.text or ""})
                    continue
                image = next(images)
                url = data_uri(image) if embed else f"{folder.root.name}/{folder.write(split, example.id, image)}"
                content.append({"type": "image_url", "image_url": {"url": url}})
            messages.append({"role": message.role, "content": content})
        yield {"id": example.id, "messages": messages}

    return rows


def _one_view_each(example: Example, split: str, folder: ImageFolder) -> Iterator[Row]:
    if not example.images:
        yield {"id": example.id, "conversations": _turns(_folded(example.messages))}
        return
    for index, image in enumerate(example.images):
        messages = _about_one_view(example.messages, image, index, len(example.images))
        name = folder.write(split, example.id, image)
        yield {"id": _view_id(example, image), "image": name, "conversations": _turns(messages)}


def _view_id(example: Example, image: Image) -> str:
    return example.id if len(example.images) == 1 else f"{example.id}-{view_name(image)}"


def _one_montage(sheet: Montage) -> Rows:
    def rows(example: Example, split: str, folder: ImageFolder) -> Iterator[Row]:
        messages = _folded(example.messages)
        if not example.images:
            yield {"id": example.id, "conversations": _turns(messages)}
            return
        name = folder.write(split, example.id, sheet(example.images, example.id))
        yield {"id": example.id, "image": name, "conversations": _turns(_first_place_only(messages))}

    return rows


def _one_part(example: Example, split: str, folder: ImageFolder) -> Iterator[Row]:
    row: Row = {"id": example.id, "conversations": _turns(_folded(example.messages))}
    names = [folder.write(split, example.id, image) for image in example.images]
    yield row | ({"image": names} if names else {})


def _about_one_view(messages: tuple[Message, ...], image: Image, index: int, count: int) -> tuple[Message, ...]:
    """The conversation with one image out of several, and a sentence before the question that names it."""
    if count == 1:
        return _folded(messages)
    told = f"This image is the {view_name(image)} view ({index + 1} of {count})."
    kept = _first_place_only(_folded(messages))
    first = kept[0]
    content = (Part("image"), Part("text", f"{told}\n"), *(p for p in first.content if p.type == "text"))
    return (Message("user", content), *kept[1:])


def _first_place_only(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """All image places replaced by one, before the first question."""
    texts = [Message(m.role, tuple(p for p in m.content if p.type == "text")) for m in messages]
    return (Message(texts[0].role, (Part("image"), *texts[0].content)), *texts[1:])


def _folded(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """System messages go before the first question, since these conversations have no such role."""
    system, rest = _system(messages), _without_system(messages)
    if not system or not rest:
        return rest
    places = [p for p in rest[0].content if p.type == "image"]
    texts = [p for p in rest[0].content if p.type == "text"]
    return (Message(rest[0].role, (*places, Part("text", f"{system}\n"), *texts)), *rest[1:])


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(m for m in messages if m.role != "system")


def _system(messages: tuple[Message, ...]) -> str:
    return "\n".join(m.text for m in messages if m.role == "system")


def _turns(messages: tuple[Message, ...]) -> list[Row]:
    names = {"user": "human", "assistant": "gpt", "system": "system"}
    return [{"from": names[m.role], "value": text_of(m)} for m in messages]
