"""Pages a second, drawn and with all that a dataset's reader does, beside a straightforward Pillow renderer.

    python benchmarks/page_speed.py [--documents ../shared/data/documents/peps.jsonl]

All in one process and one thread, in seconds of processor time, so that other work on the machine counts less.
Writes page_speed.json and page_speed.md beside this file.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from redraft.core.example import Example
from redraft.datasets.reader import Dataset
from redraft.datasets.writer import DatasetWriter
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.options import complete
from redraft.tasks.summary.pages import font_files
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.layout import lay_out
from redraft.tasks.summary.pages.png import encode
from redraft.tasks.summary.pages.report import report
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.task import REVISION, SummaryTask
from redraft.tasks.summary.truth import truth_of

HERE = Path(__file__).parent
PEPS = HERE.parents[1] / "shared" / "data" / "documents" / "peps.jsonl"
CHARACTERS, PAGES, ROUNDS, PILLOW_PAGES = 4000, 60, 3, 10
STYLE = PageStyle(size="base", font_size=14)
PROMISED, PROMISED_RATIO = 150, 10
RIGHTS = {
    "Arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا. ",
    "Devanagari": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। ",
    "Chinese": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "Cyrillic": "Все люди рождаются свободными и равными в своём достоинстве и правах. ",
}
"""The first article of the Universal Declaration of Human Rights, repeated: the other scripts' texts."""


def prose(path: Path) -> list[str]:
    """Texts of some 4,000 characters: the documents' paragraphs of running text, one after the other."""
    paragraphs = (
        " ".join(block.split())
        for line in path.read_text(encoding="utf-8").splitlines()
        for block in json.loads(line)["text"].split("\n\n")
    )
    texts, current = [], ""
    for paragraph in paragraphs:
        if not (200 < len(paragraph) < 900 and paragraph.isascii() and not paragraph[0].isspace()):
            continue
        if len(current) + len(paragraph) > CHARACTERS:
            texts.append(current[:-2])
            current = ""
            if len(texts) == PAGES:
                break
        current += paragraph + "\n\n"
    return texts


def pillow(text: str) -> Image.Image:
    """The page as one writes it with Pillow: words put on a line while they fit."""
    width, height = STYLE.pixels
    page = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(font_files.bundled() / "DejaVuSans.ttf"), STYLE.font_size)
    margin, y = round(STYLE.margin * width), round(STYLE.margin * height)
    pitch = round(STYLE.line_spacing * STYLE.font_size)
    for paragraph in text.split("\n\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if pen.textlength(longer, font=font) > width - 2 * margin:
                pen.text((margin, y), line, font=font, fill=0)
                line, y = word, y + pitch
            else:
                line = longer
        pen.text((margin, y), line, font=font, fill=0)
        y += round(1.5 * pitch)
    return page


def pillow_file(text: str) -> bytes:
    file = io.BytesIO()
    pillow(text).save(file, "PNG")
    return file.getvalue()


def seconds(work: Callable[[], object]) -> float:
    """Of processor time, the least of some rounds."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def steps(texts: list[str]) -> dict[str, float]:
    """Milliseconds a page of each step."""
    documents = [parse(text, "text") for text in texts]
    layouts = [lay_out(document, STYLE) for document in documents]
    if any(len(layout.pages) != 1 for layout in layouts):
        raise SystemExit("a text does not fit its page: the comparison would not be one of pages")
    pixels = [draw(layout, 0) for layout in layouts]
    files = [encode(page) for page in pixels]
    work: dict[str, Callable[[], object]] = {
        "parse": lambda: [parse(text, "text") for text in texts],
        "lay out": lambda: [lay_out(document, STYLE) for document in documents],
        "draw": lambda: [draw(layout, 0) for layout in layouts],
        "encode as PNG": lambda: [encode(page) for page in pixels],
        "decode the PNG": lambda: [np.asarray(Image.open(io.BytesIO(file))) for file in files],
        "report": lambda: [report(layout, 0, page) for layout, page in zip(layouts, pixels, strict=True)],
    }
    return {name: round(1000 * seconds(one) / len(texts), 3) for name, one in work.items()}


def reader(texts: list[str]) -> float:
    """Milliseconds a page from a Parquet row on disk to decoded pixels, by the dataset's own reader."""
    options = complete({"style": STYLE.model_dump()})
    with tempfile.TemporaryDirectory() as folder:
        task = SummaryTask()
        with DatasetWriter(
            Path(folder) / "pages", task=task.name, revision=REVISION, options=options, versions=task.versions(),
            keep_images=False,
        ) as writer:  # fmt: skip
            for number, text in enumerate(texts):
                truth = truth_of(text, "A summary.")
                messages = conversation("A summary.", options, 1)
                writer.add("train", Example(f"page-{number}", (), messages, truth))
        split = Dataset.open(Path(folder) / "pages", task).split("train")

        def read() -> None:
            for number in range(len(split)):
                for image in split.example(number).images:
                    np.asarray(Image.open(io.BytesIO(image.bytes)))

        return 1000 * seconds(read) / len(texts)


def whole(path: Path) -> dict[str, object]:
    """All documents, laid out, drawn and reported on in the default style."""
    pages = clipped = characters = documents = 0
    absent: set[int] = set()
    started = time.process_time()
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        layout = lay_out(parse(row["text"], "text", row["title"], row["language"]), PageStyle())
        documents += 1
        for index in range(len(layout.pages)):
            page = draw(layout, index)
            found = report(layout, index, page)
            encode(page)
            pages, characters = pages + 1, characters + found.characters
            clipped += len(found.clipped)
            absent |= set(found.missing)
    return {
        "documents": documents,
        "pages": pages,
        "characters": characters,
        "clipped_lines": clipped,
        "missing": [f"U+{point:04X}" for point in sorted(absent)],
        "pages_a_second": round(pages / (time.process_time() - started)),
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=Path, default=PEPS)
    given = options.parse_args()
    if not given.documents.is_file():
        print(f"there is no {given.documents}: give a JSON Lines file of documents", file=sys.stderr)
        return 2
    load = os.getloadavg()[0]
    texts = prose(given.documents)
    by_step = steps(texts)
    some = itertools.cycle(texts)
    plain, plain_file = (
        1000 * seconds(lambda one=one: [one(next(some)) for _ in range(PILLOW_PAGES)]) / PILLOW_PAGES
        for one in (pillow, pillow_file)
    )
    scripts = {}
    for script, sentence in RIGHTS.items():
        text = (sentence * (CHARACTERS // len(sentence)))[: CHARACTERS // (2 if script == "Chinese" else 1)]
        document = parse("\n\n".join([text[: len(text) // 4]] * 4), "text")
        pages = len(lay_out(document, STYLE).pages)

        def one(document=document) -> None:
            layout = lay_out(document, STYLE)
            for index in range(len(layout.pages)):
                draw(layout, index)

        scripts[script] = round(pages * 10 / seconds(lambda one=one: [one() for _ in range(10)]))
    libraries = ", ".join(f"{name} {version(name)}" for name in ("skia-python", "pillow", "numpy"))
    result = {
        "characters_a_page": round(sum(map(len, texts)) / len(texts)),
        "milliseconds": by_step,
        "reader_milliseconds": round(reader(texts), 3),
        "pillow_milliseconds": {"drawn": round(plain, 3), "file": round(plain_file, 3)},
        "scripts": scripts,
        "documents": whole(given.documents),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before, "
        f"Python {platform.python_version()}, {libraries}",
    }
    (HERE / "page_speed.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (HERE / "page_speed.md").write_text(page_of(result), encoding="utf-8")
    print(page_of(result))
    return 0


def page_of(result: dict) -> str:
    took, plain = result["milliseconds"], result["pillow_milliseconds"]
    drawn = took["lay out"] + took["draw"]
    file = took["parse"] + drawn + took["encode as PNG"]
    whole = result["documents"]
    rows = {
        "parse": took["parse"],
        "lay out": took["lay out"],
        "draw": took["draw"],
        "encode as PNG": took["encode as PNG"],
        "decode the PNG": took["decode the PNG"],
        "report": took["report"],
        f"**laid out and drawn** (promised: {PROMISED} a second)": drawn,
        "from text to PNG": file,
        "**the dataset's reader**: Parquet row to decoded pixels": result["reader_milliseconds"],
        "all of it and the report": result["reader_milliseconds"] + took["report"],
        "Pillow: laid out and drawn": plain["drawn"],
        "Pillow: from text to PNG": plain["file"],
    }
    lines = [f"| {name} | {value:.2f} | {1000 / value:,.0f} |" for name, value in rows.items()]
    scripts = ", ".join(f"{script} {speed}" for script, speed in result["scripts"].items())
    missing = ", ".join(whole["missing"]) or "none"
    return f"""# Pages a second

Pages of 1,024 x 1,024 pixels with {result["characters_a_page"]:,} characters of English prose, in one thread, in
processor time. Made by `benchmarks/page_speed.py`.

| step | ms a page | pages a second a core |
|---|---|---|
{chr(10).join(lines)}

Laid out and drawn this is **{plain["drawn"] / drawn:.1f} times** as fast as a straightforward Pillow renderer
of the same text, font and size (promised: {PROMISED_RATIO} times), which has no headings, lists, tables, columns
or report; from text to PNG, each as it writes files by itself, {plain["file"] / file:.1f} times. A report is made
where it is asked for, not by the reader.

Laid out and drawn, pages a second of other scripts: {scripts}.

All {whole["documents"]} real documents in the default style, from text to PNG with a report of every page:
{whole["pages"]:,} pages, {whole["characters"]:,} characters, {whole["pages_a_second"]} pages a second,
{whole["clipped_lines"]} clipped lines; code points that no installed font has: {missing}.

{result["machine"]}.
"""


if __name__ == "__main__":
    sys.exit(main())
