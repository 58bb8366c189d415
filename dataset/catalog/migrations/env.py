"""Alembic's entry: run the migrations on the engine the catalog hands over."""

from alembic import context

from dataset.catalog.migrate import one_transaction_per_revision
from dataset.catalog.tables import metadata

with one_transaction_per_revision(context.config.attributes["engine"]) as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transactional_ddl=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
