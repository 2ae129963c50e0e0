"""The table of the store's database. Only what opens a store imports this: SQLAlchemy takes a while to load."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()
measurements = sa.Table(
    "measurements",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("split", sa.Text, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("correct", sa.Integer, nullable=False),
    sa.Column("loss", sa.Float, nullable=True),
    sa.Column("logits_sha256", sa.String(64), nullable=False),
    sa.Column("logits_bytes", sa.Integer, nullable=False),
    sa.Column("made_at", sa.String(32), nullable=False),
    sa.Column("made_with", sa.Text, nullable=False),
    # Later additions: these columns are added to older stores.
    sa.Column("figure", sa.Text, nullable=True),
    sa.Column("loss_sd", sa.Float, nullable=True),
)
LATER = {"figure": "TEXT", "loss_sd": "FLOAT"}

# A recipe of a thousand ingredients with separate coefficients for every tensor is shorter.
_LONGEST_RECIPE, _LONGEST_FIGURE = 16_000_000, 10_000


def short_enough() -> sa.ColumnElement[bool]:
    """The condition a row must meet to be read into memory at all."""
    columns = measurements.c
    figure = sa.func.coalesce(sa.func.length(columns.figure), 0) <= _LONGEST_FIGURE
    return (sa.func.length(columns.recipe) <= _LONGEST_RECIPE) & figure


def select(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The query for all rows that meet a condition, and can be read into memory."""
    return sa.select(measurements).where(condition, short_enough())
