"""supervisors

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STANDING = """CASE status WHEN 'CREATED' THEN 'INITIALIZING' WHEN 'WAITING_FOR_INPUT' THEN 'WAITING_FOR_USER'
    WHEN 'BLOCKED' THEN 'BLOCKED' WHEN 'PAUSING' THEN 'WAITING_FOR_TASKS' WHEN 'STOPPING' THEN 'WAITING_FOR_TASKS'
    WHEN 'PAUSED' THEN 'IDLE' WHEN 'COMPLETED' THEN 'COMPLETED' WHEN 'ARCHIVED' THEN 'COMPLETED'
    WHEN 'FAILED' THEN 'FAILED' WHEN 'CANCELLED' THEN 'INTERRUPTED' ELSE 'WORKING' END"""
"""How the built-in supervisor stands in each status of its run. What a run was before it was archived is not known here."""


def upgrade() -> None:
    op.create_table(
        "supervisor",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("is_agent", sa.Boolean(), nullable=False),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("activity", sa.String(), nullable=True),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("pending_tasks", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("restarts", sa.Integer(), nullable=False),
        sa.Column("restarted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("saved", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id"),
    )
    op.create_index("ix_supervisor_is_agent", "supervisor", ["is_agent"])
    op.execute(
        "INSERT INTO supervisor (id, run_id, state, is_agent, progress, pending_tasks, restarts) "
        f"SELECT 'sup' || substr(id, 4), id, {STANDING}, false, 0, '[]', 0 FROM run"
    )
    condition = sa.text("kind = 'HeartbeatReceived'")
    for name, columns in (("ix_event_beat", ["at"]), ("ix_event_beat_of_run", ["run_id", "seq"])):
        op.create_index(name, "event", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_index("ix_event_beat_of_run", table_name="event")
    op.drop_index("ix_event_beat", table_name="event")
    op.drop_table("supervisor")
