"""Records, and ids of what was taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "review_records",
        sa.Column("session", sa.String(32), primary_key=True),
        sa.Column("author", sa.String(32), primary_key=True),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "review_gone",
        sa.Column("session", sa.String(32), primary_key=True),
        sa.Column("id", sa.String(32), primary_key=True),
    )


def downgrade() -> None:
    """Drop them, with everything in them."""
    op.drop_table("review_gone")
    op.drop_table("review_records")
