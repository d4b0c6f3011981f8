"""deliverables, gates and guards

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COUNTED = {
    "done": "'COMPLETED', 'SKIPPED'",
    "failed": "'FAILED'",
    "running": "'RUNNING', 'WAITING_FOR_INPUT'",
    "cancelled": "'CANCELLED'",
}


def upgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("phase_guard", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("auto_advance", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(
            sa.Column("auto_complete", sa.Boolean(), nullable=False, server_default=sa.true())
        )
    with op.batch_alter_table("phase", schema=None) as batch_op:
        batch_op.add_column(sa.Column("requirement", sa.String(), nullable=False, server_default="ALL"))
        batch_op.add_column(sa.Column("minimum", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("gate_tasks", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("guard", sa.Boolean(), nullable=True))
        for column in (*COUNTED, "named_left", "owed"):
            batch_op.add_column(sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("confirmed_by", sa.String(), nullable=True))
    for column, statuses in COUNTED.items():
        op.execute(
            f"UPDATE phase SET {column} = (SELECT count(*) FROM task "
            f"WHERE task.phase_id = phase.id AND task.status IN ({statuses}))"
        )
    op.create_table(
        "deliverable",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("phase_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("changed_by", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["phase_id"], ["phase.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("phase_id", "key"),
        sa.UniqueConstraint("phase_id", "ordinal"),
    )
    with op.batch_alter_table("deliverable", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deliverable_run_id"), ["run_id"], unique=False)


def downgrade() -> None:
    op.drop_table("deliverable")
    with op.batch_alter_table("phase", schema=None) as batch_op:
        for column in (
            *("confirmed_by", "completed_at", "started_at", "owed", "named_left", *reversed(COUNTED)),
            *("guard", "gate_tasks", "minimum", "requirement"),
        ):
            batch_op.drop_column(column)
    with op.batch_alter_table("run", schema=None) as batch_op:
        for column in ("auto_complete", "auto_advance", "phase_guard"):
            batch_op.drop_column(column)
