"""The random sample by which a version says how wrong its labels still are."""

import sqlalchemy as sa
from alembic import op

from dataset.catalog.migration_steps import create_table
from dataset.catalog.tables import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "audit",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("ticket", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("drawn_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_audit")),
    )
