"""Tables and columns that are missing although the catalog's revision says that they are there.

Programs between two releases gave some of these revisions other numbers, or fewer columns. Steps that were done already
do nothing.
"""

import sqlalchemy as sa
from alembic import context

from dataset.catalog.migration_steps import add_column

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

DONE_AGAIN = ("0006", "0008", "0009", "0010", "0011", "0012", "0013", "0014", "0015", "0016", "0017")


def upgrade() -> None:
    for number in DONE_AGAIN:
        context.script.get_revision(number).module.upgrade()
    add_column("plays", sa.Column("model_answer", sa.String(length=64), nullable=False, server_default=""))
    add_column("certificate_pictures", sa.Column("look", sa.String(length=8), nullable=True))
    add_column("certificate_pictures", sa.Column("ticket", sa.Float(), nullable=True))
    add_column("certificate_pictures", sa.Column("site", sa.Text(), nullable=True))
