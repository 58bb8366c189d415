"""Objects and text that are recognised in pictures; what a question is for, and how long an answer took."""

import sqlalchemy as sa
from alembic import op

from dataset.catalog.migration_steps import add_column, create_index, create_table, drop_table, has_table
from dataset.catalog.tables import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "seen",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("recipe", sa.String(length=64), nullable=False),
        sa.Column("objects", sa.JSON(), nullable=False),
        sa.Column("text_lines", sa.Integer(), nullable=False),
        sa.Column("text_share", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_seen")),
    )
    create_table(
        "asked",
        sa.Column("ask", sa.String(length=16), nullable=False),
        sa.Column("project", sa.String(length=128), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("pushed_at", Moment(), nullable=False),
        sa.Column("withdrawn_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("ask", "project", name=op.f("pk_asked")),
    )
    create_index("ix_asked_sha256", "asked", ["sha256"])
    if has_table("review_tasks"):
        op.execute(
            "INSERT INTO asked (ask, project, sha256, purpose, round, task_id, pushed_at) "
            "SELECT substr(sha256, 1, 16), project, sha256, 'risk', 0, task_id, pushed_at FROM review_tasks "
            "WHERE true ON CONFLICT DO NOTHING"
        )
        drop_table("review_tasks")
    add_column("judgements", sa.Column("seconds", sa.Float(), nullable=True))
    add_column("judgements", sa.Column("why", sa.Text(), nullable=False, server_default=""))
