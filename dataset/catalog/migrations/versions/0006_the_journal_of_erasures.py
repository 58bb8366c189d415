"""What is to be erased, noted before it begins; hashes of normalised pictures."""

import sqlalchemy as sa
from alembic import op

from dataset.catalog.migration_steps import create_table
from dataset.catalog.tables import Moment

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "erasures",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("begun_at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_erasures")),
    )
    create_table(
        "digests",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("recipe", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "recipe", name=op.f("pk_digests")),
    )
