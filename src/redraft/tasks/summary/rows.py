"""A row of a table (a text or pictures, a summary, and what else is known) as an example of this task."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from redraft.core.errors import InputError
from redraft.core.example import Example, Image
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.truth import FORMATS, page_name, truth_of

LONGEST_SUMMARY = 100_000
"""Characters. What is longer is no summary, but a text in the wrong column."""
MAX_PICTURE = 64 << 20
"""Bytes of one given picture."""
SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif", b"II*\0": ".tif"} | {
    b"MM\0*": ".tif",
    b"BM": ".bmp",
}
"""First bytes of a picture file to its suffix."""
SOURCE = {"dataset": "source_dataset", "original_split": "original_split", "original_index": "original_index"} | {
    "licence": "licence",
    "file": "file",
}
"""What a truth's `source` holds, and the row's column it comes from."""


def example_of(row: Mapping[str, Any], id: str, options: Mapping[str, Any]) -> Example:
    """The example; its pages are counted, and drawn by whoever reads it.

    row, by our columns' names: text (a string, or a list of paragraphs) or image (a picture, or a list of pages:
    bytes, or {bytes, path}); summary; and where known title, language, format ("text" or "markdown"), licence,
    source_dataset, original_split, original_index, file. A row with pictures keeps them, and its text stays known
    beside them. options: complete ones. What does not fit is an InputError that says what.
    """
    summary, text, pictures = _read(row, id, options)
    truth = truth_of(
        text,
        summary.strip(),
        format=_format(row, id),
        title=_line(row, "title"),
        language=_line(row, "language"),
        source={ours: _plain(row[theirs]) for ours, theirs in SOURCE.items() if row.get(theirs) not in (None, "")},
    )
    if pictures:
        truth["pages"] = "given"
        pages = len(pictures)
    else:
        from redraft.tasks.summary.drawing import count_pages

        pages = count_pages(truth, seed_of(id), dict(options))
    return Example(id, pictures, conversation(truth["summary"], options, pages), truth, seed_of(id))


def fault_of(row: Mapping[str, Any], options: Mapping[str, Any]) -> str | None:
    """Why the row is no example, as far as it can be told without laying out its pages."""
    try:
        _read(row, "", options)
        _format(row, "")
    except InputError as error:
        return error.what
    return None


def _read(row: Mapping[str, Any], id: str, options: Mapping[str, Any]) -> tuple[str, str, tuple[Image, ...]]:
    """Summary, text and given pictures."""
    summary = _text(row, "summary")
    if not summary.strip():
        raise InputError("there is no summary", where=id, remedy="Give every row a summary")
    if len(summary) > LONGEST_SUMMARY:
        raise InputError(f"the summary has {len(summary):,} characters: this is no summary", where=id)
    pictures = _pictures(row.get("image"), id)
    text = _text(row, "text")
    if not text.strip() and not pictures:
        raise InputError("the document is empty", where=id, remedy="Give a text, or pictures of its pages")
    if len(pictures) > options["max_pages"]:
        raise InputError(f"too many pages: {len(pictures):,}, beyond {options['max_pages']:,}", where=id)
    refuse_long(len(text), options, id)
    return summary, text, pictures


def refuse_long(characters: int, options: Mapping[str, Any], id: str) -> None:
    """Raises InputError for a text that is beyond `max_characters`."""
    if characters > options["max_characters"]:
        raise InputError(
            f"the document is too long: {characters:,} characters, beyond {options['max_characters']:,}", where=id
        )


def seed_of(id: str) -> int:
    """The seed of an example's drawing, 32 bits: the same for the same id, wherever the example stands."""
    return int.from_bytes(hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")


def _text(row: Mapping[str, Any], name: str) -> str:
    """A text column; a list of texts is a text of paragraphs."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        value = "\n\n".join(value) if name == "text" else "\n".join(value)
    if not isinstance(value, str):
        raise InputError(f"the {name} is no text but {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"the {name} is not valid Unicode") from None
    return value


def _line(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""


def _format(row: Mapping[str, Any], id: str) -> Any:
    given = str(row.get("format") or "text").lower()
    found = {"md": "markdown", "plain": "text", "txt": "text"}.get(given, given)
    if found not in FORMATS:
        raise InputError(f"the format '{given[:40]}' is none of {', '.join(FORMATS)}", where=id)
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | bool) else str(value)


def _pictures(given: Any, id: str) -> tuple[Image, ...]:
    if given is None:
        return ()
    pages = list(given) if isinstance(given, list | tuple) else [given]
    return tuple(_picture(page, index, id) for index, page in enumerate(pages) if page is not None)


def _picture(given: Any, index: int, id: str) -> Image:
    data = given.get("bytes") if isinstance(given, Mapping) else given
    if not isinstance(data, bytes) or not data:
        raise InputError("its picture has no bytes: a name alone, or nothing", where=id)
    if len(data) > MAX_PICTURE:
        raise InputError(f"its picture has more than {MAX_PICTURE >> 20} MB", where=id)
    suffix = next((suffix for head, suffix in SUFFIXES.items() if data.startswith(head)), "")
    if not suffix:
        raise InputError("its picture is in no known format", where=id)
    return Image(str(PurePosixPath(page_name(index)).with_suffix(suffix)), data)


def _kind(value: Any) -> str:
    kinds = {bool: "yes or no", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return kinds.get(type(value), type(value).__name__)
