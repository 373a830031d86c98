"""Alembic's environment: runs inside the transaction that `services.kit.sql.migrations` has begun."""

from alembic import context

from services.intake.adapters.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
