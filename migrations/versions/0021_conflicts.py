"""what becomes of tasks that mean to change the same paths

Runs that are there already go on as they were begun: nothing holds their tasks back.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("conflict_policy", sa.String(), nullable=False, server_default="ALLOW"))


def downgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("conflict_policy")
