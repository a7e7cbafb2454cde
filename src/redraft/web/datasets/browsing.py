"""Examples of a dataset and their pictures, read by the process that answers: this one never opens such files."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from redraft.core.answers import Answers
from redraft.core.errors import RedraftError
from redraft.state.tables import Dataset
from redraft.web.datasets.models import ExampleItem, ExamplePage, PictureItem


async def examples(
    answers: Answers, row: Dataset, split: str | None, start: int, limit: int, find: str | None
) -> ExamplePage:
    """Some examples; find: an example's id, at which the page begins."""
    asked = {"dataset": row.folder, "split": split, "start": start, "limit": limit, "find": find}
    value = await _ask(answers, "data.browse", asked, row)
    base = f"/api/datasets/{row.id}/examples/{value['split']}"
    items = [
        ExampleItem(
            id=found["id"],
            index=found["index"],
            seed=found["seed"],
            images=[
                PictureItem(url=f"{base}/{found['index']}/images/{number}", name=name)
                for number, name in enumerate(found["images"])
            ],
            messages=found["messages"],
            truth=found["truth"],
        )
        for found in value["examples"]
    ]
    following = items[-1].index + 1 if items else value["total"]
    more = following if following < value["total"] else None
    return ExamplePage(split=value["split"], total=value["total"], items=items, next=more)


async def picture(answers: Answers, row: Dataset, split: str, index: int, number: int) -> tuple[bytes, str]:
    """The encoded picture and its media type; drawn now where the dataset keeps none."""
    asked = {"dataset": row.folder, "split": split, "index": index, "number": number}
    value = await _ask(answers, "data.picture", asked, row)
    return base64.b64decode(value["data"]), value["type"]


async def _ask(answers: Answers, verb: str, asked: Mapping[str, Any], row: Dataset) -> dict[str, Any]:
    try:
        return (await answers.ask(verb, asked)).value
    except RedraftError as error:  # the caller knows the dataset by its id
        error.what, error.where = (text.replace(row.folder, row.id) for text in (error.what, error.where))
        raise
