"""What Alembic runs: the steps that a database lacks, on the connection that it was given."""

from __future__ import annotations

from alembic import context

from soupwidgets.topics.review.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="review_version",
    # SQLite cannot change a column in place.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
