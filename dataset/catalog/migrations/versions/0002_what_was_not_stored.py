"""Bodies that were not stored are asked for conditionally too; placeholders of a run; tombstones."""

import sqlalchemy as sa
from alembic import op

from dataset.catalog.migration_steps import add_column, create_table
from dataset.catalog.tables import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("fetches", sa.Column("reason", sa.Text(), nullable=False, server_default=""))
    add_column("runs", sa.Column("placeholders", sa.Integer(), nullable=False, server_default="0"))
    create_table(
        "tombstones",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("erased_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_tombstones")),
    )
