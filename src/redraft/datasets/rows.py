"""One example as one Parquet row, and back.

Columns: `id` string, `images` list of {bytes, path}, `messages` list of {role, content: list of {type, text}},
`truth` JSON text, `seed` int64. The schema carries the description by which the Hugging Face `datasets` library
shows the images decoded (its `huggingface` metadata key), so that `datasets.load_dataset(folder)` needs no help.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from redraft.core.errors import InputError
from redraft.core.example import Example, Image, message_from_data

COLUMNS = ("id", "images", "messages", "truth", "seed")

_STRING = {"dtype": "string", "_type": "Value"}
_FEATURES = {
    "id": _STRING,
    "images": [{"_type": "Image"}],
    "messages": [{"role": _STRING, "content": [{"type": _STRING, "text": _STRING}]}],
    "truth": _STRING,
    "seed": {"dtype": "int64", "_type": "Value"},
}
"""The list form of `datasets`' features, which its versions before and after 4.0 both read."""

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
        (
            "messages",
            pa.list_(
                pa.struct(
                    [
                        ("role", pa.string()),
                        ("content", pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())]))),
                    ]
                )
            ),
        ),
        ("truth", pa.string()),
        ("seed", pa.int64()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)

IMAGE_BYTES = "images.list.element.bytes"
"""Path of the leaf column that holds the pictures: they are compressed already."""


def canonical(data: Any) -> str:
    """The one JSON text of some data: keys sorted, no spaces, ASCII alone, so that its digest means something."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def to_row(example: Example) -> dict[str, Any]:
    """The example's row. What a row cannot hold (NaN in a truth, text that is no Unicode) is an InputError."""
    try:
        truth = canonical(dict(example.truth))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"the truth is not JSON data ({error})", where=example.id, remedy="Leave this example out"
        ) from None
    if not -(2**63) <= example.seed < 2**63:
        raise InputError("the seed is beyond 64 bits", where=example.id, remedy="Give a smaller seed")
    row: dict[str, Any] = {
        "id": example.id,
        "images": [{"bytes": i.bytes, "path": i.path} for i in example.images],
        "messages": [message.as_data() for message in example.messages],
        "truth": truth,
        "seed": example.seed,
    }
    try:
        canonical(row["messages"])
        for text in (example.id, *(i.path for i in example.images), *(_texts(row["messages"]))):
            text.encode()
    except (UnicodeEncodeError, TypeError, ValueError):
        raise InputError(
            "a text of this example is not valid Unicode",
            where=ascii(example.id),
            remedy="Leave this example out",
        ) from None
    return row


def to_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of SCHEMA."""
    return pa.table(
        {name: pa.array([row[name] for row in rows], SCHEMA.field(name).type) for name in COLUMNS}
    ).cast(SCHEMA)


def to_example(row: Mapping[str, Any], where: str) -> Example:
    """Reads a row of our own files back. where: file and row, for the message when it is not one."""
    try:
        truth = json.loads(row["truth"]) if row.get("truth") else {}
        if not isinstance(truth, dict):
            raise ValueError("the truth is no object")
        return Example(
            id=row["id"],
            images=tuple(Image(i["path"] or "", i["bytes"] or b"") for i in row["images"] or ()),
            messages=tuple(message_from_data(m) for m in row["messages"] or ()),
            truth=truth,
            seed=row["seed"] or 0,
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"this row is not an example ({error})", where=where, remedy="Run `redraft data check` on the dataset"
        ) from None


def _texts(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    return [part["text"] for m in messages for part in m["content"] if part["text"] is not None]
