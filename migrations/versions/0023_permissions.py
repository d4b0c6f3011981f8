"""requests for permission that an agent waits for

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("asking", sa.JSON(none_as_null=True), nullable=False, server_default="{}")
        )
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.alter_column("asking", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.drop_column("asking")
