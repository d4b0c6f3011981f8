"""What looks after runs."""

from collections.abc import Iterator

from app.domain.workers import LIVE
from tests.invariants.rows import Look, rule


@rule
def one_process_at_most_looks_after_a_run(seen: Look) -> Iterator[str]:
    for row in seen.supervisor.values():
        live = [
            worker.id
            for worker in seen.of_run[row.run_id]["worker"]
            if worker.role == "ORCHESTRATOR" and worker.status in LIVE
        ]
        if len(live) > 1:
            yield f"{len(live)} agents at once look after {row.run_id}"
        elif live != [id for id in [row.worker_id] if id is not None]:
            yield f"{row.run_id} is looked after by {live}, but its supervisor names {row.worker_id}"


@rule
def only_an_agent_of_its_own_is_to_be_started(seen: Look) -> Iterator[str]:
    for row in seen.supervisor.values():
        if row.starts_at is not None and not (row.is_agent and row.runtime is not None):
            yield f"the supervisor of {row.run_id} is to be started, but it is no agent that can be"


@rule
def people_are_asked_about_an_agent_that_was_given_up(seen: Look) -> Iterator[str]:
    for row in seen.supervisor.values():
        asked = [
            item
            for item in seen.of_run[row.run_id]["attention"]
            if item.status == "OPEN" and item.merge_key == f"supervisor {row.id}"
        ]
        if asked and (
            row.worker_id is not None
            or row.starts_at is not None
            or row.state not in ("INTERRUPTED", "FAILED")
        ):
            yield f"{row.run_id} asks what is to look after it, which is settled: {row.state}"
