"""What each mutation does, seen through its own answer."""

from typing import Any, Final

import pytest

from app import commands
from app.domain.reports import Paused
from tests.schema.examples import EXAMPLES
from tests.schema.world import World

LOOK_AROUND: Final = {"title": "Look around", "completed": False}
LOOK_TWICE: Final = {"title": "Look twice", "completed": False}

AT: Final = "2026-01-01T12:00:00Z"

EXPECTED: Final[dict[str, tuple[str, Any]]] = {
    "createProject": ("project { name runs { totalCount } }", {"name": "another", "runs": {"totalCount": 0}}),
    "configureProject": (
        "project { settings { maxWorkers skills runtime questionDeadlineSeconds watchPlans } }",
        {
            "settings": {
                "maxWorkers": 7,
                "skills": False,
                "runtime": {"command": ["true"]},
                "questionDeadlineSeconds": 3600,
                "watchPlans": True,
            }
        },
    ),
    "startRun": ("run { status phase { key } }", {"status": "ACTIVE", "phase": {"key": "phase-1"}}),
    "pauseRun": ("run { status statusReason }", {"status": "PAUSING", "statusReason": "because"}),
    "resumeRun": ("run { status }", {"status": "ACTIVE"}),
    "stopRun": (
        "run { status statusReason progress { total } }",
        {"status": "STOPPING", "statusReason": "because", "progress": {"total": 1}},
    ),
    "retryRun": (
        "run { status statusReason progress { failed } }",
        {"status": "ACTIVE", "statusReason": "because", "progress": {"failed": 0}},
    ),
    "archiveRun": ("run { status allowedActions }", {"status": "ARCHIVED", "allowedActions": []}),
    "configureRun": (
        "run { maxWorkers budgetUsd budget { state } phaseGuard autoAdvance autoComplete conflictPolicy phase { guard } }",
        {
            "maxWorkers": 7,
            "budgetUsd": "12.5",
            "budget": {"state": "WITHIN"},
            "phaseGuard": True,
            "autoAdvance": False,
            "autoComplete": False,
            "conflictPolicy": "ALLOW",
            "phase": {"guard": True},
        },
    ),
    "advancePhase": (
        "run { status phase { key } phases { status confirmedBy } }",
        {
            "status": "ACTIVE",
            "phase": {"key": "phase-2"},
            "phases": [
                {"status": "COMPLETED", "confirmedBy": "operator"},
                {"status": "ACTIVE", "confirmedBy": None},
            ],
        },
    ),
    "completeDeliverable": (
        "run { readiness { ready missing } phase { deliverables { key status evidence reason changedBy } } }",
        {
            "readiness": {"ready": False, "missing": ["task 'task', which is READY"]},
            "phase": {
                "deliverables": [
                    {
                        "key": "paper",
                        "status": "COMPLETED",
                        "evidence": "docs/paper.md",
                        "reason": None,
                        "changedBy": "operator",
                    }
                ]
            },
        },
    ),
    "waiveDeliverable": (
        "run { phase { deliverables { status evidence reason changedBy } } }",
        {
            "phase": {
                "deliverables": [
                    {"status": "WAIVED", "evidence": None, "reason": "because", "changedBy": "operator"}
                ]
            }
        },
    ),
    "checkCompletion": ("run { status completedAt }", {"status": "COMPLETED", "completedAt": AT}),
    "blockTask": ("task { status statusReason }", {"status": "BLOCKED", "statusReason": "because"}),
    "unblockTask": ("task { status statusReason }", {"status": "PENDING", "statusReason": "because"}),
    "completeTask": (
        "task { status completedAt }",
        {"status": "COMPLETED", "completedAt": "2026-01-01T12:00:00Z"},
    ),
    "skipTask": (
        "task { status statusReason run { status } }",
        {"status": "SKIPPED", "statusReason": "because", "run": {"status": "COMPLETED"}},
    ),
    "retryTask": (
        "task { status lastError run { status } }",
        {"status": "READY", "lastError": None, "run": {"status": "ACTIVE"}},
    ),
    "createSubtask": (
        "task { key subtasks { title completed } }",
        {"key": "build", "subtasks": [LOOK_AROUND, LOOK_TWICE]},
    ),
    "updateSubtask": ("subtask { title completed }", {"title": "Look again", "completed": True}),
    "deleteSubtask": (
        "task { key subtasks { title completed } }",
        {"key": "build", "subtasks": [LOOK_AROUND]},
    ),
    "addFinding": (
        "finding { title content actor at }",
        {
            "title": "What I saw",
            "content": "# Two gaps\n\nBoth small.",
            "actor": "operator",
            "at": "2026-01-01T12:00:00Z",
        },
    ),
    "killWorker": ("worker { status statusReason }", {"status": "STOPPING", "statusReason": "because"}),
    "pauseWorker": ("worker { status }", {"status": "WAITING_FOR_INPUT"}),
    "resumeWorker": ("worker { status }", {"status": "WAITING_FOR_INPUT"}),
    "reportProgress": ("worker { currentActivity progress }", {"currentActivity": "Reading", "progress": 40}),
    "spawnWorker": (
        "worker { name status command budgetUsd budget { freeUsd } task { key worker { name } } attempt hostLabels "
        "host { name } }",
        {
            "budgetUsd": "1.25",
            "budget": {"freeUsd": "1.25"},
            "name": "By hand",
            "hostLabels": ["linux"],
            "host": {"name": "fleet"},
            "status": "SPAWNING",
            "command": ["true"],
            "task": {"key": "task", "worker": {"name": "By hand"}},
            "attempt": 1,
        },
    ),
    "answerAttention": (
        "item { status answer answeredBy run { openAttention status } worker { status } }",
        {
            "status": "ANSWERED",
            "answer": "red",
            "answeredBy": "operator",
            "run": {"openAttention": 0, "status": "ACTIVE"},
            "worker": {"status": "RUNNING"},
        },
    ),
    "dismissAttention": (
        "item { status answer worker { status } }",
        {"status": "DISMISSED", "answer": None, "worker": {"status": "RUNNING"}},
    ),
    "pausePipeline": ("pipeline { paused reason }", {"paused": True, "reason": "because"}),
    "drainHost": (
        "host { name status slots running }",
        {"name": "fleet", "status": "DRAINING", "slots": 1000, "running": 1},
    ),
    "resumeHost": ("host { status labels }", {"status": "ONLINE", "labels": ["linux"]}),
    "resumePipeline": ("pipeline { paused reason }", {"paused": False, "reason": None}),
    "restartSupervisor": (
        "run { supervisor { state restarts } }",
        {"supervisor": {"state": "WAITING_FOR_USER", "restarts": 1}},
    ),
    "syncSupervisor": (
        "run { supervisor { state savedAt } }",
        {"supervisor": {"state": "WAITING_FOR_USER", "savedAt": "2026-01-01T12:00:00Z"}},
    ),
    "askQuestion": (
        "item { title detail options { value } answerSchema defaultAnswer expiresAt worker { status } }",
        {
            "title": "How many?",
            "detail": "It matters.",
            "options": [{"value": "1"}, {"value": "2"}],
            "answerSchema": {"type": "string"},
            "defaultAnswer": "1",
            "expiresAt": "2026-01-01T12:01:00Z",
            "worker": {"status": "WAITING_FOR_INPUT"},
        },
    ),
}
ELSEWHERE: Final = {
    "createRun",
    "importPlan",
    "mutateDag",
    "injectContext",
    "batchRuns",
    "heartbeat",
    "createToken",
    "revokeToken",
    "reportWorker",
    "beatWorker",
}
"""Told at length below, and in other files."""


def test_the_table_names_every_mutation() -> None:
    assert set(EXPECTED) == set(EXAMPLES) - ELSEWHERE


@pytest.mark.parametrize("mutation", EXPECTED)
async def test_it_does_what_it_says(world: World, mutation: str) -> None:
    fields, expected = EXPECTED[mutation]
    input = await EXAMPLES[mutation][0](world)
    answer = await world.api.do(mutation, fields, **input)
    assert answer[fields.split()[0]] == expected


async def test_files_and_texts_are_given_with_a_receipt_for_each(world: World) -> None:
    (world.root / "docs").mkdir()
    (world.root / "docs" / "notes.md").write_text("Ünïcode\n")
    (world.root / "link.md").symlink_to("docs/notes.md")
    answer = await world.api.do(
        "injectContext",
        "items { id kind path tokens deliveredAt } command { status }",
        target={"workerId": world.worker},
        items=[{"file": "docs/notes.md"}, {"file": "link.md"}, {"text": "12345"}],
    )
    ids = [item.pop("id") for item in answer["items"]]
    assert answer == {
        "items": [
            {"kind": "FILE", "path": "docs/notes.md", "tokens": 3, "deliveredAt": None},
            {"kind": "FILE", "path": "link.md", "tokens": 3, "deliveredAt": None},
            {"kind": "TEXT", "path": None, "tokens": 2, "deliveredAt": None},
        ],
        "command": {"status": "REQUESTED"},
        "userErrors": [],
    }
    runner = await world.runner_of(world.worker)
    report = {"n": 2, "at": "2026-01-01T12:00:00Z", "delivered": ids}
    await runner.do("reportWorker", workerId=world.worker, fence=1, reports=[report])
    assert all(item.delivered_at for item in await world.fleet.context(world.worker) if item.id in ids)


async def test_what_a_task_is_given_reaches_its_next_worker(world: World) -> None:
    run = await world.a_run("task")
    task = (await world.fleet.task(run, "task")).id
    answer = await world.api.do(
        "injectContext",
        "items { id } command { id status }",
        target={"taskId": task},
        items=[{"text": "Hi."}],
    )
    worker = await world.fleet.working(run, "task")
    assert [item.id for item in await world.fleet.context(worker)] == [answer["items"][0]["id"]]


async def test_pausing_a_worker_is_effective_when_its_runner_says_so(world: World) -> None:
    worker = await world.a_worker()
    paused = await world.api.do("pauseWorker", "command { id } worker { status }", workerId=worker)
    assert paused["worker"]["status"] == "RUNNING"
    await world.fleet.report(worker, Paused())
    found = await world.api.query("query($id: ID!) { worker(id: $id) { status } }", id=worker)
    assert found["worker"]["status"] == "PAUSED"


async def test_one_answer_releases_everybody_who_asked_the_same(world: World) -> None:
    run = await world.a_run("one", "two")
    agents = [await world.agent_of(await world.fleet.working(run, key)) for key in ("one", "two")]
    fields = "item { id tasks { key } }"
    first, second = [await agent.do("askQuestion", fields, runId=run, question="Which?") for agent in agents]
    assert first["item"]["id"] == second["item"]["id"]
    assert [task["key"] for task in second["item"]["tasks"]] == ["one", "two"]
    document = "query($id: ID!) { node(id: $id) { ... on AttentionItem { tasks(first: 1) { key } } } }"
    assert await world.api.query(document, id=first["item"]["id"]) == {"node": {"tasks": [{"key": "one"}]}}
    await world.api.do("answerAttention", itemId=first["item"]["id"], answer={"any": ["JSON", 1, None, True]})
    workers = await world.api.query(
        "query($it: WorkerFilter) { workers(filter: $it) { edges { node { status } } } }", it={"runId": run}
    )
    assert [edge["node"]["status"] for edge in workers["workers"]["edges"]] == ["RUNNING"] * 2


@pytest.mark.parametrize("answer", ["text", "", 0, 1.5, False, [], {}, {"a": {"b": [None]}}, 2**53])
async def test_an_answer_is_any_json_and_comes_back_as_it_went(world: World, answer: Any) -> None:
    asked = await world.api.do("askQuestion", "item { id }", runId=world.run, question="Any?")
    id = asked["item"]["id"]
    answered = await world.api.do(
        "answerAttention", "item { answer } command { input }", itemId=id, answer=answer
    )
    assert answered["item"]["answer"] == answer
    assert answered["command"]["input"]["answer"] == answer


async def test_a_default_answer_may_be_null(world: World) -> None:
    for given in ({}, {"defaultAnswer": None}):
        question = f"Null {len(given)}?"
        item = (
            await world.api.do("askQuestion", "item { id }", runId=world.run, question=question, **given)
        )["item"]
        assert (await world.fleet.item(item["id"])).has_default is bool(given)


async def test_a_run_without_urgency_drains(world: World) -> None:
    for mutation, status in (("pauseRun", "PAUSING"), ("stopRun", "STOPPING")):
        answer = await world.api.do(mutation, "run { status }", runId=world.run)
        assert answer["run"]["status"] == status
        assert (await world.fleet.worker(world.worker)).status == "WAITING_FOR_INPUT"
    await world.fleet.do(commands.workers.kill, worker_id=world.worker)
