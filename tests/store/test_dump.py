"""Everything there is, as lines."""

import json
from typing import Any

import pytest

from app import commands, store
from app.commands.context import Item
from app.commands.runs import PlanSource
from app.domain import limits
from app.domain.reports import Used
from app.domain.usage import Amounts
from app.store import dump
from app.store.db import Database, Tx
from tests.factories import COMMAND, a_plan, a_task
from tests.fleet import Fleet

Lines = list[dict[str, Any]]


def every_line(tx: Tx, *, project_id: str | None = None, rows: int = 0) -> Lines:
    found: Lines = []
    for section in (*dump.SECTIONS, *dump.HISTORY.values()):
        after = None
        while True:
            page = dump.page(tx, section, after, project_id=project_id, rows=rows)
            found += map(json.loads, page.lines)
            after = page.last
            if after is None:
                break
    return found


async def a_world(fleet: Fleet, name: str = "demo") -> str:
    project = await fleet.a_project(name)
    text = "é" * (dump.PIECE + 1)
    receipt = await fleet.do(
        commands.runs.create,
        project_id=project,
        plan=a_plan(["a", "b < a"], ["c"]),
        source=PlanSource("plan.md", "MARKDOWN", "0" * 64, text),
        runtime=COMMAND,
        start=True,
    )
    run = receipt.refs["run"]
    task = (await fleet.task(run, "a")).id
    await fleet.do(commands.subtasks.create, task_id=task, title="Look")
    await fleet.do(commands.findings.add, task_id=task, title="Seen", content="Nothing.")
    await fleet.asking(run, "a")
    worker = await fleet.working(run, "a")
    for _ in range(3):
        await fleet.report(worker, Used("m-1", Amounts(1)), Used("m-2", Amounts(2)))
        fleet.clock.advance(hours=1)
    await fleet.do(commands.context.inject, items=[Item("TEXT", "hello", 1)], worker_id=worker)
    await fleet.do(commands.workers.spawn, run_id=run, runtime=COMMAND, environment={"COLOUR": "canary-7731"})
    return project


def counted(lines: Lines) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        found[line["type"]] = found.get(line["type"], 0) + 1
    return found


async def test_all_of_it_is_there_and_nothing_secret(fleet: Fleet) -> None:
    project = await a_world(fleet)
    lines = await fleet.db.read(every_line)
    counts = counted(lines)
    expected = {
        "Project": 1,
        "Run": 1,
        "PlanText": 2,
        "Phase": 2,
        "Supervisor": 1,
        "Task": 3,
        "Dependency": 1,
        "Subtask": 1,
        "Finding": 1,
        "Worker": 2,
        "Usage": 6,
        "UsageSum": 3,
        "AttentionItem": 1,
        "Asker": 1,
        "ContextItem": 1,
    }
    assert {name: counts[name] for name in expected} == expected
    assert counts["Event"] == len(await fleet.events())
    assert counts["Command"] == len(await fleet.all_commands())
    (run,) = [line for line in lines if line["type"] == "Run"]
    assert (run["projectId"], run["status"], run["planHash"]) == (project, "WAITING_FOR_INPUT", "0" * 64)
    assert "planText" not in run
    texts = [line for line in lines if line["type"] == "PlanText"]
    assert [line["part"] for line in texts] == [1, 2]
    assert "".join(line["text"] for line in texts) == "é" * (dump.PIECE + 1)
    assert any(line.get("environment") == ["COLOUR"] for line in lines)
    assert "canary-7731" not in json.dumps([line for line in lines if line["type"] == "Worker"])


async def test_pages_of_any_size_make_the_same_lines(fleet: Fleet) -> None:
    await a_world(fleet)
    whole = await fleet.db.read(every_line)
    for rows in (1, 2, 3):
        assert await fleet.db.read(every_line, rows=rows) == whole


async def test_what_is_of_another_project_is_not_in_it(fleet: Fleet) -> None:
    ours, theirs = await a_world(fleet, "ours"), await a_world(fleet, "theirs")
    lines = await fleet.db.read(every_line, project_id=ours)
    assert theirs not in json.dumps(lines)
    everything, other = await fleet.db.read(every_line), await fleet.db.read(every_line, project_id=theirs)
    unscoped = {section.name for section in dump.SECTIONS if section.scope is None}
    of_none = [line for line in everything if line["type"] in unscoped]
    assert sum(counted(everything).values()) == len(lines) + len(other) + len(of_none)


async def test_a_document_is_capped_and_says_so(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    await a_world(fleet)
    whole = await fleet.db.read(dump.document, project_id=None)
    assert whole["truncated"] is False
    assert counted(whole["lines"]) == whole["counts"]
    assert whole["cursor"] == str(await fleet.db.read(store.events.head))
    size = len(whole["lines"])
    monkeypatch.setattr(limits, "STATE_LINES", size)
    assert await fleet.db.read(dump.document, project_id=None) == whole
    for limit in (size - 1, 1):
        monkeypatch.setattr(limits, "STATE_LINES", limit)
        part = await fleet.db.read(dump.document, project_id=None)
        assert (part["truncated"], part["lines"]) == (True, whole["lines"][:limit])
    monkeypatch.setattr(limits, "STATE_LINES", size)
    room = sum(len(dump.encoded(line)) for line in whole["lines"][:-1])
    monkeypatch.setattr(limits, "STATE_BYTES", room)
    part = await fleet.db.read(dump.document, project_id=None)
    assert (part["truncated"], part["lines"]) == (True, whole["lines"][:-1])


async def test_what_happens_between_two_pages_costs_nothing_that_was_there(
    fleet: Fleet, db: Database
) -> None:
    """Rows are added and changed while it is read: all that was there before comes once."""
    run = await fleet.a_run(*(a_task(f"t{n}") for n in range(10)))
    before = {task.id for task in (await fleet.tasks(run)).values()}
    (section,) = [section for section in dump.SECTIONS if section.name == "Task"]
    seen: list[str] = []
    after = None
    while True:
        page = await db.read(dump.page, section, after, project_id=None, rows=3)
        seen += [json.loads(line)["id"] for line in page.lines]
        if (after := page.last) is None:
            break
        await fleet.a_run("more")
        await fleet.do(commands.tasks.skip, task_id=seen[0]) if len(seen) == 3 else None
    assert len(set(seen)) == len(seen)
    assert before <= set(seen)
