"""How Alembic reaches the registry: through the connection it is given, else offline as SQL text.

To write a migration, change ``tables.py``, then run in the project's folder::

    alembic -c src/snowmelt/stores/registry/migrations/alembic.ini revision --autogenerate -m "..."
"""

from alembic import context
from sqlalchemy import create_engine

from snowmelt.stores.registry.tables import metadata

connection = context.config.attributes.get("connection")
if connection is not None:
    # The caller's transaction is the lock that keeps other processes waiting.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url", "sqlite://"))
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
