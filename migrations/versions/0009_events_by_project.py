"""events by project

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_event_project", "event", ["project_id", "seq"])


def downgrade() -> None:
    op.drop_index("ix_event_project", table_name="event")
