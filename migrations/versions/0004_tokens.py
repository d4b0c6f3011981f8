"""tokens: last use, and the run or worker they are for

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("run_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("worker_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("fence", sa.Integer(), nullable=True))
        batch_op.create_index("ix_token_run_id", ["run_id"], unique=False)
        batch_op.create_index("ix_token_worker_id", ["worker_id"], unique=False)
        for table in ("run", "worker"):
            batch_op.create_foreign_key(
                f"token_{table}_id_fkey", table, [f"{table}_id"], ["id"], ondelete="CASCADE"
            )


def downgrade() -> None:
    with op.batch_alter_table("token", schema=None) as batch_op:
        for table in ("run", "worker"):
            batch_op.drop_constraint(f"token_{table}_id_fkey", type_="foreignkey")
            batch_op.drop_index(f"ix_token_{table}_id")
            batch_op.drop_column(f"{table}_id")
        batch_op.drop_column("fence")
        batch_op.drop_column("last_used_at")
