"""Alembic's way in: it works on the connection, and in the transaction, of whoever calls it (state.versions)."""

from __future__ import annotations

from alembic import context

from redraft.state.tables import Table
from redraft.state.versions import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite changes a column by making the table anew
    transactional_ddl=True,  # we say BEGIN ourselves, so that SQLite too undoes a migration that fails
)
with context.begin_transaction():
    context.run_migrations()
