"""What hosts, pages and pictures say about training, when they were asked, and who objects now."""

import sqlalchemy as sa

from dataset.catalog.migration_steps import add_column, create_index, create_table
from dataset.catalog.tables import Moment

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "signals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_signals"),
    )
    create_index("ix_signals_about", "signals", ["about"])
    create_index("ix_signals_sha256", "signals", ["sha256"])
    create_table(
        "consents",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=False),
        sa.Column("checked_at", Moment(), nullable=False),
        sa.Column("objection", sa.Text(), nullable=False),
        sa.Column("usage_preference", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "image_url", name="pk_consents"),
    )
    add_column("images", sa.Column("copyright_notice", sa.Text(), nullable=False, server_default=""))
