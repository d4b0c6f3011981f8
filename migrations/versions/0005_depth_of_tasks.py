"""depth of tasks

Revision ID: 0005
Revises: 0004
"""

from collections import defaultdict, deque

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task", sa.Column("depth", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_task_depth", "task", ["run_id", "depth", "ordinal"])
    connection = op.get_bind()
    for (run_id,) in connection.execute(sa.text("SELECT id FROM run")).all():
        depths = _depths(connection, run_id)
        if depths:
            connection.execute(
                sa.text("UPDATE task SET depth = :depth WHERE id = :id"),
                [{"id": task_id, "depth": depth} for task_id, depth in depths.items()],
            )


def _depths(connection: sa.Connection, run_id: str) -> dict[str, int]:
    """The length of the longest chain before each task that waits for another."""
    dependents: dict[str, list[str]] = defaultdict(list)
    waiting: dict[str, int] = defaultdict(int)
    edges = sa.text("SELECT task_id, needs_id FROM dependency WHERE run_id = :run_id")
    for task_id, needs_id in connection.execute(edges, {"run_id": run_id}):
        dependents[needs_id].append(task_id)
        waiting[task_id] += 1
    depths: dict[str, int] = {}
    queue = deque(task_id for task_id in dependents if task_id not in waiting)
    while queue:
        task_id = queue.popleft()
        for dependent in dependents[task_id]:
            depths[dependent] = max(depths.get(dependent, 0), depths.get(task_id, 0) + 1)
            waiting[dependent] -= 1
            if not waiting[dependent]:
                queue.append(dependent)
    return depths


def downgrade() -> None:
    op.drop_index("ix_task_depth", table_name="task")
    op.drop_column("task", "depth")
