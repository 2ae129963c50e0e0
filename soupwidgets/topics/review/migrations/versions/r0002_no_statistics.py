"""PostgreSQL's planner keeps samples of a column: none of what people wrote."""

from __future__ import annotations

from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take no samples of bodies, and drop those that there are."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE review_records ALTER COLUMN body SET STATISTICS 0")
        op.execute("ALTER TABLE review_records ALTER COLUMN body TYPE text USING body || ''")


def downgrade() -> None:
    """Take samples as of any other column."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE review_records ALTER COLUMN body SET STATISTICS -1")
