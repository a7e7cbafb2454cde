"""What the data commands print for people."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

SHOWN_FAULTS = 20
SHOWN_REASONS = 5
SHOWN_LETTERS = 2000


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def show_made(value: dict[str, Any]) -> None:
    """Counts, size, time, and what was left out."""
    console = _console()
    console.print(f"[green]✓[/] {escape(value['output'])}")
    counts = ", ".join(f"{count:,} {split}" for split, count in value["counts"].items())
    kept = "" if value["images"] == "stored" else ", images drawn when read"
    console.print(f"  {value['examples']:,} examples ({counts}), {_size(value['bytes'])}{kept}")
    console.print(f"  {value['seconds']:.1f} s, {value['examples_per_second']:,.1f} examples a second")
    console.print(f"  [dim]{value['fingerprint']}[/]")
    left_out = value["left_out"]
    if left_out["count"]:
        console.print(f"[yellow]  {left_out['count']:,} left out[/] (the manifest lists them):")
        for reason, count in list(left_out["reasons"].items())[:SHOWN_REASONS]:
            console.print(f"    {count:,}: {escape(reason)}")
        if len(left_out["reasons"]) > SHOWN_REASONS:
            console.print(f"    and {len(left_out['reasons']) - SHOWN_REASONS} further reasons")


def show_faults(value: dict[str, Any]) -> None:
    """The faults by kind, the first of them one by one."""
    console = _console()
    faults = value["faults"]
    mark = "[red]✗[/]" if value["errors"] else "[green]✓[/]"
    console.print(
        f"{mark} {value['examples']:,} examples in {value['seconds']:.1f} s: "
        f"{_count(value['errors'], 'error')}, {_count(value['warnings'], 'warning')}"
    )
    if not faults:
        return
    kinds = Counter((fault["severity"], fault["kind"]) for fault in faults)
    for (severity, kind), count in sorted(kinds.items(), key=lambda item: (item[0][0], -item[1])):
        console.print(f"  {_mark(severity)} {count:,} {kind}")
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("", "id", "kind", "reason"):
        table.add_column(column, overflow="fold")
    ordered = sorted(faults, key=lambda fault: str(fault["severity"]))
    for fault in ordered[:SHOWN_FAULTS]:
        table.add_row(_mark(fault["severity"]), escape(fault["id"]), fault["kind"], escape(fault["reason"]))
    console.print(table)
    if len(faults) > SHOWN_FAULTS:
        console.print(f"  [dim]and {len(faults) - SHOWN_FAULTS:,} more; --json lists all[/]")


def show_example(value: dict[str, Any]) -> None:
    """One example: pictures, turns, truth, and the tokens a model makes of it."""
    console = _console()
    console.print(f"[bold]{escape(value['id'])}[/]  {value['split']} {value['index']}, seed {value['seed']}")
    for image in value["images"]:
        size = " x ".join(str(side) for side in image["size"]) if image["size"] else "not an image"
        fault = f"  [red]{escape(image['fault'])}[/]" if "fault" in image else ""
        console.print(f"  {escape(image['path'])}  {size}, {image['bytes']:,} bytes{fault}")
    for message in value["messages"]:
        console.print(f"\n[bold]{message['role']}[/]")
        for part in message["content"]:
            console.print("[cyan]<image>[/]" if part["type"] == "image" else escape(part["text"] or ""))
    console.print("\n[bold]truth[/]")
    for key, entry in value["truth"].items():
        text = str(entry)
        console.print(f"  {escape(key)}: {escape(text if len(text) <= 200 else text[:200] + ' ...')}")
    if "model" in value:
        _show_tokens(console, value["model"])
    for path in value.get("files", []):
        console.print(f"[green]✓[/] {escape(path)}")


def _show_tokens(console: Console, seen: dict[str, Any]) -> None:
    console.print(
        f"\n[bold]as the model sees it[/]: {seen['length']:,} tokens, {seen['trained']:,} of them carry loss "
        f"([green]green[/]); loss {seen['loss']:.4f} a token"
    )
    text = Text()
    for token, repeats in _runs(seen["tokens"]):
        text.append(token["text"], style="green" if token["trained"] else "dim")
        if repeats > 1:
            text.append(f"(x{repeats:,})", style="dim")
        if len(text) > SHOWN_LETTERS:
            text.append(" ...", style="dim")
            break
    console.print(text)
    for name, shape in seen["shapes"].items():
        console.print(f"  [dim]{name} {' x '.join(str(side) for side in shape)}[/]")


def _runs(tokens: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    """Tokens with how often each is repeated in a row. Only those without loss are put together: image tokens."""
    for (_, trained), group in itertools.groupby(tokens, key=lambda token: (token["text"], token["trained"])):
        same = list(group)
        if trained:
            yield from ((token, 1) for token in same)
        else:
            yield same[0], len(same)


def show_export(value: dict[str, Any]) -> None:
    """What was written, how much of it, and how long it took."""
    console = _console()
    console.print(f"[green]✓[/] {escape(value['output'])}")
    if "conversations" in value:
        counts = ", ".join(f"{count:,} {split}" for split, count in value["conversations"].items())
        total = sum(value["conversations"].values())
        console.print(f"  {total:,} conversations ({counts}), {value['images']:,} images")
    else:
        total = sum(value["examples"].values())
        console.print(f"  {total:,} examples, [dim]{value['fingerprint']}[/]")
    console.print(f"  {_size(value['bytes'])} in {value['seconds']:.1f} s")


def show_push(value: dict[str, Any]) -> None:
    """Where the dataset lies now."""
    _console().print(f"[green]✓[/] {escape(value['url'])}  {_size(value['bytes'])}")


def _mark(severity: str) -> str:
    return "[red]✗[/]" if severity == "error" else "[yellow]![/]"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
