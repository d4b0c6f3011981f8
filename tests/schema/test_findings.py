"""What the log shows of tick-boxes and documents under a task."""

from typing import Any, Final

import pytest

from tests.conftest import BOTH
from tests.schema.world import World

TOLD: Final = """query($id: ID!) {
  events(filter: {taskIds: [$id], types: ["SubtaskChanged", "FindingAdded"]}) { edges { node {
    __typename
    ... on SubtaskChanged { task { key } change title completed subtask { id title completed } }
    ... on FindingAdded { task { key } title finding { title content } }
  } } }
}"""


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_the_log_says_what_was_then_and_shows_what_is_now(world: World) -> None:
    task = world.later_task
    made = await world.api.do("createSubtask", "subtask { id }", taskId=task, title="Look")
    box = made["subtask"]["id"]
    await world.api.do("updateSubtask", subtaskId=box, title="Look twice")
    await world.api.do("addFinding", taskId=task, title="Seen", content="Nothing.")

    async def told() -> list[Any]:
        found = await world.api.query(TOLD, id=task)
        return [edge["node"] for edge in found["events"]["edges"]]

    created, updated, found = await told()
    now = {"id": box, "title": "Look twice", "completed": False}
    assert (created["title"], created["subtask"], created["task"]) == ("Look", now, {"key": "test"})
    assert (updated["change"], updated["subtask"]) == ("UPDATED", now)
    assert found["finding"] == {"title": "Seen", "content": "Nothing."}
    gone = await world.api.do("deleteSubtask", "subtask { id title }", subtaskId=box)
    assert gone["subtask"] == {"id": box, "title": "Look twice"}
    created, _, _, deleted = await told()
    assert created["subtask"]["title"] == "Look"
    assert (deleted["change"], deleted["subtask"]) == ("DELETED", now)
