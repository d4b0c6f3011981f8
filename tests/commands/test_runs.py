"""The life of a run, from its making to its archiving."""

from app.domain.runs import RunStatus
from tests.fleet import Fleet


async def test_a_run_goes_from_its_first_task_to_its_last(fleet: Fleet) -> None:
    run_id = await fleet.a_run("design", "build < design", start=False)
    assert (await fleet.run(run_id)).status == RunStatus.CREATED
