"""What Alembic runs: one transaction for all steps, one migrator at a time."""

from alembic import context
from sqlalchemy import Connection, Engine, text

from jobs.tables import metadata

#: Any number will do, as long as nothing else in the database locks on it.
LOCK = 7_306_013


def migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # SQLite cannot alter most of a table: Alembic copies it instead.
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


engine: Engine = context.config.attributes["engine"]
with engine.begin() as connection:
    migrate(connection)
