"""saved states

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ASKED_BY = "fk_asker_supervisor_id"


def upgrade() -> None:
    # column by column: a table that others refer to is not made anew on SQLite, which would delete what refers to it
    op.drop_column("supervisor", "saved")
    op.add_column("supervisor", sa.Column("saves", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "supervisor",
        sa.Column("restoration", sa.JSON(none_as_null=True), nullable=False, server_default="[]"),
    )
    op.create_table(
        "saved_state",
        sa.Column("supervisor_id", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["supervisor_id"], ["supervisor.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("supervisor_id", "slot"),
    )
    op.add_column("command", sa.Column("supervisor_id", sa.String(), nullable=True))
    op.create_index("ix_command_supervisor", "command", ["supervisor_id", "verb", "idempotency_key"])
    with op.batch_alter_table("asker", schema=None) as batch_op:
        batch_op.add_column(sa.Column("supervisor_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("restarts", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index(batch_op.f("ix_asker_supervisor_id"), ["supervisor_id"])
        batch_op.create_foreign_key(ASKED_BY, "supervisor", ["supervisor_id"], ["id"], ondelete="CASCADE")


def downgrade() -> None:
    with op.batch_alter_table("asker", schema=None) as batch_op:
        batch_op.drop_constraint(ASKED_BY, type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_asker_supervisor_id"))
        batch_op.drop_column("restarts")
        batch_op.drop_column("supervisor_id")
    op.drop_index("ix_command_supervisor", table_name="command")
    op.drop_column("command", "supervisor_id")
    op.drop_table("saved_state")
    op.drop_column("supervisor", "restoration")
    op.drop_column("supervisor", "saves")
    op.add_column("supervisor", sa.Column("saved", sa.JSON(none_as_null=True), nullable=True))
