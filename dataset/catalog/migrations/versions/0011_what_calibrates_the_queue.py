"""What the error probabilities of the queue are calibrated by. Those of older programs were all taken as calibrated."""

import sqlalchemy as sa

from dataset.catalog.migration_steps import add_column

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("queue", sa.Column("calibrated_by", sa.String(length=16), nullable=False, server_default="pack"))
