"""Migrations of the review tables (Alembic)."""
