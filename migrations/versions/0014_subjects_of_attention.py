"""what the control plane remembers of what it asked

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("attention", schema=None) as batch_op:
        batch_op.add_column(sa.Column("subject", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("attention", schema=None) as batch_op:
        batch_op.drop_column("subject")
