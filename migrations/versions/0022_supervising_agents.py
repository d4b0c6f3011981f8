"""agents that look after runs, as processes

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.String(), nullable=False, server_default="WORKER"))
    with op.batch_alter_table("supervisor", schema=None) as batch_op:
        batch_op.alter_column("restarted_at", new_column_name="listened_since")
        batch_op.add_column(sa.Column("runtime", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("worker_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column(
                "recent_restarts", sa.JSON(none_as_null=True), nullable=False, server_default=sa.text("'[]'")
            )
        )
        batch_op.create_unique_constraint("uq_supervisor_worker_id", ["worker_id"])
        batch_op.create_index("ix_supervisor_starts_at", ["starts_at"])


def downgrade() -> None:
    with op.batch_alter_table("supervisor", schema=None) as batch_op:
        batch_op.drop_index("ix_supervisor_starts_at")
        batch_op.drop_constraint("uq_supervisor_worker_id", type_="unique")
        for column in ("recent_restarts", "starts_at", "worker_id", "runtime"):
            batch_op.drop_column(column)
        batch_op.alter_column("listened_since", new_column_name="restarted_at")
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.drop_column("role")
