"""Which hash lists a picture was compared with."""

import sqlalchemy as sa

from dataset.catalog.migration_steps import add_column

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("images", "fetches"):
        add_column(table, sa.Column("lists", sa.String(64), nullable=False, server_default=""))
