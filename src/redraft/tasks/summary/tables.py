"""How results of the summary commands look in a terminal. Light: rich alone, loaded when something is shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Value = Mapping[str, Any]
WIDTH = 200
"""Characters of a line where the output is no terminal."""
READING = 96
"""Characters of a line of running text."""
SHOWN = 8
"""Entries of a list that are shown; the rest is counted."""
FINISH = {
    "stop": "[green]✓ whole[/]",
    "length": "[yellow]cut at the limit[/]",
    "loop": "[yellow]stopped where it repeated itself[/]",
}


def show_summary(value: Value) -> None:
    """The summary on standard output, and what is known of it on standard error; a folder's figures."""
    if "documents" in value:
        _show_folder(value)
        return
    aside = _console(error=True)
    if "output" not in value:
        sys.stdout.write(value["summary"] + "\n")
        sys.stdout.flush()
        aside.print()
    rows = [
        ("summary", f"{FINISH[value['finish']]}, {_plural(value['summary_tokens'], 'token')}"),
        ("read", _read(value)),
    ]
    if value["text_tokens"]:
        rows.append(("compression", _compression(value)))
    if value["not_in_source"]:
        rows.append(("not in source", f"[yellow]{_some(value['not_in_source'])}[/]"))
    elif value["not_in_source"] is not None and value["summary"]:
        rows.append(("not in source", _supported(value)))
    rows.append(("model", escape(value["model"])))
    rows += [("written", escape(value[name])) for name in ("output",) if name in value]
    if "page_files" in value:
        rows.append(("pages", escape(value["page_files"][0].rpartition("/")[0])))
    aside.print(_facts(rows))


def _show_folder(value: Value) -> None:
    console = _console()
    rows = [("documents", f"{value['documents']:,}"), ("summarised", f"[green]{value['summarised']:,}[/]")]
    if value["already_done"]:
        rows.append(("already done", f"{value['already_done']:,}"))
    for finish in ("length", "loop"):
        if value["finish"].get(finish):
            rows.append((FINISH[finish].partition("]")[2].partition("[")[0], f"{value['finish'][finish]:,}"))
    if value["with_claims_not_in_source"]:
        rows.append(("claims not in source", f"in {value['with_claims_not_in_source']:,}, listed in the record"))
    if value["failed"]:
        rows.append(("failed", f"[red]{len(value['failed']):,}[/], named above"))
    rows += [("summaries", escape(value["output"])), ("record", escape(value["record"]))]
    console.print(_facts(rows))


def show_pages(value: Value) -> None:
    """A row a page, then what holds for all."""
    console = _console()
    seen = value["model"] is not None
    names = ["page", ">characters", ">lines", ">x-height"]
    names += [">tokens", ">as text", ">ratio"] if seen else []
    table = _columns(*names, "~findings")
    for row in value["rows"]:
        cells = [row["file"], f"{row['characters']:,}", f"{row['lines']:,}", f"{row['letters']:.1f}"]
        if seen:
            cells += [f"{row['tokens']:,}", f"{row['text_tokens']:,}", f"{row['ratio']:.1f}x"]
        table.add_row(*map(escape, cells), _findings(row))
    console.print(table)
    console.print()
    size = f"{value['width']} x {value['height']} pixels, font size {value['style']['font_size']:g}"
    rows = [("pages", f"{value['pages']:,} of {size}" + ("" if value["complete"] else ", the document is longer"))]
    if seen:
        about = "" if value["exact"] else "about "
        rows.append(("model", escape(value["model"])))
        rows.append(("tokens", f"{value['tokens']:,} on pages, {about}{value['text_tokens']:,} as text"))
        rows.append(("compression", f"{value['ratio']:.1f}x"))
    rows += [("note", escape(note)) for note in value["notes"]]
    rows.append(("written", escape(value["output"])))
    console.print(_facts(rows))


def show_plan(value: Value) -> None:
    """The choice in sentences, then all that was tried."""
    console = _console()
    for number, sentence in enumerate(value["says"]):
        console.print(Padding(Text(sentence, style="bold" if not number else ""), (0, 2)), width=READING)
    console.print()
    table = _columns("", "page", ">columns", ">font", ">pages", ">tokens", ">densest", ">x-height", "~")
    for row in value["tried"]:
        chosen = not row["note"]
        table.add_row(
            "[green]✓[/]" if chosen else "",
            f"{row['width']} x {row['height']}",
            str(row["columns"]),
            f"{row['font_size']:g}",
            f"{row['pages']:,}",
            f"{row['tokens']:,}",
            f"{row['densest']:.1f}x",
            f"{row['letters']:.1f}",
            escape(row["note"]),
            style="bold" if chosen else "dim",
        )
    console.print(table)
    style = {"width": value["width"], "height": value["height"], "columns": value["columns"]}
    style |= {"font_size": value["font_size"]}
    console.print()
    options = " ".join(f"--style {key}={amount}" for key, amount in style.items())
    console.print(f"  [dim]style[/]  {options}", soft_wrap=True)
    for note in value["notes"]:
        console.print(f"  [yellow]{escape(note)}[/]", soft_wrap=True)


def show_search(value: Value) -> None:
    """The advice, the front as a table, and where the report lies."""
    console = _console()
    for number, sentence in enumerate(value["says"]):
        console.print(Padding(Text(sentence, style="bold" if not number else ""), (0, 2)), width=READING)
    console.print()
    table = _columns("", ">style", "~", ">tokens", ">ratio", ">score", "95 % interval")
    rows = {row["number"]: row for row in value["trials"]}
    shown = [*value["front"], *([0] if 0 not in value["front"] else [])]
    for number in shown:
        row = rows[number]
        mark = "[green]✓[/]" if number == value["advice"] else ""
        interval = "" if row["interval"] is None else "{:.3f} to {:.3f}".format(*row["interval"])
        table.add_row(
            mark,
            str(number),
            escape(row["label"]),
            f"{row['tokens']:,.0f}",
            f"{row['ratio']:.1f}x",
            f"{row['score']:.3f}",
            interval,
            style="bold" if mark else "" if number in value["front"] else "dim",
        )
    console.print(table)
    console.print()
    behind = len(value["trials"]) - len(shown)
    rows_below = [("not shown", f"{_plural(behind, 'style')} behind the front, in the report")] if behind else []
    rows_below += [("lead-3", f"{value['lead']:.3f} for the first three sentences, without a model")]
    rows_below += [
        (name, escape(value["files"][key])) for name, key in (("report", "report"), ("chart", "front_png"))
    ]
    console.print(_facts(rows_below))


def _findings(row: Value) -> str:
    found = []
    if row["clipped"]:
        found.append(f"[red]clipped: {_plural(len(row['clipped']), 'line')}[/]")
    if row["missing"]:
        found.append(f"[yellow]no glyph: {_some(row['missing'])}[/]")
    return ", ".join(found) or "[green]✓[/]"


def _read(value: Value) -> str:
    text = f"{_plural(value['pages'], 'page')} of {' x '.join(map(str, value['page_size']))}"
    text += ", the PDF's own" if value["own_pages"] else f", letters of {value['letters']:.1f} px in the model"
    return text if value["complete"] else text + ", [yellow]the beginning only[/]"


def _supported(value: Value) -> str:
    count = (value["numbers"] or 0) + (value["names"] or 0)
    if not count:
        return "[dim]the summary has no numbers or names to look up[/]"
    names = "number" if value["names"] is None else "number or name"
    return f"[green]✓ nothing:[/] {count:,} {names}{'s' * (count > 1)} looked up"


def _compression(value: Value) -> str:
    return f"{value['ratio']:.1f}x: {value['tokens']:,} tokens for a text of {value['text_tokens']:,}"


def _some(entries: Sequence[str]) -> str:
    more = f" and {len(entries) - SHOWN:,} more" if len(entries) > SHOWN else ""
    return escape(", ".join(entries[:SHOWN])) + more


def _plural(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _columns(*names: str) -> Table:
    """A table of columns; a name that begins with > is of numbers, one with ~ of words, which are wrapped where
    there is no room."""
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for name in names:
        side: Literal["left", "right"] = "right" if name.startswith(">") else "left"
        table.add_column(name.lstrip(">~"), justify=side, no_wrap=not name.startswith("~"))
    return table


def _facts(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, text)
    return table


def _console(error: bool = False) -> Console:
    console = Console(highlight=False, stderr=error)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)  # a file or a pipe has no edge that a path could be cut at
    return console
