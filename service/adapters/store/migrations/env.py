"""Runs the migrations on the connection that `migrate` gives."""

from alembic import context

from service.adapters.store.migrations.deferred_indexes import DeferringImpl
from service.adapters.store.tables import METADATA

__all__: list[str] = []

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite changes a column by making the table anew.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
impl = context.get_context().impl
if isinstance(impl, DeferringImpl):
    context.config.attributes["deferred"] = impl.deferred
