"""How an agent that looks after a run is brought back, over the API."""

from typing import Any, Final

from tests.schema.world import World

HEARD: Final = "at restoration { text sessionId }"
RESTORATION: Final = """query($run: ID!) { run(id: $run) { supervisor { isAgent savedAt restoration {
  steps { step detail at } context { text sessionId } questions { title status } } } } }"""
EVENTS: Final = """query($run: ID!) { events(filter: {runIds: [$run], types: ["SupervisorRestored"]}) { edges { node {
  actor ... on SupervisorRestored { step detail questions { title } tasks { key } } } } } }"""
AT: Final = "2026-01-01T12:00:00Z"


async def brought_back(world: World) -> tuple[str, dict[str, Any]]:
    """A run whose agent has notes, a question and a task that it waits for; what its successor is told."""
    run = await world.a_run("a", "b < a")
    task = (await world.fleet.task(run, "b")).id
    orchestrator = await world.orchestrator_of(run)
    said = {
        "state": "WAITING_FOR_TASKS",
        "memo": "Red, not blue.",
        "sessionId": "ses_1",
        "pendingTaskIds": [task],
    }
    assert (await orchestrator.do("heartbeat", HEARD, runId=run, **said))["restoration"] is None
    await orchestrator.do("askQuestion", runId=run, question="Which colour?")
    await world.api.do("restartSupervisor", runId=run)
    heard = await orchestrator.do("heartbeat", HEARD, runId=run, state="WORKING")
    again = await orchestrator.do("heartbeat", HEARD, runId=run, state="WORKING")
    assert again["restoration"] is None
    return run, heard["restoration"]


async def test_the_first_heartbeat_is_answered_with_what_the_agent_has_to_know(world: World) -> None:
    _, restoration = await brought_back(world)
    assert restoration["sessionId"] == "ses_1"
    for words in ("Red, not blue.", "Which colour?", "- b (", "## Go on"):
        assert words in restoration["text"]


async def test_the_supervisor_tells_how_it_was_brought_back(world: World) -> None:
    run, _ = await brought_back(world)
    supervisor = (await world.api.query(RESTORATION, run=run))["run"]["supervisor"]
    restoration = supervisor.pop("restoration")
    assert supervisor == {"isAgent": True, "savedAt": AT}
    assert [step["step"] for step in restoration["steps"]] == [
        "STATE_LOADED",
        "CONVERSATION_RESTORED",
        "QUESTIONS_DELIVERED",
        "TASKS_AWAITED",
        "CONTEXT_HANDED_OVER",
        "RESUMED",
    ]
    assert restoration["steps"][2] == {
        "step": "QUESTIONS_DELIVERED",
        "detail": "1 waits for an answer.",
        "at": AT,
    }
    assert restoration["questions"] == [{"title": "Which colour?", "status": "OPEN"}]
    assert restoration["context"]["sessionId"] == "ses_1"
    assert "Red, not blue." in restoration["context"]["text"]


async def test_every_step_is_an_event(world: World) -> None:
    run, _ = await brought_back(world)
    edges = (await world.api.query(EVENTS, run=run))["events"]["edges"]
    told = {edge["node"]["step"]: edge["node"] for edge in edges}
    assert len(told) == len(edges) == 6
    assert told["QUESTIONS_DELIVERED"]["questions"] == [{"title": "Which colour?"}]
    assert told["TASKS_AWAITED"]["tasks"] == [{"key": "b"}]
    assert told["RESUMED"]["actor"] == "orchestrator"
    assert told["STATE_LOADED"]["questions"] == told["STATE_LOADED"]["tasks"] == []


async def test_the_built_in_one_is_not_brought_back(world: World) -> None:
    run = await world.a_run("a")
    await world.api.do("restartSupervisor", runId=run)
    supervisor = (await world.api.query(RESTORATION, run=run))["run"]["supervisor"]
    assert supervisor == {"isAgent": False, "savedAt": None, "restoration": None}
