"""What trivial things are to be seen in a normalised picture, so that it is not decoded for every version."""

import sqlalchemy as sa
from alembic import op

from dataset.catalog.migration_steps import create_table

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "looks",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("recipe", sa.String(length=32), nullable=False),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "recipe", name=op.f("pk_looks")),
    )
