"""facts without heartbeats

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TOLD = sa.text("kind <> 'HeartbeatReceived'")


def upgrade() -> None:
    op.create_index("ix_event_told", "event", ["seq"], sqlite_where=TOLD, postgresql_where=TOLD)
    op.create_index(
        "ix_event_told_of_project", "event", ["project_id", "seq"], sqlite_where=TOLD, postgresql_where=TOLD
    )


def downgrade() -> None:
    op.drop_index("ix_event_told_of_project", table_name="event")
    op.drop_index("ix_event_told", table_name="event")
