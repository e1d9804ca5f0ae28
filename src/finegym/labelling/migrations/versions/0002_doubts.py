"""Suggestions say what is unsure about them, and may leave the label to the annotator."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Those that are there have a label, and nobody noted a doubt."""
    with op.batch_alter_table("suggestions") as batch_op:
        batch_op.add_column(sa.Column("doubts", sa.JSON(none_as_null=True), nullable=False, server_default="[]"))
        batch_op.alter_column("label", existing_type=sa.String(length=200), nullable=True)


def downgrade() -> None:
    """Suggestions without a label cannot be kept."""
    op.execute("DELETE FROM suggestions WHERE label IS NULL")
    with op.batch_alter_table("suggestions") as batch_op:
        batch_op.alter_column("label", existing_type=sa.String(length=200), nullable=False)
        batch_op.drop_column("doubts")
