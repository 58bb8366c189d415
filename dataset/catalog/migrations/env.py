"""Alembic's entry: run the migrations on the engine the catalog hands over."""

from alembic import context

from dataset.catalog.tables import metadata

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
