"""Hashes of a picture's parts; pairs say what confirmed them. Derived tables: made anew by the next curate."""

import sqlalchemy as sa
from alembic import op

from dataset.catalog.migration_steps import create_table, drop_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    drop_table("fingerprints")
    drop_table("pairs")
    create_table(
        "fingerprints",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("recipe", sa.String(length=32), nullable=False),
        sa.Column("phash", sa.String(length=16), nullable=False),
        sa.Column("dhash", sa.String(length=16), nullable=False),
        sa.Column("phash16", sa.String(length=64), nullable=False),
        sa.Column("mirrored", sa.String(length=16), nullable=False),
        sa.Column("views", sa.LargeBinary(), nullable=False),
        sa.Column("detail", sa.Float(), nullable=False),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_fingerprints")),
    )
    create_table(
        "pairs",
        sa.Column("a", sa.String(length=64), nullable=False),
        sa.Column("b", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("distance", sa.Float(), nullable=False),
        sa.Column("agreement", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_pairs")),
    )
    create_table(
        "compared",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("recipe", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_compared")),
    )
