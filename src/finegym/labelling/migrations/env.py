"""What Alembic runs: the migrations, on the connection that ``labelling.migrate`` has opened."""

from alembic import context

from finegym.labelling.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
    compare_type=True,
)
context.run_migrations()
