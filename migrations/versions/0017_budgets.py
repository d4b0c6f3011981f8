"""budgets

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

FLAGS = {"run": ("budget_paused",), "task": ("beyond_budget",), "worker": ("budget_paused",)}


def upgrade() -> None:
    for table, flags in FLAGS.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("budget", sa.BigInteger(), nullable=True))
            for flag in ("budget_warned", *flags):
                batch_op.add_column(sa.Column(flag, sa.Boolean(), server_default=sa.false(), nullable=False))
            if table != "task":
                batch_op.add_column(
                    sa.Column("reserved", sa.BigInteger(), server_default="0", nullable=False)
                )


def downgrade() -> None:
    for table, flags in FLAGS.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in ("budget", "budget_warned", *flags, *(("reserved",) if table != "task" else ())):
                batch_op.drop_column(column)
