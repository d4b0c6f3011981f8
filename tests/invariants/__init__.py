"""What has to hold in any database, whatever was done to it and in whatever order.

A file for each subject; `@rule` in any of them adds a rule.
"""

from app.store.db import Tx
from tests.invariants import (  # noqa: F401
    attention,
    budgets,
    conflicts,
    counters,
    phases,
    requests,
    runs,
    saved_states,
    supervisors,
    told,
    workers,
)
from tests.invariants.rows import RULES, Look, look
from tests.story import Story

__all__ = ["Look", "check"]


def check(tx: Tx, story: Story | None = None) -> Look:
    """AssertionError with everything that does not hold. With `story`, only events it has not seen are read."""
    story = story or Story()
    story.read(tx)
    seen = look(tx)
    found = [complaint for rule in RULES for complaint in rule(seen)]
    found += story.complaints
    found += [complaint for rule in told.RULES for complaint in rule(seen, story)]
    assert not found, "\n".join(found)
    return seen
