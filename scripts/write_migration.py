"""Writes the migration from the newest version to what src/redraft/state/tables.py says now; read it before use.

    .venv/bin/python scripts/write_migration.py "Jobs know their cluster"

Set HEAD in src/redraft/state/versions.py to its number. --first writes the whole of the first one anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from redraft.state.versions import MIGRATIONS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("message", help="what changes, as a sentence without a full stop")
    parser.add_argument("--first", action="store_true")
    arguments = parser.parse_args()
    if arguments.first:
        for path in (MIGRATIONS / "versions").glob("0001_*.py"):
            path.unlink()
    number = f"{1 + max((int(p.name[:4]) for p in (MIGRATIONS / 'versions').glob('[0-9]*_*.py')), default=0):04}"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/state.sqlite")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            script = command.revision(config, arguments.message, autogenerate=True, rev_id=number)
        engine.dispose()
    path = Path(script.path)  # type: ignore[union-attr, arg-type]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "# ### " not in line), encoding="utf-8")
    for verb in (["check", "--fix", "--select", "I,F401"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *verb, "-q", path], check=True)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
