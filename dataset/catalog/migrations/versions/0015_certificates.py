"""Designs of certificates: which pictures people look at to certify the labels, and in which order."""

import sqlalchemy as sa
from alembic import op

from dataset.catalog.migration_steps import create_index, create_table
from dataset.catalog.tables import Moment

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "certificates",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("seed", sa.String(length=32), nullable=False),
        sa.Column("error", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
    )
    create_table(
        "certificate_pictures",
        sa.Column("certificate", sa.String(length=16), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("stratum", sa.Integer(), nullable=False),
        sa.Column("look", sa.String(length=8), nullable=True),
        sa.Column("ticket", sa.Float(), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("certificate", "place", name=op.f("pk_certificate_pictures")),
    )
    create_index("ix_certificate_pictures_sha256", "certificate_pictures", ["sha256"])
