"""what agents have used

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

AMOUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost")


def amounts() -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in AMOUNTS]


def upgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cost", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.add_column(sa.Column("model", sa.String(), nullable=True))
    op.create_table(
        "usage",
        sa.Column("worker_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.DateTime(timezone=True), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=True),
        *amounts(),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("worker_id", "model", "hour"),
    )
    op.create_index("ix_usage_project", "usage", ["project_id", "hour"])
    op.create_index("ix_usage_run", "usage", ["run_id", "hour"])
    op.create_index("ix_usage_task", "usage", ["task_id", "hour"])
    op.create_index("ix_usage_hour", "usage", ["hour"])
    op.create_table(
        "usage_sum",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        *amounts(),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("owner_id"),
    )
    op.create_index(op.f("ix_usage_sum_run_id"), "usage_sum", ["run_id"])


def downgrade() -> None:
    op.drop_table("usage_sum")
    op.drop_table("usage")
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.drop_column("model")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("cost")
