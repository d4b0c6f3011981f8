"""What is kept of agents that look after runs."""

from collections.abc import Iterator

from app.domain.saved_states import KEPT
from tests.invariants.rows import Look, rule


@rule
def as_many_states_are_kept_as_there_are_places_for(seen: Look) -> Iterator[str]:
    for row in seen.supervisor.values():
        kept = seen.saved[row.id]
        numbers = [state.n for state in kept]
        if len(kept) > KEPT + 1 or len(set(numbers)) < len(kept) or max(numbers, default=0) > row.saves:
            yield f"supervisor {row.id} was saved {row.saves} times; {numbers} are kept"
        if row.last_heartbeat_at is not None and not kept:
            yield f"supervisor {row.id} is an agent of which nothing was saved"
