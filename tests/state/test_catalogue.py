"""A new database knows the base models; what was pulled since is left as it is."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from sqlalchemy import func, select, update

from redraft.state import catalogue
from redraft.state.database import Database
from redraft.state.tables import Model

ROOT = Path(__file__).parents[2]


def refill(database: Database) -> int:
    with database.write() as session:
        return catalogue.fill(session.connection(), database.now(session))


def test_a_new_database_knows_every_base_model(database: Database) -> None:
    with database.read() as session:
        rows = {row.name: row for row in session.scalars(select(Model))}
    assert set(rows) == {entry.name for entry in catalogue.entries()}
    small = rows["hf:HuggingFaceTB/SmolVLM-500M-Instruct"]
    assert (small.id, small.kind, small.status, small.licence) == (
        "model-smolvlm-500m-instruct",
        "base",
        "known",
        "apache-2.0",
    )
    assert small.bytes == 2 * small.parameters
    assert rows["tiny"].status == "ready", "it is built in"
    assert all(len(row.id) <= 40 and re.fullmatch(r"[a-z0-9.-]+", row.id) for row in rows.values())
    assert len({row.id for row in rows.values()}) == len(rows)


def test_every_base_of_a_recipe_is_in_the_catalogue() -> None:
    known = {entry.name: entry for entry in catalogue.entries()}
    used = set()
    for path in sorted((ROOT / "recipes").glob("*.yaml")):
        base = yaml.safe_load(path.read_text())["model"]["base"]
        if base.startswith("hf:") or base == "tiny":
            assert base in known, path.name
            used.add(path.stem)
    named = {recipe for entry in known.values() for recipe in entry.recipes}
    assert named <= {path.stem for path in (ROOT / "recipes").glob("*.yaml")}
    assert {name for name in used if name.startswith(("family-", "summary-"))} <= named


def test_every_family_has_a_base_model() -> None:
    families = {path.stem for path in (ROOT / "src/redraft/models/families").glob("[a-z]*.py")} - {"base"}
    # DeepSeek-OCR v1 is published in a form that opens from a local folder alone
    assert families - {"deepseek_ocr1"} <= {entry.family for entry in catalogue.entries()}


def test_memory_follows_the_formula_of_the_estimates() -> None:
    entry = next(e for e in catalogue.entries() if e.name.endswith("SmolVLM-500M-Instruct"))
    shown = yaml.safe_load((ROOT / "docs/estimates.json").read_text())["models"]["SmolVLM-500M"]
    # the page's figure is for batches of 8 and its own number of tokens; the rest is the same sum
    theirs = shown["memory_bytes"] - 34 * shown["tokens"] * 8 * shown["width"] * shown["layers"]
    ours = entry.memory_to_train["lora"] - 34 * catalogue.TOKENS * entry.width * entry.layers
    assert ours == theirs
    assert entry.memory_to_train["whole"] > 4 * entry.memory_to_train["lora"]


def test_a_later_list_changes_only_what_is_known_of(database: Database) -> None:
    pulled, known, gone = (entry.name for entry in catalogue.entries()[1:4])
    with database.write() as session:
        session.execute(
            update(Model).where(Model.name == pulled).values(status="ready", bytes=7, licence="its own")
        )
        session.execute(update(Model).where(Model.name == known).values(bytes=7))
        session.delete(session.scalars(select(Model).where(Model.name == gone)).one())
    assert refill(database) == 1
    assert refill(database) == 0
    with database.read() as session:
        rows = {row.name: row for row in session.scalars(select(Model))}
        assert session.scalar(select(func.count()).select_from(Model)) == len(catalogue.entries())
    assert (rows[pulled].bytes, rows[pulled].licence) == (7, "its own")
    assert rows[known].bytes == next(e for e in catalogue.entries() if e.name == known).bytes
