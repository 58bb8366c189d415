"""How explicit a picture is, by a network."""

import sqlalchemy as sa

from dataset.catalog.migration_steps import add_column

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("seen", sa.Column("explicit", sa.Float(), nullable=True))
