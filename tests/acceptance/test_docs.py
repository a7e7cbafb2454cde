"""The documentation is true where a machine can tell: links lead somewhere, commands and options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from typed_commands import help_of

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md"),
                *ROOT.glob("src/**/*.md")])  # fmt: skip
NOT_A_COMMAND = re.compile(r"^redraft( <| \.\.\.|:| fine-tunes|$)")


def commands(text: str) -> list[str]:
    """The lines of fenced blocks that call redraft, comments and prompts taken off."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, flags=re.S)
    lines = [
        line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()
    ]
    return [line for line in lines if line.startswith("redraft ") and not NOT_A_COMMAND.match(line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "#", "mailto:")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in commands(page.read_text(encoding="utf-8")):
        line = re.split(r"\s#|\s\|\s|\s>\s|\s2>", line)[0]
        words = [word for word in shlex.split(line)[1:] if not word.startswith("<")]
        verb = (
            tuple(words[:2])
            if words[0] in ("data", "cad", "db", "jobs", "models", "summary")
            else tuple(words[:1])
        )
        if verb[0].startswith("-") or "|" in "".join(verb):
            continue
        shown = help_of(*verb)
        assert shown, f"{page.name}: there is no command '{' '.join(verb)}'"
        for option in (word.partition("=")[0] for word in words if re.match(r"^--?[a-z]", word)):
            assert option in shown, f"{page.name}: '{line}' uses {option}"
