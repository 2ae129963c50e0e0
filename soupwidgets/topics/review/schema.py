"""Tables of reviews: the same in SQLite and in PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

from soupwidgets.topics.review.records import ID_LENGTH

metadata = sa.MetaData()
records = sa.Table(
    "review_records",
    metadata,
    sa.Column("session", sa.String(ID_LENGTH), primary_key=True),
    sa.Column("author", sa.String(ID_LENGTH), primary_key=True),
    sa.Column("id", sa.String(ID_LENGTH), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
gone = sa.Table(
    "review_gone",
    metadata,
    sa.Column("session", sa.String(ID_LENGTH), primary_key=True),
    sa.Column("id", sa.String(ID_LENGTH), primary_key=True),
)
